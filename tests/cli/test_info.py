"""`redtrack info` tells videos, tracks and weights apart, and what is in them."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotating import ONE, clip_of
from click.testing import CliRunner, Result

from redtrack.cli import cli
from redtrack.tracks import Tracks


def info(*arguments: object, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["info", *map(str, arguments)])
    assert done.exit_code == status, (done.output, done.exception)
    return done


def as_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(info(path, "--json").stdout)
    return found


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Face 0 in frames 0 to 3 and 6 to 8, face 4 in frame 8, of 10 frames, the last one missing."""
    frame, face = [0, 1, 2, 3, 6, 7, 8, 8], [0] * 7 + [4]
    state = [0, 1, 1, 0, 2, 2, 0, 0]
    made = Tracks.from_rows(
        frame,
        face,
        np.zeros((8, 68, 2)),
        np.arange(10) / 25,
        scores=np.full((8, 68), 0.5),
        state=state,
        frame_state=[0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
        info={"source": "clip.mp4", "complete": False, "reason": "cut short"},
    )
    made.save(tmp_path / "clip.h5")
    return tmp_path / "clip.h5"


def test_faces_of_tracks_are_told_with_their_gaps_and_states(tracks: Path) -> None:
    about = as_json(tracks)
    assert about["kind"] == "tracks" and about["format"] == "hdf5" and about["complete"] is False
    assert (about["frames"], about["damaged_frames"], about["missing_frames"], about["rows"]) == (10, 1, 1, 8)
    first, second = about["faces"]
    assert (first["face"], first["first_frame"], first["last_frame"], first["frames"], first["gaps"]) == (0, 0, 8, 7, 1)
    assert (first["detected"], first["interpolated"], first["refined"]) == (3, 2, 2)
    assert second["face"] == 4 and second["score"] == pytest.approx(0.5) and second["disagreement"] is None
    assert about["info"]["reason"] == "cut short"


def test_text_shows_the_same_as_a_table(tracks: Path) -> None:
    text = info(tracks).stdout
    assert "complete: no" in text and "info reason: cut short" in text
    assert text.splitlines()[-2].split()[:5] == ["0", "0", "8", "7", "1"]


def test_video_is_told_by_its_header(tmp_path: Path) -> None:
    about = as_json(clip_of(tmp_path / "one.mkv", (ONE,), 12))
    assert about["kind"] == "video" and (about["width"], about["height"], about["codec"]) == (320, 240, "ffv1")
    assert about["average_rate"] == "25"
    text = info(tmp_path / "one.mkv").stdout
    assert "codec: ffv1" in text and "time base: 1/1000\n" in text


def test_weights_are_told_by_their_header(random_rednet: Path) -> None:
    about = as_json(random_rednet)
    assert about["kind"] == "weights" and about["network"] == "rednet" and about["config"]["body"] == "small"
    assert about["parameters"] > 1e6


def test_shipped_weights_go_by_their_names() -> None:
    """As --weights takes them."""
    assert "network: detector" in info("facedet").stdout


def test_trainings_before_the_last_are_told_in_a_line() -> None:
    """By stage and steps, the latest first."""
    told = next(line for line in info("rednet-small").stdout.splitlines() if line.startswith("card before: "))
    stage = r"\w+( \(\d+ steps\))?"
    assert re.fullmatch(rf"card before: (recurrence \(\d+ steps\), )+certainty \(\d+ steps\)(, {stage})+", told)


def test_text_shows_no_json(tmp_path: Path) -> None:
    """Options and lists are told in words; what is not set is left out."""
    options = {"window": 10, "temporal": True, "max_faces": None, "detect_every": 5}
    made = Tracks.empty([0.0], info={"options": options, "cuts": [], "steps": ["a", "b"]})
    made.save(tmp_path / "clip.h5")
    lines = info(tmp_path / "clip.h5").stdout.splitlines()
    assert "info options: window 10, temporal yes, detect every 5" in lines
    assert "info cuts: none" in lines and "info steps: a, b" in lines
    text = info(clip_of(tmp_path / "one.mkv", (ONE,), 3)).stdout
    assert not set("[]{}") & set(text) and "streams" not in text


def test_several_files_are_told_one_after_the_other(tracks: Path, tmp_path: Path) -> None:
    clip_of(tmp_path / "one.mkv", (ONE,), 3)
    lines = info(tracks, tmp_path / "one.mkv", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["tracks", "video"]


@pytest.mark.parametrize("name", ["gone.mp4", "gone.h5", "gone.safetensors", "text.txt"])
def test_file_of_no_use_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.txt").write_text("nothing of ours")
    done = info(tmp_path / name, status=1)
    assert done.stderr.startswith("Error: ") and name in done.stderr and done.stderr.count("\n") == 1


def test_bad_file_does_not_hide_the_next(tracks: Path, tmp_path: Path) -> None:
    done = info(tmp_path / "gone.mp4", tracks, status=1)
    assert "kind: tracks" in done.stdout
