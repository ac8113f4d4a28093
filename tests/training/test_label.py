"""Videos are labelled where the network is sure."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import redtrack
from redtrack.cli import cli
from redtrack.errors import OutputError, UsageError, VideoError
from redtrack.tracks import Tracks
from redtrack.training.landmarks.footage import read_clips
from redtrack.training.landmarks.label import believed, label_videos

EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.mp4"


def made_tracks(frames: int = 30) -> Tracks:
    """One face with 300-px eye distance on each frame, and another on the first three."""
    rng = np.random.default_rng(0)
    frame = np.concatenate([np.arange(frames), np.arange(3)])
    order = np.argsort(frame, kind="stable")
    face = np.repeat([0, 1], [frames, 3])
    points = rng.uniform(0, 10, (len(frame), 68, 2)).astype(np.float32)
    points[:, 36], points[:, 45] = (0, 0), (300, 0)
    return Tracks.from_rows(
        times=np.arange(frames) / 25, frame=frame[order], face=face[order], points=points[order],
        scores=np.full((len(frame), 68), 0.9), disagreement=np.full((len(frame), 68), 1.0),
    )  # fmt: skip


def test_frames_without_agreement_or_confidence_get_no_label():
    """The face with most rows is labelled, but for frames of large disagreement or low scores."""
    tracks = made_tracks()
    assert sorted(believed(tracks)) == list(range(30))
    disagreement, scores = tracks.disagreement.copy(), tracks.scores.copy()
    disagreement[tracks.frame == 7] = 6.0
    scores[tracks.frame == 9] = 0.5
    tracks = replace(tracks, disagreement=disagreement, scores=scores)
    assert sorted(believed(tracks)) == [k for k in range(30) if k not in (7, 9)]
    assert believed(tracks.select(np.zeros(len(tracks.frame), bool))) == {}
    tracks = replace(tracks, disagreement=np.full_like(disagreement, np.nan))  # as of a network that knows of no time
    assert sorted(believed(tracks)) == [k for k in range(30) if k != 9]


def test_labelled_videos_are_clips_for_the_video_stage(tmp_path, monkeypatch):
    """What is written is read as a 300-VW folder, with the points that the tracker gave."""
    monkeypatch.setattr(redtrack, "annotate", lambda video, weights=None: made_tracks())
    assert dict(label_videos([EXAMPLE], tmp_path)) == {EXAMPLE: 30}
    clips, names = read_clips(tmp_path)
    assert names == ["astronaut"] and len(clips[0]) == 30


def test_labels_of_the_video_itself_stay(tmp_path, monkeypatch):
    """A 300-VW folder is not labelled in its place."""
    monkeypatch.setattr(redtrack, "annotate", lambda video, weights=None: made_tracks())
    list(label_videos([EXAMPLE], tmp_path))
    before = (tmp_path / "astronaut" / "annot" / "000001.pts").read_bytes()
    with pytest.raises(UsageError, match="the video itself"):
        list(label_videos([tmp_path / "astronaut" / "vid.mp4"], tmp_path))
    assert (tmp_path / "astronaut" / "annot" / "000001.pts").read_bytes() == before


def test_a_video_with_too_little_is_left_out(tmp_path, monkeypatch):
    """Fewer than 20 sure frames are no clip."""
    monkeypatch.setattr(redtrack, "annotate", lambda video, weights=None: made_tracks(19))
    assert dict(label_videos([EXAMPLE], tmp_path)) == {EXAMPLE: 0} and not list(tmp_path.iterdir())


def test_names_that_would_meet_are_refused(tmp_path):
    """Two videos of one name would write over each other."""
    with pytest.raises(UsageError, match="two videos are named a"):
        list(label_videos([tmp_path / "x" / "a.mp4", tmp_path / "y" / "a.avi"], tmp_path / "out"))


def test_a_video_that_cannot_be_read_is_named_and_the_others_are_labelled(tmp_path, monkeypatch):
    """Wherever it stands among them; the status tells that one is missing."""

    def annotate(video: Path, weights: str | None = None) -> Tracks:
        if video.name == "broken.mp4":
            raise VideoError("is not a video that can be read", video, "play it")
        return made_tracks()

    monkeypatch.setattr(redtrack, "annotate", annotate)
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    done = CliRunner().invoke(cli, ["train", "label", str(broken), str(EXAMPLE), "-o", str(tmp_path / "out")])
    assert done.exit_code == 1 and done.stdout == f"{EXAMPLE}: 30 frames labelled\n"
    assert done.stderr == f"Error: {broken}: is not a video that can be read; play it\n"
    assert len(list((tmp_path / "out" / "astronaut" / "annot").glob("*.pts"))) == 30


def test_half_a_copy_has_no_labels(tmp_path, monkeypatch):
    """Where the disk is full, what is left is no clip, also where there was one before."""
    monkeypatch.setattr(redtrack, "annotate", lambda video, weights=None: made_tracks())
    list(label_videos([EXAMPLE], tmp_path))

    def copy(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfile", copy)
    with pytest.raises(OutputError, match="no space left"):
        list(label_videos([EXAMPLE], tmp_path))
    with pytest.raises(UsageError, match="no labelled videos"):
        read_clips(tmp_path)


def test_clips_that_cannot_be_stored_are_told(tmp_path, monkeypatch):
    """A file where the folder of labels should be ends it in a sentence."""
    monkeypatch.setattr(redtrack, "annotate", lambda video, weights=None: made_tracks())
    (tmp_path / "astronaut").touch()
    with pytest.raises(OutputError, match="astronaut: cannot be written"):
        list(label_videos([EXAMPLE], tmp_path))
