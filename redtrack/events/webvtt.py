"""Events as WebVTT, which a browser plays as subtitles: a cue for each, such as `face 0: blink`."""

from __future__ import annotations

from collections.abc import Sequence

from redtrack.events.event import Event
from redtrack.formats.common import PathLike, replacing

__all__ = ["write_vtt"]


def write_vtt(path: PathLike, events: Sequence[Event], video: str | None = None) -> None:
    """Writes events of one video, in order of time; `video` is its path, kept as a note. Raises OutputError."""
    with replacing(path) as file:
        file.write("WEBVTT\n")
        if video:
            file.write(f"\nNOTE events of {_plain(video)}\n")
        for number, event in enumerate(sorted(events, key=lambda event: event.onset), start=1):
            start = round(event.onset * 1000)
            end = max(round(event.offset * 1000), start + 1)
            file.write(f"\n{number}\n{_clock(start)} --> {_clock(end)}\n{_plain(_text(event))}\n")


def _text(event: Event) -> str:
    words = " ".join(word for word in (event.kind, event.side) if word)
    certain = f" ({event.amplitude:.2f}, certainty {event.certainty:.2f})" if event.amplitude else ""
    return f"face {event.face}: {words}{certain}"


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{rest:03d}"


def _plain(text: str) -> str:
    """Returns text that ends no cue or note and holds no mark-up."""
    for mark, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, escaped)
    return " ".join(text.split())
