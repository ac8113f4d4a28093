"""Annotation from Python: one video in, its `Tracks` out, no file written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.errors import UsageError
from redtrack.inference.engine import Engine
from redtrack.inference.job import VideoJob, describe
from redtrack.inference.landmarker import Models, load_models
from redtrack.inference.options import Options, Resources
from redtrack.inference.profile import Profile
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    from redtrack.video import DecodeReport, VideoInfo

__all__ = ["annotate", "annotate_with"]


def annotate(
    path: str | os.PathLike[str],
    *,
    weights: str | Path | None = None,
    device: str = "auto",
    batch: int | None = None,
    precision: str = "auto",
    decode: str = "auto",
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> Tracks:
    """Returns the landmarks of every face in every frame of a video (or picture).

    weights: a shipped network's name or a file. device: auto, cpu or cuda:N. batch: crops in one call of the network.
    precision: auto, fp32, bf16 or half. decode: cpu, or cuda for the GPU that the networks run on. progress is called
    with the number of frames decoded so far. options are those of `redtrack.inference.options.Options`.
    Raises a RedtrackError for what cannot be done; a file that is cut short gives what there is of it, with
    `tracks.complete` false and the reason in `tracks.info["reason"]`.
    """
    if unknown := set(options) - set(Options.names()):
        raise UsageError(f"no option {', '.join(sorted(unknown))}", remedy=f"there are {', '.join(Options.names())}")
    chosen, resources = Options(**options), Resources(device, batch, precision, decode)
    models = load_models(weights, resources.device, chosen, True, resources.precision, resources.decode)
    return annotate_with(models, Path(path), chosen, resources.batch, progress)


def annotate_with(
    models: Models,
    path: Path,
    options: Options,
    batch: int | None = None,
    progress: Callable[[int], None] | None = None,
    profile: Profile | None = None,
) -> Tracks:
    """Does what `annotate` does, with networks that are loaded."""
    job = _MemoryJob(path, models, options, progress)
    for ended in Engine(models, options, batch, profile=profile).run([job]):
        if ended.error is not None:
            raise ended.error
    return job.tracks()


class _Collector:
    """Keeps rows in memory."""

    frames = 0

    def __init__(self) -> None:
        self.parts: list[Tracks] = [Tracks.empty()]

    def append(self, chunk: Tracks) -> None:
        self.parts.append(chunk)

    def flush(self) -> None:
        """Nothing to do."""


class _MemoryJob(VideoJob):
    def __init__(self, path: Path, models: Any, options: Options, progress: Callable[[int], None] | None) -> None:
        super().__init__(path, models, options)
        self._collector = _Collector()
        self._info: dict[str, Any] = {}
        self._progress = progress

    def open_sink(self, video: VideoInfo) -> _Collector:
        self._info = describe(video, self.models, self.options)
        return self._collector

    def advance(self) -> list[Any]:
        windows = super().advance()
        if self._progress is not None:
            self._progress(self._running().frames)
        return windows

    def close_sink(self, report: DecodeReport) -> None:
        self._info |= {"complete": not report.truncated, "reason": report.reason}

    def tracks(self) -> Tracks:
        """Returns all rows."""
        return replace(Tracks.concatenate(self._collector.parts), info=self._info)
