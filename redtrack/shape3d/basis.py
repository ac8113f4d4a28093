"""The basis of face shapes: a mean and modes of identity and of expression, in millimetres of the head's axes.

The file holds one half of each mode, and whether the other half is its mirror image (parity 1) or the negative of it
(-1): so the basis is mirror-symmetric by construction, and half as large. Its metadata are those of all weights files
of redtrack, kind "shape". `redtrack train shape` writes it; weights/shape3d.md says from what.

V vertices, of which the first 68 are the face points; H of them on one side or in the middle; K modes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import WeightsError

__all__ = ["JAW", "ShapeBasis", "default_basis", "load_basis", "save_basis", "unfolded"]

NAME = "shape3d.safetensors"
FOLDERS = (Path(__file__).parents[1] / "weights", Path(__file__).parents[2] / "weights")  # in a wheel, in a checkout
KIND = "shape"
JAW = 17  # points that lie on the outline, and slide along the face as the head turns
SLIDE_LIMIT = 0.7  # of the sine of yaw: few photographs with labels show more
_OTHER_SIDE = np.array([-1, 1, 1], np.float32)


@dataclass(frozen=True, eq=False)
class ShapeBasis:
    """Face shapes: mean + identity coefficients @ identity + expression coefficients @ expression.

    Coefficients are in standard deviations. DFF's "3D shape"; that identity and expression are apart, that the modes
    have a parity and that the jaw slides is ours.
    """

    mean: np.ndarray  # (V, 3) mm
    identity: np.ndarray  # (Ki, V, 3) mm for each standard deviation
    expression: np.ndarray  # (Ke, V, 3)
    slide: np.ndarray  # (17, 3) mm for each unit of the sine of yaw: how the jaw points move as the nose turns right
    noise: np.ndarray  # (68,) mm, by how much labels stray from the fitted shape
    mirror: np.ndarray  # (V,) int, the vertex on the other side
    triangles: np.ndarray  # (T, 3) int, counterclockwise as seen from outside the head
    hidden: np.ndarray  # (directions across, directions down, 68) bool, from where the face itself hides a point

    def shapes(self, identity: np.ndarray, expression: np.ndarray, points: int | None = None) -> np.ndarray:
        """Returns (R, V, 3) mm of identities (Ki,) or (R, Ki) and expressions (R, Ke); `points`: the first so many."""
        part = slice(None, points)
        moved = np.tensordot(np.atleast_2d(identity), self.identity[:, part], 1)
        moved = moved + np.tensordot(expression, self.expression[:, part], 1)
        shapes: np.ndarray = self.mean[part] + moved
        return shapes

    def slid(self, turn: np.ndarray) -> np.ndarray:
        """Returns (R, 17, 3) mm, how far the jaw points have slid on heads of rotations `turn` (R, 3, 3)."""
        sine = np.clip(turn[:, 2, 0], -SLIDE_LIMIT, SLIDE_LIMIT)[:, None, None]
        other = self.slide[::-1] * _OTHER_SIDE
        slid: np.ndarray = np.maximum(sine, 0) * self.slide + np.maximum(-sine, 0) * other
        return slid


def load_basis(path: Path) -> ShapeBasis:
    """Returns the basis in a file; raises WeightsError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            if (file.metadata() or {}).get("kind") != KIND:
                raise WeightsError("no basis of face shapes", path, "use a file that `redtrack train shape` wrote")
            return _unpacked({name: file.get_tensor(name) for name in list(file.keys())})
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"unreadable shape basis ({error})", path, "install redtrack again") from error


@lru_cache(maxsize=1)
def default_basis() -> ShapeBasis:
    """Returns the basis that ships; raises WeightsError where it is missing."""
    path = next((folder / NAME for folder in FOLDERS if (folder / NAME).is_file()), FOLDERS[-1] / NAME)
    return load_basis(path)


def save_basis(basis: ShapeBasis, parity: tuple[np.ndarray, np.ndarray], path: Path, card: dict[str, Any]) -> None:
    """Writes a basis whose modes of identity and of expression have these parities (Ki,), (Ke,), 1 or -1."""
    from safetensors.numpy import save

    half = np.flatnonzero(basis.mirror >= np.arange(len(basis.mirror)))
    tensors: dict[str, np.ndarray] = {
        "mean": basis.mean[half].astype(np.float32),
        "identity": basis.identity[:, half].astype(np.float16),
        "expression": basis.expression[:, half].astype(np.float16),
        "identity_parity": parity[0].astype(np.int8),
        "expression_parity": parity[1].astype(np.int8),
        "slide": basis.slide.astype(np.float32),
        "noise": basis.noise.astype(np.float32),
        "mirror": basis.mirror.astype(np.int16),
        "triangles": basis.triangles.astype(np.int16),
        "hidden": np.packbits(basis.hidden),
        "hidden_shape": np.array(basis.hidden.shape, np.int16),
    }
    config = {"identity": len(basis.identity), "expression": len(basis.expression), "vertices": len(basis.mean)}
    about = {"format": "redtrack-weights", "format_version": "1", "writer": "redtrack train shape", "kind": KIND}
    tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}  # save() takes no other
    path.write_bytes(save(tensors, about | {"config": json.dumps(config), "card": json.dumps(card)}))


def _unpacked(tensors: dict[str, np.ndarray]) -> ShapeBasis:
    mirror = tensors["mirror"].astype(np.int64)
    size = tensors["hidden_shape"].astype(int)
    return ShapeBasis(
        mean=unfolded(tensors["mean"][None], np.ones(1), mirror)[0],
        identity=unfolded(tensors["identity"], tensors["identity_parity"], mirror),
        expression=unfolded(tensors["expression"], tensors["expression_parity"], mirror),
        slide=tensors["slide"],
        noise=tensors["noise"],
        mirror=mirror,
        triangles=tensors["triangles"].astype(np.int64),
        hidden=np.unpackbits(tensors["hidden"], count=int(size.prod())).reshape(size).astype(bool),
    )


def unfolded(half: np.ndarray, parity: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Returns (K, V, 3) float32 of halves (K, H, 3): the first of each pair of vertices and those in the middle."""
    first = np.flatnonzero(mirror >= np.arange(len(mirror)))
    whole = np.zeros((len(half), len(mirror), 3), np.float32)
    whole[:, first] = half
    other = whole[:, mirror] * _OTHER_SIDE * parity[:, None, None]
    second = mirror < np.arange(len(mirror))
    whole[:, second] = other[:, second]
    middle = mirror == np.arange(len(mirror))
    whole[:, middle] = (whole[:, middle] + other[:, middle]) / 2
    return whole
