"""One video of a run, from its opening to its end, whatever becomes of its rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.errors import RedtrackError
from redtrack.inference.landmarker import Models
from redtrack.inference.options import Options
from redtrack.inference.tracker import Pipeline, Sink
from redtrack.inference.windows import Window
from redtrack.run.progress import expected_frames

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.video import DecodeReport, IsolatedVideo, Video, VideoInfo

__all__ = ["VideoJob", "describe"]


class VideoJob:
    """A `Job` of the engine's. Subclasses say where the rows go: `open_sink`, `close_sink`.

    `error` is why it ended early; `reason` why it is not complete although it came to its end.
    """

    def __init__(self, path: Path, models: Models, options: Options) -> None:
        self.path, self.models, self.options = path, models, options
        self.error: RedtrackError | None = None
        self.reason: str | None = None
        self.video: Video | IsolatedVideo | None = None
        self.pipeline: Pipeline | None = None
        self._began: float | None = None

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to decode."""
        return self.pipeline is None or self.pipeline.exhausted

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do but to finish."""
        return self.pipeline is None or self.pipeline.ended

    @property
    def nbytes(self) -> int:
        """The memory of the frames that are held."""
        return 0 if self.pipeline is None else self.pipeline.nbytes

    @property
    def waited(self) -> float:
        """Seconds that were spent on waiting for the decoder."""
        return 0.0 if self.pipeline is None else self.pipeline.waited

    @property
    def frames(self) -> int:
        """Frames decoded so far."""
        return 0 if self.pipeline is None else self.pipeline.frames

    @property
    def faces(self) -> int:
        """Faces followed so far."""
        return 0 if self.pipeline is None else self.pipeline.faces

    @property
    def expected_frames(self) -> int | None:
        """About how many there will be, None where the file does not say."""
        return None if self.video is None else expected_frames(self.video.info, self.options.end)

    @property
    def seconds(self) -> float:
        """Time since the first frames were asked for: a video is opened while the one before is still worked on."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def open_sink(self, video: VideoInfo) -> Sink:
        """Returns where the rows go."""
        raise NotImplementedError

    def close_sink(self, report: DecodeReport) -> None:
        """Is called when the last row has been given to the sink."""

    def start(self) -> None:
        """Opens the video."""
        from redtrack.video import open_video

        self.video = open_video(self.path, device=self.models.decoder)
        sink = self.open_sink(self.video.info)
        self.pipeline = Pipeline(self.video, self.models, self.options, sink)

    def advance(self) -> list[Window]:
        """Decodes and detects one chunk."""
        self._began = self._began or time.monotonic()
        return self._running().advance()

    def crops(self, window: Window) -> tuple[Window, Tensor]:
        """Returns the window as it is aimed now, and its crops."""
        return self._running().crops(window)

    def accept(self, window: Window, *found: np.ndarray) -> list[Window]:
        """Takes what the network says of a window."""
        return self._running().accept(window, *found)

    def finish(self) -> None:
        """Ends the job well."""
        if self.pipeline is None or self.video is None:
            return
        self.pipeline.stop()
        self.reason = self.video.report.reason
        self.close_sink(self.video.report)

    def stop(self) -> None:
        """Ends the job before its time, keeping what is final."""
        if self.pipeline is not None:
            self.pipeline.stop()

    def fail(self, error: RedtrackError) -> None:
        """Ends the job because of an error."""
        self.error = error
        if self.pipeline is not None:
            self.pipeline.close()

    def _running(self) -> Pipeline:
        assert self.pipeline is not None, f"{self.path} was not started"
        return self.pipeline


def describe(video: VideoInfo, models: Models, options: Options) -> dict[str, Any]:
    """Returns what a result says of its origin: `Tracks.info`."""
    import redtrack

    return {
        "source": str(video.path.resolve()),
        "source_size": video.size_bytes,
        "source_digest": video.digest,
        "container": video.container,
        "codec": video.codec,
        "pixel_format": video.pixel_format,
        "width": video.width,
        "height": video.height,
        "rotation": video.rotation,
        "mirrored": video.mirrored,
        "average_rate": None if video.average_rate is None else str(video.average_rate),
        "duration": video.duration,
        **models.about,
        "device": str(models.device),
        "options": options.to_dict(),
        "version": redtrack.__version__,
    }
