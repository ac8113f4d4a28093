"""Annotation from Python: one video in, its `Tracks` out, no file written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.device import DeviceGone
from redtrack.errors import Bug, DeviceError, RedtrackError
from redtrack.inference.engine import Engine
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options, Resources
from redtrack.inference.profile import Profile
from redtrack.inference.shape import with_shape
from redtrack.inference.tracker import Tracker
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    from redtrack.video import DecodeReport

__all__ = ["InMemory", "annotate", "annotate_with"]


def annotate(
    path: str | os.PathLike[str],
    *,
    weights: str | Path | None = None,
    device: str = "auto",
    batch: int | None = None,
    precision: str = "auto",
    decode: str = "auto",
    progress: Callable[[int], None] | None = None,
    window: int = 10,
    direction: str = "both",
    spatial_steps: int | None = None,
    temporal: bool = True,
    detect_every: int = 10,
    max_faces: int | None = None,
    min_face: float = 0.0,
    boxes: str | Path | None = None,
    detector: str | Path | None = None,
    start: float | None = None,
    end: float | None = None,
    protocol: str = "windows",
    stream: int | None = None,
    fps: float | None = None,
    rotate: int | str | None = None,
    shape: bool = True,
    samples: int | None = None,
    dense: int | None = None,
    mirror: bool | None = None,
) -> Tracks:
    """Returns the landmarks of every face in every frame of a video (or picture).

    weights: a shipped network's name or a file. device: auto, cpu, cuda or cuda:N. batch: crops in one call of the
    network, None for what the device has room for. precision: auto, fp32, bf16, half or int8. decode: auto, cpu, or
    cuda for the GPU that the networks run on. progress is called with the number of frames decoded so far. The others
    are those of `redtrack.inference.options.Options`. Raises a RedtrackError for what cannot be done. A file that is
    cut short gives what there is of it, with `tracks.complete` false and the reason in `tracks.info["reason"]`.
    """
    options = Options(
        window=window,
        direction=direction,
        spatial_steps=spatial_steps,
        temporal=temporal,
        detect_every=detect_every,
        max_faces=max_faces,
        min_face=min_face,
        boxes=None if boxes is None else Path(boxes),
        detector=None if detector is None else Path(detector),
        start=start,
        end=end,
        protocol=protocol,
        stream=stream,
        fps=fps,
        rotate=rotate,
        shape=shape, samples=samples, dense=dense, mirror=mirror,
    )  # fmt: skip
    use = Resources(device, batch, precision, decode)
    models = Landmarker(weights, use.device, options, True, use.precision, use.decode)
    return annotate_with(models, Path(path), options, use.batch, progress)


def annotate_with(
    models: Landmarker,
    path: Path,
    options: Options,
    batch: int | None = None,
    progress: Callable[[int], None] | None = None,
    profile: Profile | None = None,
) -> Tracks:
    """Does what `annotate` does, with networks that are loaded."""
    rows = InMemory()
    tracker = Tracker(path, models, options, rows, lambda tracker: progress(tracker.frames) if progress else None)
    try:
        list(Engine(models, options, batch, profile=profile).run([tracker]))
    except DeviceGone as gone:
        raise DeviceError(f"the device failed ({gone})") from gone
    if tracker.error is not None:  # a bug is raised as it is
        raise (tracker.error.__cause__ if isinstance(tracker.error, Bug) else None) or tracker.error
    return with_shape(rows.tracks(), dense=options.dense) if options.shape else rows.tracks()


class InMemory:
    """A destination that keeps rows in memory; it is its own sink."""

    frames = 0

    def __init__(self) -> None:
        self.parts: list[Tracks] = [Tracks.empty()]
        self.info: dict[str, Any] = {}

    def claim(self) -> bool:
        """Wants the rows of any video."""
        return True

    def open(self, info: dict[str, Any]) -> InMemory:
        """Keeps what a result says of its origin."""
        self.info = info
        return self

    def append(self, chunk: Tracks) -> None:
        """Takes the next frames."""
        self.parts.append(chunk)

    def flush(self) -> None:
        """Nothing to do."""

    def complete(self, report: DecodeReport, remark: str | None, cuts: list[int]) -> None:
        """Keeps whether the video was whole, and where its shots begin."""
        self.info |= {"complete": not report.truncated, "reason": report.reason, "cuts": cuts}

    def stopped(self) -> None:
        """Nothing to do."""

    def failed(self, error: RedtrackError) -> None:
        """Nothing to do."""

    def tracks(self) -> Tracks:
        """Returns all rows."""
        return replace(Tracks.concatenate(self.parts), info=self.info)
