"""`redtrack evaluate`: files and folders are paired by name, origins are told apart, the table states its protocol."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_tracks import face, moving_face, tracks_of

from redtrack.cli.evaluate import box_names, evaluate
from redtrack.errors import FormatError, UsageError
from redtrack.evaluate import Pair, Protocol, score
from redtrack.evaluate.pairs import find_predictions, find_truth, pairs
from redtrack.formats.pts import write_points
from redtrack.render.png import write_png
from redtrack.tracks import Tracks

EYES = float(np.linalg.norm(face()[36] - face()[45]))


def folder_300vw(root: Path, names: list[str], frames: int = 4, origin: int = 1) -> Path:
    """Makes a 300-VW folder, NAME/annot/000001.pts, of the moving face."""
    for name in names:
        (root / name / "annot").mkdir(parents=True)
        for index, points in enumerate(moving_face(frames).points):
            write_points(points, root / name / "annot" / f"{index + 1:06d}.pts", origin)
    return root


def folder_300w(root: Path, names: list[str]) -> Path:
    """Makes a 300-W folder: a picture with a .pts file beside it for each name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_png((root / name).with_suffix(".png"), np.zeros((8, 8, 3), np.uint8))
        write_points(face(), (root / name).with_suffix(".pts"))
    return root


def saved(tracks: Tracks, path: Path, shift: float = 0) -> Path:
    """Saves tracks, their points moved to the right by `shift` px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    moved = tracks.points + np.array([shift, 0], np.float32)
    Tracks.from_rows(tracks.frame, tracks.face, moved, tracks.times).save(path)
    return path


def figures(*arguments: Path | str) -> dict:
    """Returns what `redtrack evaluate … --json` prints."""
    done = CliRunner().invoke(evaluate, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("ending", [".h5", ".csv", ""])
def test_any_format_against_any_format(tmp_path, ending: str) -> None:
    """A prediction 1.5 px off is 1.5 px off in each format that it comes in, against .pts files."""
    truth = folder_300vw(tmp_path / "300vw", ["114"])
    predicted = saved(moving_face(4), tmp_path / f"mine{ending}", 1.5)
    found = figures(predicted, truth / "114")["predictions"][0]
    assert found["mean"] == pytest.approx(1.5 / EYES, rel=1e-3)
    assert found["faces"] == 4 and found["without_output"] == 0


def test_origin_of_the_truth_is_told_apart_by_the_flag(tmp_path) -> None:
    """Truth counted from 0 and read as if from 1 is off by one pixel both ways; the flag puts it right."""
    truth = folder_300vw(tmp_path / "300vw", ["114"], origin=0) / "114"
    predicted = saved(moving_face(4), tmp_path / "mine.h5")
    assert figures(predicted, truth)["predictions"][0]["mean"] == pytest.approx(2**0.5 / EYES, rel=1e-3)
    assert figures(predicted, truth, "--pts-origin", "0")["predictions"][0]["mean"] < 1e-4


def test_origin_of_predictions_has_its_own_flag(tmp_path) -> None:
    """Another tool's .pts files that count from 0 are read by `--pred-origin 0`."""
    predicted = folder_300vw(tmp_path / "theirs", ["114"], origin=0)
    truth = folder_300vw(tmp_path / "300vw", ["114"])
    assert figures(predicted, truth)["predictions"][0]["mean"] == pytest.approx(2**0.5 / EYES, rel=1e-3)
    assert figures(predicted, truth, "--pred-origin", "0")["predictions"][0]["mean"] < 1e-4


@pytest.mark.parametrize(
    "name", ["114.h5", "114-vid.h5", "114/vid.h5", "114_vid.csv", "114.csv", "114", "114.analysis.h5"]
)
def test_predictions_are_found_by_name(tmp_path, name: str) -> None:
    """A folder of results is matched to the folders of 300-VW, also by the names that `redtrack annotate` gives."""
    truth = find_truth(folder_300vw(tmp_path / "300vw", ["114", "124"]))
    path = saved(moving_face(4), tmp_path / "out" / name)
    assert find_predictions(tmp_path / "out", truth) == {"114": path}


