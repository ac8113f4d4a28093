"""A video with its tracks drawn on it: every frame at its own time, upright, with the sound."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from redtrack.errors import UsageError, printable
from redtrack.files import is_same_file
from redtrack.render.overlay import Overlay, Style
from redtrack.tracks import Tracks
from redtrack.video import Frame, Reading, Video, VideoInfo, digest, read_ahead

__all__ = ["Rendered", "check_fit", "check_out", "foreign", "render_video"]

_AHEAD = 8  # frames decoded in front of the one that is drawn


@dataclass(frozen=True)
class Rendered:
    """What was drawn: frames of the video, faces on them, and whether the file ended before its content did."""

    frames: int
    faces: int
    truncated: str | None


def render_video(
    source: str | os.PathLike[str],
    tracks: Tracks,
    out: str | os.PathLike[str],
    style: Style | None = None,
    sound: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Rendered:
    """Writes `out` (.mp4, .mov or .mkv): the video with the tracks on it; `progress` is told the frames done.

    Raises VideoError where the source cannot be decoded, UsageError where the tracks are of a picture of another size,
    OutputError where `out` cannot be written.
    """
    from redtrack.video.write import VideoWriter

    check_out(source, out)
    overlay, faces = Overlay(tracks, style), 0
    with Video(source, reading=Reading.of(tracks.info)) as video:
        check_fit(tracks, video.info)
        rate, aspect = video.info.average_rate or 25, video.info.pixel_aspect
        with VideoWriter(out, rate, source if sound else None, aspect) as writer:
            for done, frame in enumerate(read_ahead(video.frames(), _AHEAD), start=1):
                writer.write(drawn(overlay, frame), frame.time)
                faces += len(overlay.rows(frame.index))
                if progress:
                    progress(done)
        return Rendered(video.report.frames, faces, video.report.reason)


def drawn(overlay: Overlay, frame: Frame) -> np.ndarray:
    """Returns the frame's picture with its faces on it; the frame's own picture stays as it is."""
    image = np.zeros_like(frame.image) if overlay.style.black else frame.image.copy()
    overlay.draw(image, frame.index)
    return image


def frames_of(video: Video, wanted: list[int]) -> Iterator[Frame]:
    """Yields the frames of ascending indices `wanted` that the video has; decodes no further than the last."""
    left = iter(wanted)
    next_wanted = next(left, None)
    for frame in video.frames():
        if next_wanted is None:
            return
        if frame.index == next_wanted:
            yield frame
            next_wanted = next(left, None)


def check_out(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Raises UsageError where a drawing would take the place of its video."""
    if is_same_file(Path(source), Path(out)):
        raise UsageError("is the video itself", out, "give the drawing another name")


def check_fit(tracks: Tracks, info: VideoInfo) -> None:
    """Raises UsageError where the tracks say that their picture is of another size than the video's."""
    size = tracks.info.get("width"), tracks.info.get("height")
    if None not in size and size != (info.width, info.height):
        problem = f"is {info.width} x {info.height}, but the tracks are of a video of {size[0]} x {size[1]}"
        raise UsageError(problem, info.path, "give the video that was annotated")


def foreign(tracks: Tracks, video: str | os.PathLike[str]) -> str | None:
    """Returns a sentence where the tracks tell that they were made from another file; None where they tell nothing.

    A copy that was encoded anew is another file, too, and its points are in their places.
    """
    source, known = tracks.info.get("source"), tracks.info.get("source_digest")
    if known is None or known == digest(video):
        return None
    where = f" ({printable(source)})" if isinstance(source, str) else ""
    return f"{printable(video)}: is not the file that the tracks were made from{where}; its frames must be the same"
