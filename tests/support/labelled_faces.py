"""Folders of labelled pictures to train on: dotted faces, the same in each."""

from pathlib import Path

import numpy as np
from dotted_faces import dotted_faces

from redtrack.render.png import encode_png
from redtrack.training.landmarks.faces import held_out


def write_pts(path: Path, points: np.ndarray) -> None:
    """A 300-W file, pixels from 1."""
    rows = "\n".join(f"{x + 1:.3f} {y + 1:.3f}" for x, y in points)
    path.write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")


def write_folders(root: Path) -> Path:
    """A 300-W folder `faces` and an identity folder `people` below the root, which is returned."""
    images, points = dotted_faces(1)
    picture = images[0].permute(1, 2, 0).numpy().copy()
    names = [f"face_{k}" for k in range(40)]
    kept = [n for n in names if not held_out(n)][:6] + [n for n in names if held_out(n)][:2]
    people = [n for n in names if not held_out(n)][:2] + [n for n in names if held_out(n)][:1]
    for place in [*(Path("faces", n) for n in kept), *(Path("people", n, "0", "0") for n in people)]:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).with_suffix(".png").write_bytes(encode_png(picture))
        write_pts((root / place).with_suffix(".pts"), points[0])
    return root
