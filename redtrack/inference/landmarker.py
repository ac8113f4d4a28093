"""The networks on a device, behind one small interface: the points of faces in pictures, and of windows of crops.

N windows, T frames, M faces of a picture, S crop side. Pictures are uint8 (H, W, 3) RGB, boxes x0 y0 x1 y1 and points
x, y in pixels of the picture; (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from redtrack.device import Hardware, find_device, hardware
from redtrack.errors import UsageError
from redtrack.geometry import CropTransform
from redtrack.inference.buffers import keep_memory
from redtrack.inference.crop import as_windows, cut_crops, detector_crop
from redtrack.inference.given import boxes_of, pixels_of
from redtrack.inference.identify import identify
from redtrack.inference.options import Options
from redtrack.inference.recrop import second_crops
from redtrack.inference.rows import WindowPoints, in_frame
from redtrack.points import N_POINTS

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.faces import BoxesFile, Detector, FaceFollower
    from redtrack.rednet.model import RedNet
    from redtrack.rednet.predict import WindowEstimate
    from redtrack.rednet.temporal import PointRecurrence

__all__ = ["Faces", "Landmarker"]


class Faces(NamedTuple):
    """The faces of a picture: points (M, 68, 2) px, scores (M, 68) in 0..1, boxes (M, 4) px, and the covariances of the
    points' errors (M, 68, 3) px^2: xx, xy, yy, None from a network without certainty."""

    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    sigma: NDArray[np.float32] | None = None


