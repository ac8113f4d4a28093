"""The networks of a run, on their device, and what the result says of them."""

from __future__ import annotations

import copy
import hashlib
import stat
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.errors import DeviceError, UsageError
from redtrack.inference.buffers import keep_memory
from redtrack.inference.following import Follower, Following
from redtrack.inference.options import Options
from redtrack.inference.room import fits
from redtrack.precision import Precision, arithmetic, computes_bfloat16, round_nothing

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from redtrack.faces import Detector
    from redtrack.rednet.model import RedNet
    from redtrack.rednet.predict import WindowEstimate
    from redtrack.rednet.temporal import PointRecurrence

__all__ = ["Models", "find_device", "identify", "load_models"]


@dataclass(frozen=True, eq=False)
class Models:
    """A landmark network and a face detector on one device.

    about: JSON values that identify them, for the result. detector may be None where no option needs it. decoder: the
    GPU that decodes where it can, None for the processor.
    """

    net: RedNet
    detector: Detector | None
    device: torch.device
    about: dict[str, Any] = field(default_factory=dict)
    precision: Precision = Precision()
    decoder: str | None = None

    @property
    def crop_size(self) -> int:
        """Side of the network's crops in pixels."""
        return int(self.net.config.size)

    def follower(self, options: Options) -> Following:
        """Returns what finds the faces of one video."""
        from redtrack.faces import BoxesFile, FaceFollower

        limits: dict[str, Any] = {"max_faces": options.max_faces, "min_face": options.min_face}
        if options.boxes is not None:
            boxes: Follower = BoxesFile(options.boxes, options.detect_every, **limits)
            return Following(boxes, counts_all=True)
        assert self.detector is not None, "no detector and no boxes"
        return Following(FaceFollower(self.detector, options.detect_every, **limits), counts_all=False)

    def predict(self, crops: Tensor, lengths: np.ndarray, options: Options) -> WindowEstimate:
        """Returns the points of windows: crops float32 (N, T, 3, S, S) in 0..1, of which lengths (N,) frames count."""
        import torch

        from redtrack.rednet.predict import predict_windows

        with arithmetic(self.precision.points, self.device):
            return predict_windows(
                self.net,
                crops,
                torch.from_numpy(lengths),
                direction=options.direction,
                spatial_steps=options.spatial_steps,
                temporal=options.temporal,
                recur=False,
            )

    def peek(self, crops: Tensor, lengths: np.ndarray, options: Options) -> WindowEstimate:
        """Returns the points of single frames (N, 1, 3, S, S), good enough to say where to crop."""
        with arithmetic(self.precision.peeks, self.device):
            return self.predict(crops, lengths, replace(options, direction="forward"))  # one frame has no direction

    @cached_property
    def recurrence(self) -> PointRecurrence:
        """What makes points of evidence, on the CPU: it works frame after frame on little."""
        return copy.deepcopy(self.net.recurrence).cpu()


def identify(weights: str | Path | None, options: Options, detects: bool = True) -> dict[str, Any]:
    """Returns the names and digests of the networks and boxes that decide the points, without loading torch.

    Raises WeightsError and UsageError for files that are not there.
    """
    from redtrack import checkpoint

    path = checkpoint.find(weights or checkpoint.DEFAULT["rednet"])
    about = {"weights": path.stem, "weights_digest": checkpoint.digest(path)}
    if options.boxes is not None:
        return about | {"boxes_digest": _digest(options.boxes)}
    if not detects:
        return about
    detector = checkpoint.find(options.detector or checkpoint.DEFAULT["detector"])
    return about | {"detector": detector.stem, "detector_digest": checkpoint.digest(detector)}


def load_models(
    weights: str | Path | None,
    device: str,
    options: Options,
    detects: bool = True,
    precision: str = "auto",
    decode: str = "auto",
) -> Models:
    """Returns the shipped networks, or those of a weights file; raises WeightsError and DeviceError.

    The detector is left out where boxes take its place, or where nothing `detects`. precision: one of `PRECISIONS`.
    decode: cuda for the GPU that the networks run on; auto is cpu for now, until the other has been timed.
    """
    from redtrack import checkpoint

    where = find_device(device)
    bits = Precision.of(precision, where)
    if where.type == "cuda" and bits.points == "fp32":
        round_nothing()
    keep_memory()
    path = checkpoint.find(weights or checkpoint.DEFAULT["rednet"])
    about = {**identify(weights, options, detects), "precision": bits.points}
    with fits(where):
        net = checkpoint.load(path, "rednet", str(where))
    detector = None
    if detects and options.boxes is None:
        with fits(where):
            detector = _load_detector(where, bits, options.detector)
    decoder = _decoder(decode, where)
    return Models(net, detector, where, about, bits, decoder)  # type: ignore[arg-type]


def _decoder(decode: str, device: torch.device) -> str | None:
    """Returns the GPU that is to decode; raises DeviceError where the networks have none."""
    if decode != "cuda":
        return None
    if device.type != "cuda":
        raise DeviceError("the networks are not on a GPU that could decode", remedy="use --decode cpu")
    return f"cuda:{device.index or 0}"


def _digest(boxes: Path) -> str:
    try:
        if not stat.S_ISREG(boxes.stat().st_mode):
            raise UsageError("is a pipe or a device, not a file of boxes", boxes, "save the boxes to a file first")
        with open(boxes, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"boxes cannot be read: {(error.strerror or str(error)).lower()}", boxes) from error


def _load_detector(device: torch.device, precision: Precision, own: Path | None) -> Detector:
    from redtrack import checkpoint
    from redtrack.faces import NetworkDetector

    path = checkpoint.find(own or checkpoint.DEFAULT["detector"])
    net = checkpoint.load(path, "detector", str(device), fused=False)
    detector = NetworkDetector(net, device)  # type: ignore[arg-type]
    detector.half = precision.peeks != "fp32" and computes_bfloat16(device)
    return detector


def find_device(name: str) -> torch.device:
    """Returns the device of a name; `auto` is the first GPU, else the CPU. Raises DeviceError where it is not there."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name!r} is no device", remedy="use auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        remedy = "use --device cpu, or install a CUDA build of torch"
        raise DeviceError("no CUDA device can be used here", remedy=remedy)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise DeviceError(f"no device {name}", remedy=f"the last one is cuda:{last}")
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"{name!r} is not supported", remedy="use auto, cpu, cuda or cuda:N")
    return device
