"""Events as ELAN reads them: EAF 3.0, an XML file with a tier for each face and kind.

A tier is called `face 0 blink`, `face 0 wink right` and so on; an annotation's text is the event's side, amplitude,
A tier is called `face 0 blink`, `face 0 wink right` and so on; an annotation's text is the event's side, amplitude,
come in the order of the schema (http://www.mpi.nl/tools/elan/EAFv3.0.xsd): HEADER, TIME_ORDER, TIER, LINGUISTIC_TYPE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from redtrack.events.event import Event
from redtrack.formats.common import PathLike, replacing

__all__ = ["write_eaf"]

_TYPE = "event"
_MIME = {
    **{".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime"},
    **{".mpg": "video/mpeg", ".mpeg": "video/mpeg"},
}
_SCHEMA = {
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
}


def write_eaf(path: PathLike, events: Sequence[Event], video: str | None = None) -> None:
    """Writes events of one video; `video` is its path, which ELAN opens beside them. Raises OutputError."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    document = Element("ANNOTATION_DOCUMENT", {"AUTHOR": "redtrack", "DATE": date, "FORMAT": "3.0", "VERSION": "3.0"})
    document.attrib |= _SCHEMA
    header = SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if video:
        _add_media(header, Path(video), Path(path))
    SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(len(events))
    order = SubElement(document, "TIME_ORDER")
    tiers: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        tiers[_tier(event)].append(event)
    slots = _add_slots(order, events)
    number = 0
    for name, members in tiers.items():
        tier = SubElement(document, "TIER", {"LINGUISTIC_TYPE_REF": _TYPE, "TIER_ID": name})
        tier.attrib["PARTICIPANT"] = f"face {members[0].face}"
        for event in members:
            number += 1
            _add_annotation(tier, f"a{number}", slots[id(event)], _text(event))
    kind = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": _TYPE, "TIME_ALIGNABLE": "true"}
    SubElement(document, "LINGUISTIC_TYPE", kind)
    ElementTree.indent(document)
    with replacing(path) as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        file.write(ElementTree.tostring(document, encoding="unicode") + "\n")


def _tier(event: Event) -> str:
    side = f" {event.side}" if event.kind == "wink" else ""  # the two eyes may overlap in time, which a tier may not
    return f"face {event.face} {event.kind}{side}"


def _add_media(header: Element, video: Path, eaf: Path) -> None:
    about = {"MEDIA_URL": video.absolute().as_uri(), "MIME_TYPE": _MIME.get(video.suffix.lower(), "unknown")}
    if video.absolute().parent == eaf.absolute().parent:
        about["RELATIVE_MEDIA_URL"] = f"./{video.name}"
    SubElement(header, "MEDIA_DESCRIPTOR", about)


def _add_slots(order: Element, events: Sequence[Event]) -> dict[int, tuple[str, str]]:
    """Adds two time slots for each event, in order of time; returns their names by the event's identity."""
    times: list[tuple[int, int, int]] = []  # ms, which event, which end
    for index, event in enumerate(events):
        start = max(round(event.onset * 1000), 0)
        times += [(start, index, 0), (max(round(event.offset * 1000), start + 1), index, 1)]
    names: dict[tuple[int, int], str] = {}
    for number, (milliseconds, index, end) in enumerate(sorted(times), start=1):
        names[index, end] = f"ts{number}"
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(milliseconds)})
    return {id(event): (names[index, 0], names[index, 1]) for index, event in enumerate(events)}


def _add_annotation(tier: Element, name: str, slots: tuple[str, str], text: str) -> None:
    about = {"ANNOTATION_ID": name, "TIME_SLOT_REF1": slots[0], "TIME_SLOT_REF2": slots[1]}
    aligned = SubElement(SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", about)
    SubElement(aligned, "ANNOTATION_VALUE").text = text


def _text(event: Event) -> str:
    if not event.amplitude:  # a gap or a doubt
        return event.kind
    words = [event.side, f"{event.amplitude:.2f}", f"certainty {event.certainty:.2f}", event.remark]
    return ", ".join(word for word in words if word)
