"""Events in files: CSV, JSON, ELAN's EAF and WebVTT, each as its readers want it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import videos
from acted_faces import acted
from browsers import chromium, opened
from click.testing import CliRunner, Result
from drawn_tracks import moving_face

from redtrack.cli import cli
from redtrack.edits import Edit, append_edits, edits_path
from redtrack.events import Event
from redtrack.events.eaf import write_eaf
from redtrack.events.webvtt import write_vtt

SHUT = [(40, 42), (80, 84), (120, 129)]


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """A file of tracks of a head that blinks three times, and is not seen for a while."""
    acted(200, SHUT, absent=range(150, 160), info={"source": str(tmp_path / "a & b.mp4")}).save(tmp_path / "clip.h5")
    return tmp_path / "clip.h5"


def measures(*arguments: object, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["measures", *map(str, arguments)])
    assert done.exit_code == status, (done.output, done.exception)
    return done


# What ELAN's schema (EAFv3.0.xsd) says of the elements that are written: children in order, attributes required, known.
SCHEMA: dict[str, tuple[str, str, str]] = {
    "ANNOTATION_DOCUMENT": ("HEADER TIME_ORDER TIER LINGUISTIC_TYPE", "DATE AUTHOR VERSION", "FORMAT"),
    "HEADER": ("MEDIA_DESCRIPTOR PROPERTY", "", "MEDIA_FILE TIME_UNITS"),
    "MEDIA_DESCRIPTOR": ("", "MEDIA_URL MIME_TYPE", "RELATIVE_MEDIA_URL TIME_ORIGIN EXTRACTED_FROM"),
    "PROPERTY": ("", "", "NAME"),
    "TIME_ORDER": ("TIME_SLOT", "", ""),
    "TIME_SLOT": ("", "TIME_SLOT_ID", "TIME_VALUE"),
    "TIER": ("ANNOTATION", "TIER_ID LINGUISTIC_TYPE_REF", "PARTICIPANT ANNOTATOR PARENT_REF DEFAULT_LOCALE"),
    "ANNOTATION": ("ALIGNABLE_ANNOTATION", "", ""),
    "ALIGNABLE_ANNOTATION": ("ANNOTATION_VALUE", "ANNOTATION_ID TIME_SLOT_REF1 TIME_SLOT_REF2", "SVG_REF EXT_REF"),
    "ANNOTATION_VALUE": ("", "", ""),
    "LINGUISTIC_TYPE": ("", "LINGUISTIC_TYPE_ID", "TIME_ALIGNABLE GRAPHIC_REFERENCES CONSTRAINTS"),
}


def check(element: ElementTree.Element) -> None:
    """Asserts that an element has the children and attributes of the schema, in its order."""
    children, required, optional = (words.split() for words in SCHEMA[element.tag])
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places), element.tag
    names = {name for name in element.attrib if not name.startswith("{http://www.w3.org/2001/XMLSchema-instance}")}
    assert set(required) <= names <= {*required, *optional}, element.tag
    for child in element:
        check(child)


def test_elan_reads_it(tracks: Path, tmp_path: Path) -> None:
    """The file keeps to the schema; slots are in order, tiers have no overlaps, and every reference leads somewhere."""
    measures(tracks, "--events", "all", "--to", "eaf", "-o", tmp_path)
    document = ElementTree.parse(tmp_path / "clip.eaf").getroot()
    check(document)
    assert document.attrib["FORMAT"] == "3.0"
    slots = {slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"]) for slot in document.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {kind.attrib["LINGUISTIC_TYPE_ID"] for kind in document.iter("LINGUISTIC_TYPE")}
    names = [found.attrib["ANNOTATION_ID"] for found in document.iter("ALIGNABLE_ANNOTATION")]
    assert len(names) == len(set(names)) and all(re.fullmatch(r"[A-Za-z_][\w.-]*", name) for name in (*names, *slots))
    for tier in document.iter("TIER"):
        assert tier.attrib["LINGUISTIC_TYPE_REF"] in types
        ends = [(slots[a.attrib["TIME_SLOT_REF1"]], slots[a.attrib["TIME_SLOT_REF2"]]) for a in tier.iter(ALIGNED)]
        assert all(start < end for start, end in ends)
        assert all(before[1] <= after[0] for before, after in zip(ends, ends[1:], strict=False))
    tiers = {tier.attrib["TIER_ID"]: len(list(tier)) for tier in document.iter("TIER")}
    assert tiers == {"face 0 blink": 3, "face 0 gap": 1}
    media = next(document.iter("MEDIA_DESCRIPTOR")).attrib
    assert media["MEDIA_URL"] == (tmp_path / "a & b.mp4").as_uri() and media["RELATIVE_MEDIA_URL"] == "./a & b.mp4"


ALIGNED = "ALIGNABLE_ANNOTATION"


def test_an_event_of_no_length_is_a_millisecond_long(tmp_path: Path) -> None:
    """Also where its times round to one; text with mark-up stays text."""
    event = Event("blink", 0, "", 3, 3, 3, 0.12, 0.12, 0.12, 0.9, 1.0, "a < b & c")
    write_eaf(tmp_path / "x.eaf", [event])
    values = [int(slot.attrib["TIME_VALUE"]) for slot in ElementTree.parse(tmp_path / "x.eaf").iter("TIME_SLOT")]
    assert values == [120, 121] and "a < b & c" in "".join(ElementTree.parse(tmp_path / "x.eaf").getroot().itertext())
    write_vtt(tmp_path / "x.vtt", [event], "a --> b")
    assert "00:00:00.120 --> 00:00:00.121" in (tmp_path / "x.vtt").read_text()
    assert "NOTE events of a --&gt; b" in (tmp_path / "x.vtt").read_text()


def test_webvtt_is_what_browsers_play(tracks: Path, tmp_path: Path) -> None:
    """Its first line, then cues, each with a time line and one line of text, in order of time."""
    measures(tracks, "--events", "blink", "--to", "vtt", "-o", tmp_path)
    head, note, *cues = (tmp_path / "clip.vtt").read_text().strip().split("\n\n")
    assert head == "WEBVTT" and note.startswith("NOTE ") and "&amp;" in note and len(cues) == 4
    stamp = r"\d{2}:\d{2}:\d{2}\.\d{3}"
    assert all(re.fullmatch(rf"\d+\n{stamp} --> {stamp}\n[^\n<]+", cue) for cue in cues)
    assert cues[0].splitlines()[1] == "00:00:01.600 --> 00:00:01.720" and "face 0: blink" in cues[0]


def test_a_browser_plays_webvtt(tracks: Path, tmp_path: Path) -> None:
    """Chromium reads every cue of a track of subtitles, and shows the blink at its time and nothing between two."""
    measures(tracks, "--events", "blink", "--to", "vtt", "-o", tmp_path)
    videos.clip(tmp_path / "v.mp4", 200)
    track = '<video src="v.mp4"><track default src="clip.vtt"></video>'
    (tmp_path / "v.html").write_text(f'<body data-ready="1">{track}</body>')
    with chromium() as browser, opened(browser, (tmp_path / "v.html").as_uri()) as page:
        shown = page.evaluate(SHOWN, [1.65, 2.5, 3.25])
    assert shown == [4, ["face 0: blink"], [], ["face 0: blink"]]


SHOWN = """
async (times) => {
  const video = document.querySelector('video'), track = video.textTracks[0], found = [];
  const wait = (ready) => new Promise((resolve) => setInterval(() => ready() && resolve(), 20));
  await wait(() => video.readyState > 1 && track.cues && track.cues.length);
  for (const time of times) {
    video.currentTime = time;
    await wait(() => !video.seeking);
    await new Promise((resolve) => setTimeout(resolve, 400)); // cues follow soon
    found.push([...track.activeCues].map((cue) => cue.text.split(' (')[0]));
  }
  return [track.cues.length, ...found];
}
"""


def test_csv_and_json_tell_the_same(tracks: Path, tmp_path: Path) -> None:
    """CSV counts frames from 1, JSON from 0; a gap has no amplitude in either."""
    done = measures(tracks, "--events", "blink", "--to", "csv", "--to", "json", "-o", tmp_path / "o")
    assert done.stdout.splitlines() == [str(tmp_path / "o" / f"clip.events.{kind}") for kind in ("csv", "json")]
    with open(tmp_path / "o" / "clip.events.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    document = json.loads((tmp_path / "o" / "clip.events.json").read_text())
    (events,) = document["files"].values()
    assert [line["kind"] for line in lines] == ["blink"] * 3 + ["gap"] == [event["kind"] for event in events]
    assert [int(line["onset_frame"]) for line in lines] == [event["onset_frame"] + 1 for event in events]
    assert lines[3]["amplitude"] == "" and events[3]["amplitude"] is None
    assert document["limits"]["blink_depth"] == 0.2


def test_events_of_many_files_are_printed_in_one_table(tracks: Path, tmp_path: Path) -> None:
    """Each line names its file, and the last one says how many there are; --csv and --json print the same."""
    acted(100, [(10, 14)]).save(tmp_path / "other.h5")
    shown = measures(tracks, tmp_path / "other.h5", "--events", "blink").stdout.splitlines()
    assert shown[0].split() == "onset apex offset face amplitude certainty event remark file".split()
    assert len(shown) == 1 + 5 + 1 and shown[-1].startswith("4 blinks, 1 gap in ")
    assert sum(line.endswith("other.h5") for line in shown) == 1
    table = list(
        csv.DictReader(measures(tracks, tmp_path / "other.h5", "--events", "blink", "--csv").stdout.splitlines())
    )
    assert [row["file"] for row in table] == [str(tracks)] * 4 + [str(tmp_path / "other.h5")]
    found = json.loads(measures(tracks, "--events", "blink", "--json").stdout)["files"]
    assert len(found[str(tracks)]) == 4


def test_limits_and_faces_are_options(tracks: Path) -> None:
    deep = measures(tracks, "--events", "blink", "--limit", "blink-depth=0.99", "--face", "0").stdout
    assert deep.splitlines()[-1].startswith("1 gap in ")


def test_without_events_each_measure_is_told_in_figures(tracks: Path, tmp_path: Path) -> None:
    """Mean, spread and quantiles over the frames in which the face is seen, as a table, CSV or JSON."""
    table = measures(tracks).stdout.splitlines()
    assert table[0].split() == ["face", "measure", "frames", "mean", "sd", "p5", "median", "p95", "file"]
    rows = list(csv.DictReader(measures(tracks, "--csv").stdout.splitlines()))
    assert len(rows) == 16 == len(table) - 1 and rows[0]["frames"] == "190"
    values = json.loads(measures(tracks, "--json").stdout)[str(tracks)]
    assert values[0]["measure"] == "right_eye_opening" and values[0]["p95"] > values[0]["p5"] >= 0


def test_what_a_person_put_right_is_measured(tracks: Path) -> None:
    """Edits beside the tracks are taken in, and said, unless they are to be left out."""
    append_edits(edits_path(tracks), [Edit("mark", "a", {"frame": 41, "as": "absent"})], tracks.name, {})
    rows = [list(csv.DictReader(measures(tracks, "--csv", *more).stdout.splitlines())) for more in ([], ["--no-edits"])]
    assert [found[0]["frames"] for found in rows] == ["189", "190"]
    assert "1 edit by hand from clip.edits.jsonl" in measures(tracks).stderr


def test_a_file_without_a_face_is_named(tracks: Path, tmp_path: Path) -> None:
    """On stderr, with events and without; it is no failure."""
    moving_face(3).select(moving_face(3).frame < 0).save(tmp_path / "none.h5")
    for wanted in ([], ["--events", "blink"]):
        done = measures(tmp_path / "none.h5", tracks, *wanted)
        assert done.stderr == f"{tmp_path / 'none.h5'}: no face\n" and done.stdout
    assert not measures(tmp_path / "none.h5").stdout


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            ["--events", "sneeze"],
            "there is no event 'sneeze'; known are blink, wink, mouth, nod, shake, look-away, all",
        ),
        (["--events", ","], "no event is named"),
        (["--events", "blink", "--limit", "blink_width=1"], "there is no limit 'blink_width'; known are blink_depth"),
        (["--events", "blink", "--limit", "blink_depth"], "not of the form NAME=NUMBER"),
        (["--events", "blink", "--limit", "blink_depth=-1"], "the limit blink_depth is -1.0; give a number above 0"),
        (["--events", "blink", "--to", "eaf"], "--to and -o belong together"),
        (["--limit", "noise=3"], "--to and --limit are for events"),
        (["--csv", "--json"], "choose one"),
    ],
)
def test_wrong_use_is_status_2_and_one_sentence(tracks: Path, wrong: list[str], told: str) -> None:
    done = measures(tracks, *wrong, status=2)
    assert told in done.stderr and not done.stdout


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_done(tracks: Path, tmp_path: Path) -> None:
    """So is a face that is not there; exit status 1."""
    (tmp_path / "bad.h5").write_text("no tracks")
    done = measures(tmp_path / "bad.h5", tmp_path / "no.h5", tracks, "--events", "blink", status=1)
    assert done.stderr.count("Error: ") == 2 and "3 blinks" in done.stdout
    done = measures(tracks, "--events", "blink", "--face", "7", status=1)
    assert f"Error: {tracks}: there is no face 7; the faces are 0" in done.stderr and not done.stdout


def test_events_are_marked_in_the_plot(tracks: Path, tmp_path: Path) -> None:
    """The picture differs from that without them; an unknown event is wrong usage."""
    pytest.importorskip("matplotlib")
    pictures = []
    for chosen in ([], ["--events", "blink"]):
        done = CliRunner().invoke(cli, ["plot", str(tracks), "-o", str(tmp_path / "p.png"), *chosen])
        assert done.exit_code == 0, done.output
        pictures.append((tmp_path / "p.png").read_bytes())
    assert pictures[0] != pictures[1]
    done = CliRunner().invoke(cli, ["plot", str(tracks), "--events", "yawn"])
    assert done.exit_code == 2 and "no event 'yawn'" in done.stderr