def test_video_without_prediction_counts_and_is_told(tmp_path) -> None:
    """The missing video's frames are failures, in the figures and in words."""
    truth = folder_300vw(tmp_path / "300vw", ["114", "124"])
    saved(moving_face(4), tmp_path / "out" / "114.h5")
    found = figures(tmp_path / "out", truth)["predictions"][0]
    assert found["videos_without_output"] == ["124"] and found["failures"]["0.10"] == 0.5
    words = CliRunner().invoke(evaluate, [str(tmp_path / "out"), str(truth)]).stdout
    assert "has no prediction for 1 of 2: 124" in words and "count as failures" in words


def test_category_selects_videos(tmp_path) -> None:
    """Only the category's videos count; how many of them there are is told; none at all is wrong usage."""
    truth = folder_300vw(tmp_path / "300vw", ["114", "410", "999"])
    found = figures(truth, truth, "--category", "3")
    assert [video["video"] for video in found["predictions"][0]["videos"]] == ["410"]
    assert found["protocol"]["dataset"] == "300-VW category 3, 1 of its 14 videos"
    done = CliRunner().invoke(evaluate, [str(truth), str(truth), "--category", "2"])
    assert isinstance(done.exception, UsageError) and "19 videos" in str(done.exception)


def test_folder_of_pictures(tmp_path) -> None:
    """Each picture with a .pts is scored on its own, at any depth, and the interval is over pictures."""
    truth = folder_300w(tmp_path / "300w", ["lfpw/a_1", "lfpw/b_2", "helen/c_3"])
    for name, shift in (("lfpw/a_1", 1), ("b_2", 2), ("helen/c_3", 3)):
        target = (tmp_path / "out" / name).with_suffix(".pts")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_points(face() + [shift, 0], target)
    found = figures(tmp_path / "out", truth)
    assert found["protocol"]["dataset"] == "300-W pictures"
    assert found["predictions"][0]["mean"] == pytest.approx(2 / EYES, rel=1e-3)
    low, high = found["predictions"][0]["mean_interval_95"]
    assert 0.9 / EYES < low < 2 / EYES < high < 3.1 / EYES


