"""Which networks and boxes decide the points of a run, told without loading torch."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Any

from redtrack.errors import UsageError
from redtrack.inference.options import Options

__all__ = ["identify"]


def identify(weights: str | Path | None, options: Options, detects: bool = True) -> dict[str, Any]:
    """Returns the names and digests of the networks and boxes that decide the points, without loading torch.

    Raises WeightsError and UsageError for files that are not there, and for samples of a network that draws none.
    """
    from redtrack import checkpoint

    path = checkpoint.find(weights or checkpoint.DEFAULT["rednet"])
    if options.samples and not checkpoint.rednet_config(path).samples(options.spatial_steps):
        remedy = "leave out --samples, or train one: redtrack train image --tasks var68,reg68"
        raise UsageError("this network has no variational step (var68), so it draws no samples", path, remedy)
    about = {"weights": path.stem, "weights_digest": checkpoint.digest(path)}
    if options.boxes is not None:
        return about | {"boxes_digest": _digest(options.boxes)}
    if not detects:
        return about
    detector = checkpoint.find(options.detector or checkpoint.DEFAULT["detector"])
    return about | {"detector": detector.stem, "detector_digest": checkpoint.digest(detector)}


def _digest(boxes: Path) -> str:
    try:
        if not stat.S_ISREG(boxes.stat().st_mode):
            raise UsageError("is a pipe or a device, not a file of boxes", boxes, "save the boxes to a file first")
        with open(boxes, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"boxes cannot be read: {(error.strerror or str(error)).lower()}", boxes) from error
