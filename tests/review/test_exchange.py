"""Doubtful frames go to a labelling tool and come back as edits; the commands take edits in."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from click.testing import CliRunner
from drawn_tracks import face, tracks_of

from redtrack import formats
from redtrack.cli import cli
from redtrack.edits import Edit, append_edits, apply_edits, edits_path, read_edits
from redtrack.errors import FormatError
from redtrack.review.exchange import doubtful_frames, edits_from_coco
from redtrack.tracks import RowState, Tracks
from redtrack.video import read_picture


def doubtful(path: Path) -> Tracks:
    """Returns tracks of two faces on the 24 frames of a video; face 0 is in doubt in frames 4, 5 and 18."""
    scores = np.full((48, 68), 0.9) + np.linspace(0, 0.01, 48)[:, None]
    scores[[8, 10, 36]] = [[0.1], [0.15], [0.2]]
    points = np.stack([face(x=15, size=50), face(x=95, size=50)] * 24)
    info = {"source": str(path), "width": 160, "height": 120}
    return tracks_of(points, ids=[0, 1] * 24, frame=np.repeat(np.arange(24), 2), scores=scores, info=info)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with clip.mp4 and clip.h5."""
    doubtful(videos.clip(tmp_path / "clip.mp4")).save(tmp_path / "clip.h5")
    return tmp_path


