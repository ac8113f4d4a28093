"""What a result says of its origin, and how long a video is likely to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options

if TYPE_CHECKING:
    from redtrack.video import VideoInfo

__all__ = ["expected_frames", "origin"]


def expected_frames(video: VideoInfo, end: float | None) -> int | None:
    """Returns about how many frames there will be, None where the file does not say."""
    known = video.expected_frames
    if known is None and video.duration and video.average_rate:
        known = round(video.duration * float(video.average_rate))
    if known is None or end is None:
        return known
    return known if not video.duration else min(known, round(known * end / video.duration))


def origin(video: VideoInfo, models: Landmarker, options: Options) -> dict[str, Any]:
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
        "stream": video.stream,
        "rotation": video.rotation,
        "mirrored": video.mirrored,
        "average_rate": None if video.average_rate is None else str(video.average_rate),
        "duration": video.duration,
        "times_from": video.times_from,
        "times_known": video.times_from != "default",
        "reading": video.reading.to_dict(),
        **models.about,
        "device": str(models.device),
        "options": options.to_dict(),
        "version": redtrack.__version__,
    }
