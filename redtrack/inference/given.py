"""Pictures and boxes as people give them, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from redtrack.errors import FormatError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["boxes_of", "pixels_of"]


def pixels_of(picture: NDArray[np.uint8] | Tensor) -> Tensor:
    """Returns a picture uint8 (H, W, 3) as a tensor, where it is. Raises FormatError for anything else."""
    import torch

    pixels = picture
    if isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8:
        pixels = torch.from_numpy(np.ascontiguousarray(pixels))
    if not isinstance(pixels, torch.Tensor):
        raise FormatError(f"a picture is an array uint8 (H, W, 3), not {_kind_of(picture)}")
    if pixels.dtype == torch.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.numel():
        return pixels
    raise FormatError(f"a picture is an array uint8 (H, W, 3), not {_kind_of(picture)}")


def boxes_of(given: Any) -> NDArray[np.float64]:
    """Returns boxes as (M, 4), which may be none. Raises FormatError where they are something else."""
    boxes = np.asarray(given, np.float64)
    if boxes.size == 0:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise FormatError("boxes are finite numbers (M, 4): x0 y0 x1 y1")
    if not (boxes[:, 2:] > boxes[:, :2]).all():
        raise FormatError("a box has no area: boxes are x0 y0 x1 y1, with x1 > x0 and y1 > y0")
    return boxes


def _kind_of(picture: Any) -> str:
    """Returns the type and shape of what was given as a picture."""
    if hasattr(picture, "dtype") and hasattr(picture, "shape"):
        return f"{picture.dtype} {tuple(picture.shape)}"
    return type(picture).__name__