def run(*arguments: Any) -> Any:
    done = CliRunner().invoke(cli, [str(a) for a in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def exported(folder: Path) -> Path:
    run("review", folder / "clip.h5", "--export-frames", 2, "--to", "coco", "-o", folder / "out")
    return folder / "out/clip.coco.json"


def from_cvat(path: Path, change: Any) -> None:
    """Writes the file as CVAT gives it back: without the keys that are ours, after a `change` of its annotations."""
    document = json.loads(path.read_text())
    for entry in document["images"]:
        entry.pop("frame_id"), entry.pop("time")
    for entry in document["annotations"]:
        for key in ("track_id", "face_scores", "score"):
            entry.pop(key, None)
    document["annotations"] = change(document["annotations"])
    path.write_text(json.dumps(document))


def test_the_most_doubtful_faces_are_chosen_apart_in_time() -> None:
    """The worst first, no two within five frames of one video, over all videos together."""
    tracks = doubtful(Path("a.mp4"))
    assert doubtful_frames({"a": tracks}, 2) == {"a": [4, 18]}
    assert doubtful_frames({"a": tracks, "b": tracks}, 3) in ({"a": [4, 18], "b": [4]}, {"a": [4], "b": [4, 18]})
    assert doubtful_frames({"a": Tracks.empty([0.0])}, 3) == {}
    assert len(doubtful_frames({"a": tracks}, 100)["a"]) <= 5


def test_pictures_and_points_are_written_for_a_labelling_tool(folder: Path) -> None:
    """The pictures are the video's frames; each has its name, its size and all faces on it as 68 named key points."""
    document = json.loads(exported(folder).read_text())
    assert [image["file_name"] for image in document["images"]] == ["clip/frame_000004.png", "clip/frame_000018.png"]
    for image, frame in zip(document["images"], (4, 18), strict=True):
        assert (image["width"], image["height"], image["frame_id"]) == (160, 120, frame)
        assert videos.number_of(read_picture(folder / "out" / image["file_name"])) == frame
    assert len(document["annotations"]) == 4 and len(document["categories"][0]["keypoints"]) == 68


def test_what_was_put_right_elsewhere_comes_back_as_edits(folder: Path) -> None:
    """Moved points are mended, untouched faces are right, one that is gone is absent, a new one is added; once."""
    path = exported(folder)

    def change(annotations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        moved, same, gone, kept = annotations
        moved["keypoints"][24:26] = [40.0, 99.0]  # point 8
        triples = np.array(kept["keypoints"]).reshape(68, 3) + [-40, 50, 0]
        new = dict(kept, id=9, attributes={}, keypoints=triples.ravel().tolist(), bbox=[0, 0, 1, 1])
        return [kept, new, same, moved]

    from_cvat(path, change)
    for _ in range(2):
        run("review", folder / "clip.h5", "--edits", path)
    edits = read_edits(edits_path(folder / "clip.h5"))
    assert len(edits) == 5
    result = apply_edits(formats.read(folder / "clip.h5"), edits.in_force())
    placed = result.result()
    assert placed.dense(0)[4, 8].tolist() == [40, 99] and np.isnan(placed.dense(0)[18]).all()
    assert placed.faces == [0, 1, 2] and placed.face_rows(2).size == 1
    assert len(result.trusted()) == 4  # mended, right twice, added


def test_labels_of_other_frames_are_refused(folder: Path) -> None:
    """A file of a longer video, and one that is no COCO."""
    path = exported(folder)
    short = doubtful(folder / "clip.mp4").between(0, 10)
    with pytest.raises(FormatError, match="frame 18, but the tracks have 10"):
        edits_from_coco(path, short)
    path.write_text("{}")
    with pytest.raises(FormatError, match="images"):
        edits_from_coco(path, short)


def point(x: float, y: float) -> Edit:
    return Edit("points", "p", {"frame": 3, "face": 0, "points": {"8": [x, y]}})


def test_convert_takes_edits_in_and_says_so(folder: Path) -> None:
    """Found by name, in another folder, or not at all; the native file tells which rows were edited."""
    append_edits(folder / "clip.edits.jsonl", [point(33, 44)])
    (folder / "other").mkdir()
    append_edits(folder / "other/clip.edits.jsonl", [point(1, 2)])

    def placed(*options: Any) -> tuple[list[float], str, int]:
        done = run("convert", folder / "clip.h5", "--to", "hdf5", "-o", folder / "out", *options)
        tracks = formats.read(folder / "out/clip.h5")
        edited = int((tracks.state == RowState.EDITED).sum())
        return tracks.dense(0)[3, 8].round(2).tolist(), done.stderr, edited

    assert placed()[0] == [33, 44] and "clip.h5: 1 edit by hand from clip.edits.jsonl" in placed()[1]
    assert placed()[2] == 1 and placed("--edits", folder / "other")[0] == [1, 2]
    assert placed("--edits", folder / "other/clip.edits.jsonl")[0] == [1, 2]
    untouched, told, edited = placed("--no-edits")
    assert untouched not in ([33, 44], [1, 2]) and "edit" not in told and edited == 0


def test_convert_takes_corrected_key_points(folder: Path) -> None:
    """`--edits` with the file that the labelling tool wrote."""
    path = exported(folder)
    from_cvat(path, lambda annotations: annotations[1:])
    done = run("convert", folder / "clip.h5", "--to", "csv", "-o", folder / "tables", "--edits", path)
    with open(folder / "tables/clip.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    gone = [row for row in rows if int(row["frame"]) in (4, 5) and row["success"] == "1"]
    assert len(gone) == 3 and "4 edits by hand" in done.stderr


def test_render_and_plot_take_edits_in(folder: Path) -> None:
    """A drawing with an edit differs from one without; quiet says nothing."""
    append_edits(folder / "clip.edits.jsonl", [Edit("delete", "d", {"face": 1})])
    drawings = []
    for options in ([], ["--no-edits"]):
        run("render", folder / "clip.mp4", folder / "clip.h5", "-o", folder / "a.png", "-q", *options)
        drawings.append(read_picture(folder / "a.png"))
    assert (drawings[0] != drawings[1]).any()
    pytest.importorskip("matplotlib")
    assert "1 edit by hand" in run("plot", folder / "clip.h5", "-o", folder / "b.png").stderr


def test_evaluate_takes_edits_in_only_when_asked(folder: Path) -> None:
    """Beside the prediction, the truth, or both: the error of the network itself is the default."""
    (folder / "truth").mkdir()
    (folder / "truth/clip.h5").write_bytes((folder / "clip.h5").read_bytes())
    append_edits(folder / "clip.edits.jsonl", [point(100, 100)])

    def error(*options: Any) -> float:
        done = run("evaluate", folder / "clip.h5", folder / "truth/clip.h5", "--json", *options)
        return float(json.loads(done.stdout)["predictions"][0]["mean"])

    assert error() == 0 and error("--edits", "truth") == 0
    assert error("--edits", "pred") > 0 and error("--edits", "both") > 0
