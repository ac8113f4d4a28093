"""Frames that a person put right are faces to learn from."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_tracks import moving_face

from redtrack import formats
from redtrack.cli.train import train as train_command
from redtrack.edits import Edit, append_edits, edits_path
from redtrack.errors import UsageError
from redtrack.training.landmarks.data import MENDED, draw_chances
from redtrack.training.landmarks.faces import join
from redtrack.training.landmarks.mended import SOURCE, mended_faces

EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.mp4"


def write_edited(folder: Path, name: str = "clip", source: Path = EXAMPLE, frames: int = 24) -> Path:
    """Tracks of a made-up face in the example's frames, of which the first two thirds are marked right or mended."""
    folder.mkdir(exist_ok=True)
    tracks = moving_face(frames, info={"source": str(source)})
    path = folder / f"{name}.h5"
    formats.write(tracks, path)
    marks = [Edit("mark", f"m{k}", {"frame": k, "face": 0, "as": "right"}) for k in range(frames // 2)]
    moved = [Edit("points", f"p{k}", {"frame": k, "face": 0, "points": {"8": [60.0, 95.0]}})
             for k in range(frames // 2, 2 * frames // 3)]  # fmt: skip
    wrong = [Edit("mark", "w", {"frame": frames - 1, "face": 0, "as": "wrong"})]
    append_edits(edits_path(path), marks + moved + wrong, path.name, tracks.info)
    return path


def test_mended_frames_and_those_marked_right_are_read_with_full_trust(tmp_path):
    """And no others; the mended point lies where it was put."""
    write_edited(tmp_path)
    inside, outside = mended_faces(tmp_path, axis=0.01)
    faces = join([inside, outside])
    assert sorted(faces.names) == [f"clip/{k + 1:06d}" for k in range(16)] and len(outside) > 0
    assert (faces.weight == 1).all() and set(faces.source) == {SOURCE} and np.allclose(faces.axis, 0.01)
    mended, right = (faces.points[faces.names.index(f"clip/{k:06d}"), 8] for k in (16, 1))
    assert np.abs(mended - right).max() > 3


def test_whole_videos_are_held_out_where_there_are_enough(tmp_path):
    """Neighbouring frames are too much alike to be on both sides."""
    for k in range(5):
        write_edited(tmp_path, f"clip{k}", frames=3)
    inside, outside = mended_faces(tmp_path)
    stems = [{name.split("/")[0] for name in faces.names} for faces in (inside, outside)]
    assert not stems[0] & stems[1] and stems[1]


def test_few_mended_faces_are_drawn_often(tmp_path):
    """They make up a third of the draws, beside however many others; where they are more, their own share."""
    write_edited(tmp_path)
    few = mended_faces(tmp_path)[0].subset(np.arange(2))
    many = few.subset(np.zeros(98, int))
    many.source[:] = ["300w"] * 98
    both = join([many, few])
    chances = draw_chances(both)
    assert chances.sum() == pytest.approx(1) and chances[-2:].sum() == pytest.approx(MENDED)
    assert draw_chances(few).sum() == pytest.approx(1)


def test_a_video_that_moved_is_looked_for_beside_its_tracks(tmp_path):
    """Where it is not, the sentence names it and says what to do."""
    path = write_edited(tmp_path, source=Path("/elsewhere/astronaut.mp4"))
    with pytest.raises(UsageError, match="/elsewhere/astronaut.mp4, is not there; put the video beside clip.edits.js"):
        mended_faces(tmp_path)
    (path.parent / "astronaut.mp4").symlink_to(EXAMPLE)
    assert len(join(mended_faces(tmp_path))) == 16


def test_a_folder_without_edits_is_told(tmp_path):
    """Tracks alone are no truth."""
    with pytest.raises(UsageError, match="no frames were mended or marked right"):
        mended_faces(tmp_path)


def test_edits_start_from_the_shipped_weights_at_a_low_rate(tmp_path, monkeypatch):
    """Unless --start and --rate say otherwise."""
    asked = []
    monkeypatch.setattr("redtrack.training.landmarks.stages.run_stage", lambda recipe: asked.append(recipe) or "x")
    words = ["image", "--edits", str(tmp_path), "-o", str(tmp_path / "out")]
    for more in ([], ["--start", "other", "--rate", "0.002"]):
        assert CliRunner().invoke(train_command, words + more, catch_exceptions=False).exit_code == 0
    assert [r.start for r in asked] == ["rednet-small", "other"] and [r.schedule.rate for r in asked] == [3e-4, 2e-3]
