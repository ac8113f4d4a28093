"""Review finds the spans in doubt: where they are, how they are ranked, and a sheet of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import videos
from click.testing import CliRunner
from drawn_tracks import face, moving_face, tracks_of

from redtrack.cli import cli
from redtrack.cli.review import review
from redtrack.edits import Edit, append_edits
from redtrack.errors import FormatError, UsageError
from redtrack.review import find_spans, review_sheet
from redtrack.tracks import Tracks
from redtrack.video import digest, read_picture


def bumpy(frames: int = 100, **bumps: list[int]) -> Tracks:
    """Returns tracks of a face: disagreement 0.1 px, 5 px in frames `apart`; confidence 0.9, 0.2 in `unsure`."""
    disagreement, scores = np.full((frames, 68), 0.1), np.full((frames, 68), 0.9)
    disagreement[bumps.get("apart", [])] = 5
    scores[bumps.get("unsure", [])] = 0.2
    return moving_face(frames, disagreement=disagreement, scores=scores)


def test_spans_are_where_the_doubt_is() -> None:
    """A stretch of disagreement and one of low confidence are found with their frames, times and worst values."""
    tracks = bumpy(apart=[40, 41, 42], unsure=[70, 71])
    first, second = sorted(find_spans({"a": tracks}, share=0.05), key=lambda span: span.first)
    assert (first.first, first.last, first.frames, first.sign) == (40, 42, 3, "disagreement")
    assert (first.start, first.end) == (40 / 25, 42 / 25)
    eyes = float(np.linalg.norm(face()[36] - face()[45]))
    assert first.disagreement == pytest.approx(5 / eyes, rel=1e-3)
    assert (second.first, second.last, second.sign) == (70, 71, "confidence")
    assert second.confidence == pytest.approx(0.2)


def test_short_pauses_do_not_end_a_span() -> None:
    """Doubt that comes and goes within five frames is one span; farther apart it is two."""
    assert [s.frames for s in find_spans({"a": bumpy(apart=[20, 26])}, share=0.02)] == [7]
    assert len(find_spans({"a": bumpy(apart=[20, 27])}, share=0.02)) == 2


def test_files_are_ranked_together() -> None:
    """The worse file comes first, and `top` cuts the list."""
    mild, wild = bumpy(apart=[5]), bumpy(apart=[50, 51])
    wild = replace(wild, disagreement=np.where(wild.disagreement > 1, np.float32(20), wild.disagreement))
    spans = find_spans({"mild": mild, "wild": wild}, share=0.015)
    assert [span.name for span in spans] == ["wild", "mild"]
    assert find_spans({"mild": mild, "wild": wild}, share=0.015, top=1) == spans[:1]


def test_short_files_have_a_span_too_and_even_ones_none() -> None:
    """The most doubtful row of a few is told however few they are; where all are alike nothing stands out."""
    assert [span.worst for span in find_spans({"a": bumpy(6, apart=[2])})] == [2]
    assert find_spans({"a": bumpy(6)}) == []


def test_faces_are_reviewed_apart() -> None:
    """Two faces in doubt at the same time are two spans."""
    points = np.stack([face(), face(x=150)] * 10)
    apart = np.full((20, 68), 0.1)
    apart[[10, 11]] = 4
    tracks = tracks_of(points, ids=[0, 1] * 10, frame=np.repeat(np.arange(10), 2), disagreement=apart)
    assert sorted((s.face, s.worst) for s in find_spans({"a": tracks}, share=0.1)) == [(0, 5), (1, 5)]


def test_confidence_alone_is_enough_and_nothing_is_refused() -> None:
    """A file without disagreement is reviewed by confidence; one with neither says so; an empty one has no spans."""
    scores = np.full((50, 68), 0.9)
    scores[7] = 0.1
    (span,) = find_spans({"a": moving_face(50, scores=scores)}, share=0.02)
    assert span.worst == 7 and math.isnan(span.disagreement) and span.as_json()["disagreement"] is None
    with pytest.raises(FormatError, match="neither"):
        find_spans({"a": moving_face(5)})
    assert find_spans({"a": Tracks.empty([0.0])}) == []


def test_command_without_spans_draws_no_sheet(tmp_path) -> None:
    """Where nothing stands out no sheet is written, and that is said."""
    bumpy(6).save(tmp_path / "a.h5")
    done = CliRunner().invoke(review, [str(tmp_path / "a.h5"), "--sheet", str(tmp_path / "a.png")])
    assert done.exit_code == 0 and "not written" in done.stderr and not (tmp_path / "a.png").exists()


def test_sheet_needs_the_video(tmp_path) -> None:
    """The video is found where the tracks say, or where the user says; else the remedy is told."""
    source = videos.clip(tmp_path / "in.mp4", 24)
    tracks = bumpy(24, apart=[4, 15])
    spans = find_spans({"a": tracks}, share=0.1)
    with pytest.raises(UsageError, match="--video"):
        review_sheet(spans, {"a": tracks})
    given = review_sheet(spans, {"a": tracks}, source)
    placed = Tracks.from_rows(
        tracks.frame,
        tracks.face,
        tracks.points,
        tracks.times,
        scores=tracks.scores,
        disagreement=tracks.disagreement,
        info={"source": str(source)},
    )
    assert (given == review_sheet(spans, {"a": placed})).all()


def test_command_prints_a_table_or_json_and_draws(tmp_path) -> None:
    """The table has a line for each span; JSON holds the same; the sheet is a picture."""
    source = videos.clip(tmp_path / "in.mp4", 24)
    tracks = bumpy(24, apart=[4, 15])
    tracks.save(tmp_path / "in.h5")
    arguments = [str(tmp_path / "in.h5"), "--share", "0.1"]
    table = CliRunner().invoke(review, arguments)
    assert table.exit_code == 0 and table.stdout.count("in.h5") == 3 and "2 spans, 2 frames of 24" in table.stdout
    listed = json.loads(CliRunner().invoke(review, [*arguments, "--json"]).stdout)["spans"]
    assert sorted(span["worst"] for span in listed) == [4, 15]
    first = json.loads(CliRunner().invoke(review, [*arguments, "--json", "--top", "1"]).stdout)["spans"]
    assert first == listed[:1]
    sheet = str(tmp_path / "sheet.png")
    assert CliRunner().invoke(review, [*arguments, "--sheet", sheet, "--video", str(source)]).exit_code == 0
    assert read_picture(sheet).shape[1] == 1920


def test_sheet_tells_a_video_that_the_tracks_were_not_made_from(tmp_path) -> None:
    """In one sentence, and draws it: it may be a copy with the same frames."""
    source, other = (videos.clip(tmp_path / name, frames) for name, frames in (("in.mp4", 24), ("other.mp4", 23)))
    tracks = replace(bumpy(24, apart=[4]), info={"source": str(source), "source_digest": digest(source)})
    tracks.save(tmp_path / "in.h5")
    arguments = [str(tmp_path / "in.h5"), "--sheet", str(tmp_path / "sheet.png")]
    for video, told in ((source, False), (other, True)):
        done = CliRunner().invoke(review, [*arguments, "--video", str(video)])
        assert done.exit_code == 0 and done.stderr.startswith(f"Warning: {video}: is not the file that") == told


def test_frames_with_two_faces_in_doubt_count_once(tmp_path) -> None:
    """The frames in the spans are never more than there are."""
    one = bumpy(24, apart=[4, 15])
    twice = {name: np.repeat(getattr(one, name), 2, axis=0) for name in ("frame", "points", "scores", "disagreement")}
    Tracks.from_rows(face=np.arange(48) % 2, times=one.times, **twice).save(tmp_path / "a.h5")
    done = CliRunner().invoke(review, [str(tmp_path / "a.h5"), "--share", "1"])
    assert "2 spans, 24 frames of 24" in done.stdout


def test_one_frame_is_told_as_one(tmp_path) -> None:
    """In the singular."""
    bumpy(24, apart=[4]).save(tmp_path / "a.h5")
    assert "1 span, 1 frame of 24" in CliRunner().invoke(review, [str(tmp_path / "a.h5"), "--share", "0.01"]).stdout


def test_files_of_one_name_are_told_apart(tmp_path) -> None:
    """The table tells the folder where two files are called alike; a sheet is called .png."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        bumpy(24, apart=[4]).save(tmp_path / folder / "vid.h5")
    names = [str(tmp_path / folder / "vid.h5") for folder in ("a", "b")]
    done = CliRunner().invoke(review, names)
    assert all(done.stdout.count(name) == 1 for name in names)
    before = Path(names[1]).read_bytes()
    refused = CliRunner().invoke(review, [names[0], "--sheet", names[1]])
    assert isinstance(refused.exception, UsageError) and Path(names[1]).read_bytes() == before


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_reviewed(tmp_path) -> None:
    """The status tells that one is missing, also where there is no other."""
    bumpy(24, apart=[4]).save(tmp_path / "in.h5")
    (tmp_path / "bad.h5").write_text("junk")
    names = [str(tmp_path / name) for name in ("bad.h5", "in.h5")]
    done = CliRunner().invoke(cli, ["review", *names])
    assert done.exit_code == 1 and "in.h5" in done.stdout
    assert done.stderr.startswith(f"Error: {names[0]}: is a text of no")
    alone = CliRunner().invoke(cli, ["review", names[0]])
    assert alone.exit_code == 1 and alone.stdout == ""


