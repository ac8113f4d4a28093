"""What a user may choose: `Options` determine the result and are kept in it, `Resources` only how it is computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from redtrack.device import PRECISIONS
from redtrack.errors import UsageError
from redtrack.shape3d.dense import MOST as MOST_DENSE

__all__ = ["DIRECTIONS", "MOST", "PROTOCOLS", "ROTATIONS", "Options", "Resources"]

DIRECTIONS = ("both", "forward", "backward")
DECODERS = ("auto", "cpu", "cuda")
PROTOCOLS = ("windows", "tracking")
ROTATIONS = ("0", "90", "180", "270", "auto")

MOST = {
    "window": 1000,
    "detect_every": 10_000,
    "spatial_steps": 16,
    "max_faces": 10_000,
    "samples": 1000,
    "dense": MOST_DENSE,
    "batch": 1_000_000,
    "min_face": 1_000_000,
    "start": 1_000_000_000,
    "end": 1_000_000_000,
    "stream": 10_000,
    "fps": 100_000,
}
"""The largest value of each number: beyond, a run would never end, or have no memory."""


@dataclass(frozen=True)
class Options:
    """All that the points depend on, besides the video and the weights. Raises UsageError for invalid values.

    window: frames T that the network sees at once. direction: of time, one of `DIRECTIONS`. spatial_steps: looks of
    the network at each picture, None for as many as it was trained with. temporal: whether its recurrence through time
    is used. detect_every: frames between two detections. max_faces: the most faces in one frame. min_face: px, the
    square root of a box's area, below which a face is left out. boxes: a file of the user's own boxes, which replaces
    the detector. detector: weights of one of your own (`redtrack train detector`), None for the bundled one.
    start, end: seconds. protocol: `windows`, or `tracking` frame by frame as the paper does. stream: number of the
    video stream in its file, None for the best one. fps: frames a second of files that tell neither times nor a rate.
    rotate: degrees clockwise by which the picture is turned, one of `ROTATIONS`; auto for what makes faces stand
    upright. shape: whether rows have `points3d`, `pose` and `visible`. samples: of the code of a variational network,
    whose `spread` rows have then; None for none. dense: how many dense points of the 3D face rows have, None for none.
    mirror: whether the network looks at each window in a mirror as well, None for windows of one frame only.
    """

    window: int = 10
    direction: str = "both"
    spatial_steps: int | None = None
    temporal: bool = True
    detect_every: int = 10
    max_faces: int | None = None
    min_face: float = 0.0
    boxes: Path | None = None
    detector: Path | None = None
    start: float | None = None
    end: float | None = None
    protocol: str = "windows"
    stream: int | None = None
    fps: float | None = None
    rotate: int | str | None = None
    shape: bool = True
    samples: int | None = None
    dense: int | None = None
    mirror: bool | None = None

    def __post_init__(self) -> None:
        for name in ("boxes", "detector"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))  # from Python it may be text
        if self.boxes is not None and self.detector is not None:
            raise UsageError("boxes take the detector's place: give one of the two")
        for name in ("window", "detect_every", "spatial_steps", "max_faces"):
            _check_whole(self, name)
        for name in ("min_face", "start", "end", "fps"):
            _check_real(self, name)
        if self.fps == 0:
            raise UsageError("fps is 0, not a number above 0")
        _check_whole(self, "stream", least=0)
        _check_whole(self, "samples", least=2)
        _check_whole(self, "dense")
        if self.dense is not None and not self.shape:
            raise UsageError("dense points lie on the 3D shape: leave out --no-shape (in Python: shape=False)")
        if self.rotate is not None:
            _one_of("rotate", str(self.rotate), ROTATIONS)
            object.__setattr__(self, "rotate", self.rotate if self.rotate == "auto" else int(self.rotate))
        _one_of("direction", self.direction, DIRECTIONS)
        _one_of("protocol", self.protocol, PROTOCOLS)
        if self.protocol == "tracking" and self.direction == "backward":
            raise UsageError("direction backward is not for the tracking protocol, which goes forward")
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"end ({self.end:g} s) is not after start ({self.start or 0:g} s)")

    def to_dict(self) -> dict[str, Any]:
        """Returns the options as JSON values, as the result keeps them."""
        return {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()}


@dataclass(frozen=True)
class Resources:
    """What the points do not depend on.

    device: auto, cpu, cuda or cuda:N. batch: crops in one call of the network, None for what the device has room for.
    precision: one of `PRECISIONS`; it moves points by less than 0.1 px on average. decode: one of `DECODERS`.
    """

    device: str = "auto"
    batch: int | None = None
    precision: str = "auto"
    decode: str = "auto"

    def __post_init__(self) -> None:
        _check_whole(self, "batch")
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("decode", self.decode, DECODERS)


def _check_whole(options: Options | Resources, name: str, least: int = 1) -> None:
    """Makes a field a plain whole number, of whichever library it is; None stays where it is the default."""
    value = getattr(options, name)
    if value is None and getattr(type(options), name) is None:
        return
    if not (isinstance(value, Integral) and least <= int(value) <= MOST[name]):
        range_of = f"{least} to {MOST[name]}"
        raise UsageError(f"{name.replace('_', '-')} is {str(value)[:40]}, not a whole number from {range_of}")
    object.__setattr__(options, name, int(value))


def _check_real(options: Options, name: str) -> None:
    """Makes a field a plain number from 0 on; None stays where it is the default."""
    value = getattr(options, name)
    if value is None and getattr(Options, name) is None:
        return
    if not (isinstance(value, Real) and 0 <= value <= MOST[name]):  # type: ignore[operator]
        raise UsageError(f"{name.replace('_', '-')} is {value}, not a number from 0 to {MOST[name]}")
    object.__setattr__(options, name, float(value))


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name} is {value!r}, none of {', '.join(choices)}")
