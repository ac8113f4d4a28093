"""Cut-out faces as scenes for the face detector."""

from pathlib import Path

import numpy as np
import pytest
from labelled_faces import write_folders

from redtrack.errors import UsageError
from redtrack.formats.pts import read_points
from redtrack.geometry import landmark_box
from redtrack.training.detector.cutouts import cutout_scenes
from redtrack.training.detector.mosaics import Mosaics
from redtrack.training.detector.scenes import drawn_scenes
from redtrack.training.landmarks.faces import held_out


def test_every_face_that_is_not_held_out_is_a_scene_with_one_box(tmp_path: Path) -> None:
    """Names are held out in folders of pictures, people in folders of people."""
    root = write_folders(tmp_path)
    for folder in ("faces", "people"):
        files = sorted((root / folder).rglob("*.pts"))
        names = [path.relative_to(root / folder).parts[0] if folder == "people" else path.stem for path in files]
        scenes = cutout_scenes(root / folder)
        assert len(scenes) == sum(not held_out(name) for name in names) < len(files)
        assert all(scene.boxes.shape == (1, 4) and not scene.ignore.any() for scene in scenes)


def test_the_box_of_a_cut_out_face_holds_its_landmarks(tmp_path: Path) -> None:
    """It reaches from cheek to cheek and to the chin, and above the brows to the forehead."""
    root = write_folders(tmp_path)
    landmarks = landmark_box(read_points(next((root / "faces").glob("*.pts")))[None])[0]
    box = cutout_scenes(root / "faces")[0].boxes[0]
    height = landmarks[3] - landmarks[1]
    assert np.abs(box[[0, 2, 3]] - landmarks[[0, 2, 3]]).max() < 0.06 * height
    assert 0.2 * height < landmarks[1] - box[1] < 0.5 * height


def test_mosaics_show_cut_out_faces(tmp_path: Path) -> None:
    """Pictures of mosaics with nothing else to show have faces all the same."""
    scenes = cutout_scenes(write_folders(tmp_path) / "faces")
    mosaics = Mosaics(drawn_scenes(2), [], seed=1, cutouts=scenes)
    assert 4 < sum(len(mosaics.draw(96).boxes) > 0 for _ in range(40)) < 36


def test_a_folder_without_labelled_pictures_is_refused(tmp_path: Path) -> None:
    """The sentence names the folder."""
    with pytest.raises(UsageError, match="no pictures with .pts files"):
        cutout_scenes(tmp_path)