def test_command_takes_one_video_for_one_file(tmp_path) -> None:
    """`--video` with two files is wrong usage."""
    source = videos.clip(tmp_path / "in.mp4", 2)
    for name in ("a.h5", "b.h5"):
        bumpy(2).save(tmp_path / name)
    done = CliRunner().invoke(review, [str(tmp_path / "a.h5"), str(tmp_path / "b.h5"), "--video", str(source)])
    assert isinstance(done.exception, UsageError)


def test_command_without_faces_says_so(tmp_path) -> None:
    """Nothing to review is no error."""
    Tracks.empty([0.0, 0.04]).save(tmp_path / "a.h5")
    done = CliRunner().invoke(review, [str(tmp_path / "a.h5")])
    assert done.exit_code == 0 and "Nothing stands out" in done.stdout


def test_edits_by_hand_are_taken_in(tmp_path) -> None:
    """A span whose frames are marked absent is no longer worth a look, and counts as without a face."""
    bumpy(24, apart=[4, 15]).save(tmp_path / "in.h5")
    append_edits(tmp_path / "in.edits.jsonl", [Edit("mark", "a", {"frame": 4, "face": 0, "as": "absent"})])
    about = json.loads(CliRunner().invoke(review, [str(tmp_path / "in.h5"), "--share", "0.1", "--json"]).stdout)
    assert 4 not in [span["worst"] for span in about["spans"]]
    assert about["files"][str(tmp_path / "in.h5")]["with_face"] == 23
