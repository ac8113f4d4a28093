"""The file of edits: appended and never rewritten, whole after a kill, shared by two writers, checked when read."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from redtrack.edits import Edit, append_edits, check_edit, edits_path, find_edits, read_edits
from redtrack.errors import FormatError, OutputError

NAMED = Edit("name", "n1", {"face": 0, "name": "Ann"})


def marked(id: str, frame: int) -> Edit:
    return Edit("mark", id, {"frame": frame, "face": 0, "as": "right"}, "2026-01-02T03:04:05+00:00")


def test_edits_come_back_in_order_with_the_header(tmp_path: Path) -> None:
    """What was appended in two calls is read back as it was, and the header tells of which tracks and video."""
    path = tmp_path / "clip.edits.jsonl"
    append_edits(path, [NAMED], "clip.h5", {"source": "/v/clip.mp4", "source_digest": "abc", "width": 640})
    append_edits(path, [marked("m1", 3)], "clip.h5", {"source_digest": "abc"})
    read = read_edits(path)
    assert read.entries == (NAMED, marked("m1", 3)) and read.broken == 0
    assert read.about["tracks"] == "clip.h5" and read.about["source_digest"] == "abc" and "width" not in read.about
    assert read.is_of_another_source({"source_digest": "other"}) and not read.is_of_another_source({})


def test_a_line_that_a_kill_cut_short_costs_only_itself(tmp_path: Path) -> None:
    """It is counted; what is appended after it stands on a line of its own."""
    path = tmp_path / "clip.edits.jsonl"
    append_edits(path, [marked("m1", 1), marked("m2", 2)], "clip.h5")
    path.write_bytes(path.read_bytes()[:-20])
    append_edits(path, [marked("m3", 3)], "clip.h5")
    read = read_edits(path)
    assert [edit.id for edit in read.entries] == ["m1", "m3"] and read.broken == 1


def test_two_writers_do_not_spoil_each_other(tmp_path: Path) -> None:
    """Every edit of eight writers at once is there, once and whole."""
    path = tmp_path / "clip.edits.jsonl"

    def write(writer: int) -> None:
        for k in range(25):
            append_edits(path, [marked(f"{writer}-{k}", k)], "clip.h5")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    read = read_edits(path)
    assert len(read) == 200 and read.broken == 0


def test_an_edit_that_was_sent_twice_counts_once(tmp_path: Path) -> None:
    """A page that did not hear the answer sends its edit again, with the same id."""
    path = tmp_path / "clip.edits.jsonl"
    append_edits(path, [marked("m1", 1), marked("m1", 1)])
    assert len(read_edits(path)) == 1


def test_undo_takes_back_and_redo_brings_back(tmp_path: Path) -> None:
    """The last word on an edit counts."""
    undo, redo = (Edit(op, f"{op}1", {"of": "m1"}) for op in ("undo", "redo"))
    path = tmp_path / "clip.edits.jsonl"
    append_edits(path, [marked("m1", 1), NAMED, undo])
    assert [edit.id for edit in read_edits(path).in_force()] == ["n1"]
    append_edits(path, [redo])
    assert [edit.id for edit in read_edits(path).in_force()] == ["m1", "n1"]


def test_edits_are_found_by_the_name_of_the_tracks(tmp_path: Path) -> None:
    """Beside them, or in a folder that is named; a file that is named is taken as it is."""
    tracks = tmp_path / "clip.h5"
    assert edits_path(tracks) == tmp_path / "clip.edits.jsonl" and find_edits(tracks) is None
    append_edits(edits_path(tracks), [NAMED])
    assert find_edits(tracks) == edits_path(tracks)
    other = tmp_path / "other"
    other.mkdir()
    assert find_edits(tracks, other) is None and find_edits(other / "clip.h5", tmp_path) == edits_path(tracks)
    assert find_edits(other / "x.h5", edits_path(tracks)) == edits_path(tracks)
    with pytest.raises(FormatError, match="no such file or folder"):
        find_edits(tracks, tmp_path / "nowhere")
    folder = tmp_path / "annot.v2"
    folder.mkdir()
    assert edits_path(folder).name == "annot.v2.edits.jsonl"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ([], "not a JSON object"),
        ({"op": "warp", "id": "a"}, "no operation 'warp'"),
        ({"op": ["mark"], "id": "a"}, "no operation"),
        ({"op": "name", "face": 0, "name": "Ann"}, "'id' is not text"),
        ({"op": "name", "id": "a" * 65, "face": 0, "name": "Ann"}, "'id' is not text"),
        ({"op": "merge", "id": "a", "face": 0}, "'into' is not a whole number"),
        ({"op": "merge", "id": "a", "face": True, "into": 1}, "'face' is not a whole number"),
        ({"op": "merge", "id": "a", "face": -1, "into": 1}, "'face' is not a whole number"),
        ({"op": "mark", "id": "a", "frame": 1.5, "as": "right"}, "'frame' is not a whole number"),
        ({"op": "mark", "id": "a", "frame": 1, "as": "fine"}, "none of right"),
        ({"op": "points", "id": "a", "frame": 1, "face": 0, "points": {}}, "not an object of points"),
        ({"op": "points", "id": "a", "frame": 1, "face": 0, "points": {"68": [1, 2]}}, "no point '68'"),
        ({"op": "points", "id": "a", "frame": 1, "face": 0, "points": {"1": [1]}}, "not .x, y."),
        ({"op": "points", "id": "a", "frame": 1, "face": 0, "points": {"1": [1, float("nan")]}}, "not .x, y."),
        ({"op": "points", "id": "a", "frame": 1, "face": 0, "points": {"1": [1, 1e9]}}, "not .x, y."),
    ],
)
def test_an_entry_that_is_no_edit_is_refused(entry: object, reason: str) -> None:
    """In words that name the field."""
    with pytest.raises(FormatError, match=reason):
        check_edit(entry)


def test_a_bad_line_is_named_and_a_newer_file_refused(tmp_path: Path) -> None:
    """The message tells the line; a version that is too new and a file of another format are refused."""
    path = tmp_path / "clip.edits.jsonl"
    append_edits(path, [NAMED])
    with open(path, "a") as file:
        file.write('{"op": "warp", "id": "x"}\n')
    with pytest.raises(FormatError, match=r"clip\.edits\.jsonl: line 3: there is no operation"):
        read_edits(path)
    path.write_text(json.dumps({"format": "redtrack edits", "version": 2}))
    with pytest.raises(FormatError, match="update redtrack"):
        read_edits(path)
    path.write_text(json.dumps({"format": "something"}))
    with pytest.raises(FormatError, match="not a file of edits"):
        read_edits(path)
    with pytest.raises(FormatError, match="no such file"):
        read_edits(tmp_path / "nowhere.jsonl")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """As an OutputError with the path."""
    with pytest.raises(OutputError, match="cannot be written"):
        append_edits(tmp_path / "nowhere" / "clip.edits.jsonl", [NAMED])