class Landmarker:
    """A landmark network and a face detector on one device.

        faces = redtrack.Landmarker().points(picture)  # uint8 (H, W, 3) RGB

    weights: a shipped network's name or a file, None for the default. device: auto, cpu, cuda or cuda:N. options: what
    a run is to do; a file of boxes in them takes the detector's place. detects: False leaves the detector out.
    precision: auto, fp32, bf16, half or int8. decode: auto, cpu, or cuda for videos to be decoded by the networks' GPU.
    Raises WeightsError, DeviceError and UsageError for what is not there.

    `about` has the names and digests of the networks, for the result. `decoder` is the GPU that decodes where it can,
    None for the CPU.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "auto",
        options: Options | None = None,
        detects: bool = True,
        precision: str = "auto",
        decode: str = "auto",
    ) -> None:
        from redtrack import checkpoint

        options = options or Options()
        self.device = find_device(device)
        about = identify(weights, options, detects)
        ranged = bool(checkpoint.rednet_config(checkpoint.find(weights or checkpoint.DEFAULT["rednet"])).ranges)
        self.precision = self.hardware.precision(precision, ranged=ranged)
        self.hardware.prepare(self.precision)
        keep_memory()
        self._axis = checkpoint.axis_of(weights or checkpoint.DEFAULT["rednet"])
        self.about = {**about, "precision": self.precision.name}
        with self.hardware.fits():
            self.net = self._load_net(weights)
            is_needed = detects and options.boxes is None
            self.detector = self._load_detector(options.detector) if is_needed else None
        self.decoder = self.hardware.decoder(decode)

    @property
    def hardware(self) -> Hardware:
        """What is particular about the device."""
        return hardware(self.device)

    @property
    def crop_size(self) -> int:
        """Side S of the network's crops in pixels."""
        return int(self.net.config.size)

    @property
    def crop_scale(self) -> float:
        """Side of the network's crops over the longer side of the landmarks' tight box."""
        return float(self.net.config.crop_scale)

    def points(self, picture: NDArray[np.uint8] | Tensor, boxes: Any = None, looks: int = 2) -> Faces:
        """Returns the faces of a picture uint8 (H, W, 3) RGB: those of the detector, or in boxes (M, 4) that you give.

        A box reaches from forehead to chin. looks: 2 to crop a face again where its points show that its box was off.
        Raises FormatError for what is no picture and for boxes of another shape.
        """
        return self.points_of([picture], None if boxes is None else [boxes], looks)[0]

    def points_of(
        self, pictures: Sequence[NDArray[np.uint8] | Tensor], boxes: Sequence[Any] | None = None, looks: int = 2
    ) -> list[Faces]:
        """Returns the faces of several pictures, which go through the network together. See `points`."""
        held = [self.held(picture) for picture in pictures]
        given = [boxes_of(own) for own in ([self.detect(picture) for picture in held] if boxes is None else boxes)]
        crops = [crop for own in given for crop in _each(detector_crop(own, self.crop_size, self.crop_scale))]
        owners = [picture for picture, own in zip(held, given, strict=True) for _ in range(len(own))]
        for _ in range(looks - 1):
            seen = self._look(owners, crops, mirror=False)
            crops = [second_crops(own.points, crop) or crop for own, crop in zip(seen, crops, strict=True)]
        seen = self._look(owners, crops, mirror=True)
        ends = np.cumsum([0, *(len(own) for own in given)])
        return [_faces(seen[a:b], used) for a, b, used in zip(ends[:-1], ends[1:], given, strict=True)]

    def detect(self, picture: NDArray[np.uint8] | Tensor) -> NDArray[np.float32]:
        """Returns the boxes (M, 4) of a picture's faces, the surest first."""
        assert self.detector is not None, "no detector was loaded"
        return self.detector.detect(self.held(picture)[None])[0][:, :4]

    def held(self, picture: NDArray[np.uint8] | Tensor) -> Tensor:
        """Returns a picture uint8 (H, W, 3) on the device. Raises FormatError for anything else."""
        return pixels_of(picture).to(self.device)

    def windows(
        self, frames: Tensor, at: NDArray[np.int64], boxes: NDArray[np.floating], length: int
    ) -> tuple[Tensor, NDArray[np.int64]]:
        """Returns the crops (N, T, 3, S, S) of boxes (R, 4) of a face in frames `at` (R,) of uint8 (F, H, W, 3), as
        windows of `length` frames, and the windows' lengths (N,): the last one may be shorter.
        """
        import torch

        parts = [slice(start, start + length) for start in range(0, len(at), length)]
        shape = self.crop_size, self.crop_scale
        crops = [cut_crops(frames, at[part], detector_crop(boxes[part], *shape)) for part in parts]
        return as_windows(torch.cat(crops), length)

    def predict(
        self, crops: Tensor, lengths: NDArray[np.int64], options: Options, seven: NDArray[np.floating] | None = None
    ) -> WindowEstimate:
        """Returns the points of windows: crops float32 (N, T, 3, S, S) in 0..1, of which lengths (N,) frames count.

        seven (N, T, 7, 2) in crop pixels: see `predict_windows`. Windows of one frame, which have no time to look
        through, are looked at in a mirror as well, unless the options say otherwise.
        """
        found = self._predict(crops, lengths, options, seven)
        is_alone = (lengths == 1) & (options.protocol == "windows")
        which = is_alone if options.mirror is None else np.full(len(lengths), options.mirror)
        if not which.any():
            return found
        from redtrack.rednet.mirrored import joined

        other = self._predict(crops[which].flip(-1), lengths[which], replace(options, samples=None))
        return joined(found, other, which, self.crop_size, self._axis)

    def _predict(
        self, crops: Tensor, lengths: NDArray[np.int64], options: Options, seven: NDArray[np.floating] | None = None
    ) -> WindowEstimate:
        import torch

        from redtrack.rednet.predict import predict_windows

        with self.precision.context(self.device):
            return predict_windows(
                self.net,
                crops,
                torch.from_numpy(lengths),
                direction=options.direction,
                spatial_steps=options.spatial_steps,
                temporal=options.temporal,
                recur=False,
                seven=None if seven is None else torch.from_numpy(seven.astype(np.float32)).to(self.device),
                samples=options.samples,
            )

    def peek(
        self, crops: Tensor, lengths: NDArray[np.int64], options: Options, seven: NDArray[np.floating] | None = None
    ) -> WindowEstimate:
        """Returns the points of single frames (N, 1, 3, S, S), good enough to say where to crop, and to feed the first
        step of the windows around; nothing is known of them before.

        The last spatial step alone finds them: with the one before it the points of whole videos were no better
        (`benchmarks/temporal.py`: errors alike within 0.02 %), and a look took twice as long. One frame has no
        direction.
        """
        single = replace(options, direction="forward", spatial_steps=1, samples=None, mirror=False)
        return self.predict(crops, lengths, single)

    def crops_at_once(self, options: Options) -> int:
        """Returns how many crops one call of the network takes where the user does not say."""
        return self.hardware.crops_at_once(options.window, lambda: self._look_at_nothing(options))

    def follower(self, options: Options) -> FaceFollower | BoxesFile:
        """Returns what finds the faces of one video. Raises FormatError for boxes that are none."""
        from redtrack.faces import BoxesFile, FaceFollower

        limits: dict[str, Any] = {"max_faces": options.max_faces, "min_face": options.min_face}
        if options.boxes is not None:
            return BoxesFile(options.boxes, options.detect_every, **limits)
        assert self.detector is not None, "no detector and no boxes"
        return FaceFollower(self.detector, options.detect_every, **limits)

    @cached_property
    def recurrence(self) -> PointRecurrence:
        """What makes points of evidence, on the CPU: it works frame after frame on little."""
        return copy.deepcopy(self.net.recurrence).cpu()

    def _load_net(self, weights: str | Path | None) -> RedNet:
        from redtrack import checkpoint

        net: RedNet = checkpoint.load(weights, "rednet", str(self.device))  # type: ignore[assignment]
        if self.precision.name == "int8":
            from redtrack.rednet.int8 import to_int8

            if not net.config.ranges:
                path = checkpoint.find(weights or checkpoint.DEFAULT["rednet"])
                raise UsageError("these weights have not been measured for 8 bits", path, "use --precision auto")
            to_int8(net, self.precision.dtype)
        return net

    def _load_detector(self, own: Path | None) -> Detector:
        from redtrack import checkpoint
        from redtrack.faces import NetworkDetector

        net = checkpoint.load(own, "detector", str(self.device), fused=False)
        detector = NetworkDetector(net, self.device)  # type: ignore[arg-type]
        detector.half = self.precision.around != "fp32" and self.hardware.computes_bfloat16
        return detector

    def _look(self, pictures: list[Tensor], crops: list[CropTransform], *, mirror: bool) -> list[WindowPoints]:
        """Returns what the network says of faces, each in its picture and its crop of one, and in a mirror as well.

        Each is averaged as its own size asks for.
        """
        import torch

        if not crops:
            return []
        first = np.zeros(1, np.int64)
        cut = [cut_crops(picture[None], first, crop) for picture, crop in zip(pictures, crops, strict=True)]
        found = self.predict(torch.cat(cut)[:, None], np.ones(len(crops), np.int64), Options(mirror=mirror))
        each = zip(crops, *found[:-1], strict=True)
        return [in_frame(*own) for own in each]

    def _look_at_nothing(self, options: Options) -> None:
        import torch

        crops = torch.zeros(1, options.window, 3, self.crop_size, self.crop_size, device=self.device)
        self.predict(crops, np.array([options.window]), options)


def _faces(found: list[WindowPoints], boxes: NDArray[np.float64]) -> Faces:
    """Returns the faces of a picture as arrays."""
    if not found:
        points, scores = np.zeros((0, N_POINTS, 2), np.float32), np.zeros((0, N_POINTS), np.float32)
        return Faces(points, scores, boxes.astype(np.float32))
    sigma = [own.sigma for own in found if own.sigma is not None]
    points, scores = (np.concatenate(column) for column in ([f.points for f in found], [f.scores for f in found]))
    return Faces(points, scores, boxes.astype(np.float32), np.concatenate(sigma) if sigma else None)


def _each(crops: CropTransform) -> list[CropTransform]:
    return [crops[index : index + 1] for index in range(len(crops))]
