"""`redtrack verify`: whole or not, and of this video or not."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotating import ONE, TWO, clip_of, square_models
from click.testing import CliRunner, Result

import redtrack
from redtrack.cli import cli
from redtrack.inference import annotate as in_memory
from redtrack.tracks import Tracks


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return clip_of(tmp_path / "clip.mkv", (ONE,), 21)


@pytest.fixture
def tracks(video: Path, monkeypatch: pytest.MonkeyPatch) -> Tracks:
    monkeypatch.setattr(in_memory, "Landmarker", lambda *_: square_models())
    return redtrack.annotate(video)


@pytest.fixture
def path(tracks: Tracks, tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    tracks.save(tmp_path / "out" / "clip.h5")
    return tmp_path / "out" / "clip.h5"


def verify(*arguments: object, status: int) -> Result:
    done = CliRunner().invoke(cli, ["verify", *map(str, arguments)])
    assert done.exit_code == status, (done.output, done.exception)
    return done


def why(*arguments: object) -> str:
    """What is wrong with one file."""
    line = verify(*arguments, status=1).stdout
    assert line.startswith("bad") and line.count("\n") == 1
    return line


def changed(tracks: Tracks, path: Path, **what: Any) -> Path:
    """Saves the tracks with something changed."""
    replace(tracks, **what).save(path)
    return path


@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_whole_tracks_of_their_video_are_ok(path: Path, quick: tuple[str, ...]) -> None:
    assert verify(path, *quick, status=0).stdout == f"ok   {path}\n"


def test_tracks_that_are_not_complete_are_bad(tracks: Tracks, path: Path) -> None:
    info = {**tracks.info, "complete": False, "reason": "the disk was full"}
    assert "not complete (the disk was full)" in why(changed(tracks, path, info=info))


def test_other_content_under_the_videos_name_is_bad(path: Path, video: Path) -> None:
    clip_of(video, (TWO,), 21)
    assert "another content" in why(path, "--quick")


def test_missing_frames_are_bad(tracks: Tracks, path: Path) -> None:
    tracks.between(0, 15).save(path)
    assert "has 15 frames" in why(path)
    verify(path, "--quick", status=0)


def test_other_times_are_bad(tracks: Tracks, path: Path) -> None:
    times = tracks.times.copy()
    times[7] += 0.01
    assert "frame 7 at 0.290000 s" in why(changed(tracks, path, times=times))


def test_other_size_is_bad(tracks: Tracks, path: Path) -> None:
    assert "640 x 480" in why(changed(tracks, path, info={**tracks.info, "width": 640, "height": 480}))


def test_other_damage_is_bad(tracks: Tracks, path: Path) -> None:
    state = np.zeros(21, np.uint8)
    state[3] = 1
    assert "1 damaged" in why(changed(tracks, path, frame_state=state))


def test_video_is_looked_for_beside_the_tracks(path: Path, video: Path) -> None:
    shutil.move(video, path.with_name("clip.mkv"))
    verify(path, status=0)


def test_video_that_was_moved_elsewhere_has_to_be_named(path: Path, video: Path, tmp_path: Path) -> None:
    shutil.move(video, tmp_path / "other.mkv")
    assert "no longer at" in why(path)
    verify(path, "--video", tmp_path / "other.mkv", status=0)


def test_csv_is_checked_by_its_frames_and_times(tracks: Tracks, video: Path, tmp_path: Path) -> None:
    tracks.save(tmp_path / "clip.csv")
    assert "not recorded" in why(tmp_path / "clip.csv")
    verify(tmp_path / "clip.csv", "--video", video, status=0)


def test_annotated_part_of_a_video_is_ok(video: Path, tracks: Tracks, tmp_path: Path) -> None:
    redtrack.annotate(video, start=0.2, end=0.5).save(tmp_path / "part.h5")
    verify(tmp_path / "part.h5", status=0)


def test_spoilt_file_is_bad_and_the_next_is_still_checked(path: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\n nothing")
    lines = verify(tmp_path / "bad.h5", path, status=1).stdout.splitlines()
    assert lines[0].startswith("bad") and lines[1].startswith("ok")


def test_video_option_goes_with_one_file(path: Path, video: Path) -> None:
    verify(path, path, "--video", video, status=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("options", [1]),
        ("options", "window"),
        ("source", 5),
        ("source", "a\0b"),
        ("source", "x" * 40_000),
        ("reason", []),
    ],
)
def test_info_of_wrong_types_is_said_and_the_other_files_are_verified(
    path: Path, tracks: Tracks, tmp_path: Path, name: str, value: Any
) -> None:
    """One sentence for the file, whatever its header holds; a run over its folder treats it as not ours."""
    bad = changed(tracks, tmp_path / "bad.h5", info={**tracks.info, name: value})
    lines = verify(bad, path, status=1).stdout.splitlines()
    assert lines[0].startswith(f"bad  {bad}: its '{name}'") and lines[1] == f"ok   {path}"


@pytest.mark.parametrize("source", ["", "/", ".", "x" * 300, "y/" * 3000])
def test_source_that_cannot_be_a_path_is_not_looked_up(path: Path, tracks: Tracks, tmp_path: Path, source: str) -> None:
    bad = changed(tracks, tmp_path / "bad.h5", info={**tracks.info, "source": source})
    assert "its video is" in why(bad)


def test_escapes_in_a_reason_do_not_reach_the_terminal(path: Path, tracks: Tracks, tmp_path: Path) -> None:
    """Text from a file is shown as text."""
    info = {**tracks.info, "complete": False, "reason": "\x1b]0;owned\x07\x1b[2Jbroken"}
    assert "\x1b" not in why(changed(tracks, tmp_path / "bad.h5", info=info))
