"""Labelled videos are read as clips and as single faces."""

from pathlib import Path

import numpy as np
import pytest
from dotted_faces import dotted_faces

from redtrack.errors import FormatError, UsageError
from redtrack.training.landmarks import footage
from redtrack.training.landmarks.data import read_data
from redtrack.training.landmarks.footage import footage_faces, labelled_videos, read_clips, videos_held_out
from redtrack.training.landmarks.label import store
from redtrack.training.landmarks.recipe import Recipe

EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.mp4"
POINTS = dotted_faces(1)[1][0]


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """A 300-VW folder of two videos, of 40 labelled frames in a row and of 6."""
    folder = tmp_path_factory.mktemp("clips")
    for name, frames in (("long", range(40)), ("short", range(6))):
        store(EXAMPLE, dict.fromkeys(frames, POINTS), folder / name)
    return folder


def test_pieces_are_as_long_as_the_windows_need(clips):
    """Two windows of 16 frames are 32: longer than the pieces usually are."""
    lengths = [len(clip) for clip in read_clips(clips, 32)[0]]
    assert lengths == [32, 8, 6]
    assert [len(clip) for clip in read_clips(clips)[0]] == [30, 10, 6]


def test_frames_of_videos_are_faces(clips, monkeypatch):
    """Spread over each video, with the names of video and frame; those of a video held out are apart."""
    monkeypatch.setattr(footage, "MOST_FACES", 3)
    inside, outside = footage_faces(clips, 0.5, axis=0.01, hold_out=("short",))
    assert inside.names == ["long/000001", "long/000020", "long/000040"] and len(outside) == 3
    assert (inside.weight == 0.5).all() and np.allclose(inside.axis, 0.01) and set(inside.identity) == {-1}


def test_some_videos_are_held_out_by_name():
    """Those asked for; else by checksum, and one of five in any case."""
    assert videos_held_out(["a", "b"], ("b",)) == {"b"}
    assert videos_held_out(["a", "b"]) == set() and len(videos_held_out(list("abcde"))) == 1
    many = [f"clip{k}" for k in range(300)]
    assert 15 < len(videos_held_out(many)) < 50


def test_the_clips_alone_are_data(clips, tmp_path):
    """Their frames are the stills of the video stage; clips that are too short are counted."""
    data = read_data(Recipe("video", (), tmp_path, clips=(clips,), frames=5), 224)
    assert len(data.faces) == 46 and [len(c) for c in data.clips] == [30, 10] and data.short == 1


def test_the_image_stage_takes_labelled_videos(clips, tmp_path):
    """As --data, with a trust of their own."""
    data = read_data(Recipe("image", ((clips, 0.4),), tmp_path, hold_out=("long",)), 224)
    assert len(data.faces) == 6 and len(data.held_out) == 40 and not data.clips
    with pytest.raises(UsageError, match="--hold-out other is none of the labelled videos"):
        read_data(Recipe("image", ((clips, 0.4),), tmp_path, hold_out=("other",)), 224)


def test_labels_outside_their_frame_are_told(tmp_path):
    """With the file of the frame."""
    store(EXAMPLE, {3: POINTS + 5000}, tmp_path / "clip")
    with pytest.raises(FormatError, match="000004.pts: has 68 of 68 points outside its picture of 640 x 360"):
        read_clips(tmp_path)
    assert [video.name for video in labelled_videos(tmp_path)] == ["clip"]


def test_folders_without_labelled_videos_are_told(tmp_path):
    """A video alone is none."""
    with pytest.raises(UsageError, match="no labelled videos"):
        read_clips(tmp_path)
