"""Each example does what its first lines say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import make_clip
import mouth_opening
import numpy as np
import pytest
from camera import read_camera, unsteadiness

import redtrack
from redtrack.points import N_POINTS

EXAMPLES = Path(__file__).parents[2] / "examples"
BRIEFLY = ("--end", "0.4")


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """The environment of a shell whose `redtrack` is this checkout's."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "redtrack").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m redtrack "$@"\n')
    (folder / "redtrack").chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(EXAMPLES.parent)}


@pytest.fixture(scope="module")
def tracks(clip):
    """The example clip's tracks, with the weights that ship."""
    return redtrack.annotate(clip)


def bulk(shell, *args, **variables):
    call = ["bash", EXAMPLES / "bulk.sh", *args]
    return subprocess.run(call, env=shell | variables, capture_output=True, text=True, timeout=300, check=False)


def test_the_clip_is_the_one_that_the_script_makes(tmp_path, monkeypatch, clip):
    """The script writes a clip and a camera into a folder: those that are here, but for the encoder's doing."""
    from redtrack.video import Video

    monkeypatch.setattr(make_clip, "camera", lambda: read_camera(clip.with_name("astronaut_camera.csv"))[:4])
    make_clip.main(tmp_path)
    np.testing.assert_allclose(read_camera(tmp_path / "astronaut_camera.csv"), make_clip.camera(), atol=1e-6)
    with Video(tmp_path / "astronaut.mp4") as made, Video(clip) as here:
        for ours, theirs in zip(made.frames(), here.frames(), strict=False):
            assert np.abs(ours.image.astype(int) - theirs.image).mean() < 3, f"frame {ours.index}"


def test_the_example_clip_has_one_face_in_every_frame(tracks):
    """One face is found, in all 100 frames, and keeps its id."""
    assert tracks.frames == make_clip.FRAMES
    assert tracks.faces == [0]
    assert len(tracks.face_rows(0)) == make_clip.FRAMES


def test_points_go_with_the_camera(tracks, clip):
    """What moves beside the camera's own motion is below 1 % of the eye distance a frame."""
    assert unsteadiness(tracks.dense(0).astype(float), read_camera(clip.with_name("astronaut_camera.csv"))) < 0.01


def test_mouth_opening_of_a_known_face():
    """Lips 10 px apart and eyes 100 px apart are an opening of 0.1; a frame without the face is NaN."""
    points = np.zeros((2, N_POINTS, 2), np.float32)
    points[0, mouth_opening.LOWER_LIP, 1] = 10
    points[0, 45, 0] = 100
    points[1] = np.nan
    np.testing.assert_allclose(mouth_opening.mouth_opening(points), [0.1, np.nan], rtol=1e-6)


def test_mouth_opening_prints_csv(tracks, tmp_path, capsys):
    """With a tracks file alone the script prints a header and a line a frame."""
    tracks.save(tmp_path / "a.h5")
    mouth_opening.main(str(tmp_path / "a.h5"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "face,frame,seconds,opening"
    assert len(lines) == 1 + len(tracks)
    assert lines[2].startswith("0,1,0.040000,0.")


def test_mouth_opening_plots(tracks, tmp_path):
    """With a second name the script draws a PNG."""
    pytest.importorskip("matplotlib")
    tracks.save(tmp_path / "a.csv")
    mouth_opening.main(str(tmp_path / "a.csv"), str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_bulk_keeps_the_tree_names_what_fails_and_goes_on(shell, clip, tmp_path):
    """Folders and names with spaces are kept; a bad file is in a named log and the rest are done; exit status 1."""
    (tmp_path / "in" / "sub folder").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "in" / "a b.mp4")
    shutil.copy(clip, tmp_path / "in" / "sub folder" / "c.MP4")
    (tmp_path / "in" / "bad.mp4").write_text("no video")
    done = bulk(shell, tmp_path / "in", tmp_path / "out", *BRIEFLY, JOBS="2", PIECE="2")
    assert done.returncode == 1, done.stderr
    assert redtrack.load(tmp_path / "out" / "a b.h5").frames == 10
    assert redtrack.load(tmp_path / "out" / "sub folder" / "c.h5").frames == 10
    assert "3 videos in 2 pieces" in done.stderr
    assert str(tmp_path / "out" / "logs" / "0001.log (exit 1)") in done.stderr
    assert "bad.mp4" in (tmp_path / "out" / "logs" / "0001.log").read_text()

    (tmp_path / "in" / "bad.mp4").unlink()
    again = bulk(shell, tmp_path / "in", tmp_path / "out", *BRIEFLY, JOBS="2")
    assert again.returncode == 0, again.stderr
    assert "2 videos in 2 pieces, all done" in again.stderr


@pytest.mark.parametrize("folder", [".", "nowhere", None])
def test_bulk_refuses_what_it_cannot_use(shell, tmp_path, folder):
    """No arguments, no such folder, or a folder without videos: a message, and exit status 2."""
    args = [] if folder is None else [tmp_path / folder, tmp_path / "out"]
    done = bulk(shell, *args)
    assert done.returncode == 2
    assert done.stderr.strip()
