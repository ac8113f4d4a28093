"""Faces cut out of pictures, with landmarks but no boxes, as scenes for the face detector to learn from.

They bring many more people and worse pictures than whole photos do: mosaics lay them over parts of those.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from redtrack.formats.pts import read_68
from redtrack.inference.crop import face_box
from redtrack.training.detector.scenes import Scene, make_scene
from redtrack.training.landmarks.faces import held_out, labelled_pictures


def cutout_scenes(folder: Path) -> list[Scene]:
    """One scene for each `.pts` file below a folder, but for names (or people, in PERSON/CLIP/FRAME) held out.

    The face's box is the one that a detector would give for its landmarks. Raises UsageError where there are none.
    """
    scenes = []
    for picture, pts in labelled_pictures(folder):
        parts = picture.relative_to(folder).parts
        if held_out(parts[0] if len(parts) == 3 else picture.stem):
            continue
        box = face_box(read_68(pts)[None])[0]
        scenes.append(make_scene(picture, np.append(box, 0).astype(np.float32)))
    return scenes