def test_folders_that_are_links_are_entered(tmp_path) -> None:
    """A set put together of links has its pictures; what is hidden, such as a Mac's copies, is none."""
    folder_300w(tmp_path / "disk", ["a", "._a"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "helen").symlink_to(tmp_path / "disk")
    assert list(find_truth(tmp_path / "mine").pictures) == ["helen/a"]


def test_folder_of_tracks_files_as_truth(tmp_path) -> None:
    """Tracks files are paired by their stems, whatever their formats."""
    for name, ending in (("a", "csv"), ("b", "dlc.csv")):
        saved(moving_face(3), tmp_path / "truth" / f"{name}.coco.json")
        saved(moving_face(3), tmp_path / "out" / f"{name}.{ending}")
    found = figures(tmp_path / "out", tmp_path / "truth")
    assert [video["video"] for video in found["predictions"][0]["videos"]] == ["a", "b"]


def test_several_predictions_stand_side_by_side(tmp_path) -> None:
    """Each has a column; files of one name are told apart by their paths."""
    truth = saved(moving_face(5), tmp_path / "truth.h5")
    for folder, shift in (("ours", 1), ("theirs", 2)):
        saved(moving_face(5), tmp_path / folder / "a.h5", shift)
    found = figures(tmp_path / "ours" / "a.h5", tmp_path / "theirs" / "a.h5", truth)["predictions"]
    assert [entry["mean"] * EYES for entry in found] == pytest.approx([1, 2], rel=1e-3)
    assert found[0]["name"].endswith("ours/a.h5")


def test_json_states_the_protocol(tmp_path) -> None:
    """Norm, points, limits, and what becomes of faces without output stand beside the figures."""
    truth = saved(moving_face(5), tmp_path / "truth.h5")
    protocol = figures(truth, truth, "--norm", "box", "--points", "49")["protocol"]
    assert (protocol["norm"], protocol["points"], protocol["area_limit"]) == ("box", 49, 0.08)
    assert protocol["failure_limits"] == [0.08, 0.1] and "failures" in protocol["faces_without_output"]


def test_table_states_the_protocol_and_fits_80_columns(tmp_path) -> None:
    """Protocol, parts, limits and jitter are in the text; two predictions fit a narrow terminal."""
    truth = folder_300vw(tmp_path / "300vw", ["114", "124"])
    done = CliRunner().invoke(evaluate, [str(truth), str(truth), "--by-video", "--points", "51"])
    assert done.exit_code == 0, done.output
    for words in (
        "51 points",
        "outer eye corners",
        "2 videos, 8 faces",
        "brows",
        "failures above 10 %",
        "jitter",
        "124",
    ):
        assert words in done.stdout
    assert "jaw" not in done.stdout
    table = done.stdout.split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 80


def test_jitter_is_left_out_of_pictures(tmp_path) -> None:
    """Where nothing moves no jitter is told; in JSON it is null."""
    truth = saved(tracks_of(face()[None]), tmp_path / "one.h5")
    assert "jitter" not in CliRunner().invoke(evaluate, [str(truth), str(truth)]).stdout
    assert figures(truth, truth)["predictions"][0]["jitter"]["error"] is None


def test_one_file_for_many_videos_is_refused(tmp_path) -> None:
    """A single prediction cannot be for a folder of videos."""
    truth = folder_300vw(tmp_path / "300vw", ["114", "124"])
    with pytest.raises(UsageError, match="give their folder"):
        find_predictions(saved(moving_face(4), tmp_path / "a.h5"), find_truth(truth))


def test_nothing_to_score_is_said(tmp_path) -> None:
    """Empty folders, folders without a single match, and missing files are format errors that tell what to do."""
    (tmp_path / "empty").mkdir()
    truth = find_truth(folder_300vw(tmp_path / "300vw", ["114"]))
    with pytest.raises(FormatError, match="no truth"):
        find_truth(tmp_path / "empty")
    with pytest.raises(FormatError, match="114.h5"):
        find_predictions(tmp_path / "empty", truth)
    for find in (find_truth, lambda path: find_predictions(path, truth)):
        with pytest.raises(FormatError, match="nowhere: no such file or folder"):
            find(tmp_path / "nowhere")
    done = CliRunner().invoke(evaluate, [str(tmp_path / "empty")])
    assert isinstance(done.exception, UsageError) and "PRED... TRUTH" in str(done.exception)


def test_errors_over_time_go_by_the_clock_that_is_known(tmp_path) -> None:
    """.pts files have no clock: the prediction's is taken."""
    truth = folder_300vw(tmp_path / "300vw", ["114"])
    predicted = saved(moving_face(4), tmp_path / "mine.h5")
    found = find_truth(truth / "114")
    (pair,) = pairs(found, find_predictions(predicted, found))
    timed = score([pair], Protocol()).videos[0]
    assert timed.times_known and timed.times == pytest.approx([0, 0.04, 0.08, 0.12])
    (pair,) = pairs(found, find_predictions(truth / "114", found))
    assert not score([pair], Protocol()).videos[0].times_known  # frames, in a plot


def test_a_prediction_without_a_face_tells_the_time() -> None:
    """Where the truth has no clock, a prediction's is taken although no face was found."""
    truth = moving_face(4)
    truth = Tracks.from_rows(truth.frame, truth.face, truth.points, range(4), info={"times_known": False})
    found = score([Pair("a", truth, Tracks.empty([0, 0.04, 0.08, 0.12]))], Protocol()).videos[0]
    assert found.times_known and found.times == pytest.approx([0, 0.04, 0.08, 0.12])


def test_plot_is_written(tmp_path) -> None:
    """`--plot` draws the curves and says where."""
    pytest.importorskip("matplotlib")
    truth = saved(moving_face(5), tmp_path / "truth.h5")
    done = CliRunner().invoke(evaluate, [str(truth), str(truth), "--plot", str(tmp_path / "a.png")])
    assert done.exit_code == 0 and "written" in done.stderr and (tmp_path / "a.png").exists()


def test_real_truth_against_itself(data: Path) -> None:
    """The tracked clips score nought against themselves, and their own jitter is that of a real face."""
    clips = data / "clips" / "tracked"
    found = figures(clips, clips)["predictions"][0]
    assert found["mean"] == 0 and found["faces"] == 1745 and 0.002 < found["jitter"]["truth"] < 0.05


def test_partly_labelled_faces_are_scored_by_what_they_have(tmp_path) -> None:
    """An unknown point of the truth counts for nothing; a face without the eye corners is not counted at all."""
    truth = moving_face(4)
    points = truth.points.copy()
    points[1, 8:17] = np.nan
    points[2, 36] = np.nan
    Tracks.from_rows(truth.frame, truth.face, points, truth.times).save(tmp_path / "truth.h5")
    found = figures(saved(truth, tmp_path / "pred.h5", 1.5), tmp_path / "truth.h5")["predictions"][0]
    assert (found["faces"], found["partly_labelled_faces"], found["unscored_faces"]) == (3, 1, 1)
    assert found["mean"] == pytest.approx(1.5 / EYES, rel=1e-4) and found["extra_faces"] == 0
    words = CliRunner().invoke(evaluate, [str(tmp_path / "pred.h5"), str(tmp_path / "truth.h5")]).stdout
    assert "1 true faces lack points" in words and "1 true faces lack the points that the error" in words


def test_a_line_a_frame_and_face(tmp_path) -> None:
    """--csv says for each true face when it was seen, what its error is, and which predicted face that was."""
    truth = saved(moving_face(3), tmp_path / "truth.h5")
    pred = moving_face(3)
    Tracks.from_rows(pred.frame[:2], pred.face[:2] + 7, pred.points[:2] + 1, pred.times).save(tmp_path / "pred.h5")
    done = CliRunner().invoke(evaluate, [str(tmp_path / "pred.h5"), str(truth), "--csv", str(tmp_path / "e.csv")])
    assert done.exit_code == 0, done.output
    head, *lines = (tmp_path / "e.csv").read_text().splitlines()
    assert head == "prediction,video,frame,time,face,predicted_face,error"
    assert [line.split(",")[:3] for line in lines] == [["pred.h5", "truth", str(i)] for i in range(3)]
    assert lines[0].split(",")[4:6] == ["0", "7"] and lines[2].split(",")[5:] == ["", ""]
    assert float(lines[0].split(",")[6]) == pytest.approx(2**0.5 / EYES, rel=1e-3)


def test_nothing_that_overlaps_fails(tmp_path) -> None:
    """A prediction none of whose faces touches a true one is an error, not a row of dashes."""
    truth = saved(moving_face(3), tmp_path / "truth.h5")
    done = CliRunner().invoke(evaluate, [str(saved(moving_face(3), tmp_path / "far.h5", 5000)), str(truth)])
    assert done.exit_code == 1 and "far.h5: no predicted face overlaps a true one" in done.stderr


def test_a_truth_without_a_face_fails(tmp_path) -> None:
    """There is nothing to score, whatever is predicted."""
    Tracks.empty([0.0, 0.04]).save(tmp_path / "truth.h5")
    pred = saved(moving_face(2), tmp_path / "pred.h5")
    done = CliRunner().invoke(evaluate, [str(pred), str(tmp_path / "truth.h5")])
    assert done.exit_code == 1 and "Error: the truth has no face to score" in done.stderr


def test_another_video_is_told(tmp_path) -> None:
    """Where both tell the digest of their video and these differ, there is a warning."""
    tracks = moving_face(3)
    for name, digest in (("truth", "aa"), ("pred", "bb")):
        replace(tracks, info={"source_digest": digest}).save(tmp_path / f"{name}.h5")
    done = CliRunner().invoke(evaluate, [str(tmp_path / "pred.h5"), str(tmp_path / "truth.h5")])
    assert done.exit_code == 0 and "pred.h5 was made from another video than the truth" in done.stderr


def test_boxes_of_one_stem_have_a_column_each() -> None:
    """Files of boxes are named by their stem, or in full where two have it or it is that of a built-in kind."""
    assert box_names(("detected", "a/boxes.csv", "b/boxes.csv", "truth.csv", "c.csv")) == {
        "detected": "detected boxes",
        "a/boxes.csv": "a/boxes.csv boxes",
        "b/boxes.csv": "b/boxes.csv boxes",
        "truth.csv": "truth.csv boxes",
        "c.csv": "c boxes",
    }
