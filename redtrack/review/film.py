"""The video of a page: found, checked against the tracks, and copied where browsers cannot play it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from redtrack.errors import OutputError, RedtrackError, VideoError, printable
from redtrack.render.draw import Image
from redtrack.render.sheet import fit
from redtrack.review.page import Film, relative_url
from redtrack.tracks import Tracks
from redtrack.video import Reading, Video, VideoInfo, VideoWriter, digest, probe, read_ahead
from redtrack.video.reading import AS_TOLD

__all__ = ["browser_copy", "find_film", "playable", "video_path"]

_PLAYED = {  # container -> codecs and pixel formats that every current browser plays
    "mp4": {("h264", "yuv420p"), ("h264", "yuvj420p"), ("av1", "yuv420p"), ("vp9", "yuv420p")},
    "matroska": {("vp8", "yuv420p"), ("vp9", "yuv420p"), ("av1", "yuv420p")},
}
_ENDINGS = {"mp4": (".mp4", ".m4v", ".mov"), "matroska": (".webm",)}
_TALLEST = 720  # px of a copy
_AHEAD = 8  # frames decoded in front of the one that is copied


def video_path(tracks: Tracks, given: Path | None = None) -> Path | None:
    """Returns where the video of tracks is, None where the tracks do not tell or it is not there."""
    source = given or tracks.info.get("source")
    return Path(source) if isinstance(source, (str, Path)) and Path(source).is_file() else None


def playable(info: VideoInfo, reading: Reading = AS_TOLD) -> bool:
    """Returns whether browsers play the file as it is, and show the stream that was annotated as it was turned."""
    if (reading.stream, reading.rotate) != (None, 0):
        return False
    kind = "mp4" if "mp4" in info.container else "matroska" if "matroska" in info.container else ""
    fits = (info.codec, info.pixel_format) in _PLAYED.get(kind, ())
    return fits and info.path.suffix.lower() in _ENDINGS[kind] and not info.mirrored


def find_film(
    tracks: Tracks,
    folder: Path,
    given: Path | None = None,
    copy: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Film, Path | None]:
    """Returns the film of tracks for a page in `folder`, and the file that it plays.

    Where browsers cannot play the video, an H.264 copy is made as `copy`, unless there is a newer one than the video;
    `progress` is told the frames done. What is wrong is told by the film: then the points are shown on black.
    """
    source = given or tracks.info.get("source")
    path = video_path(tracks, given)
    if path is None:
        where = f" at {printable(source)}" if isinstance(source, (str, Path)) else ""
        return Film(None, f"The video is not found{where}: points are shown on black."), None
    try:
        reading = Reading.of(tracks.info)
        info = probe(path, reading=reading)
        problem = _difference(tracks, info)
        aspect = float(info.pixel_aspect)
        if not playable(info, reading) and copy is not None:
            if not copy.exists() or copy.stat().st_mtime < path.stat().st_mtime:
                browser_copy(path, copy, reading, progress)
            path = copy
        return Film(relative_url(path, folder), problem, aspect), path
    except OutputError:
        raise
    except RedtrackError as error:
        return Film(None, f"The video cannot be played: {error}. Points are shown on black."), None


def _difference(tracks: Tracks, info: VideoInfo) -> str:
    """Returns a sentence where the video is not the file that the tracks were made from."""
    size = tracks.info.get("width"), tracks.info.get("height")
    if None not in size and size != (info.width, info.height):
        reason = f"is {info.width} x {info.height}, but the tracks are of a video of {size[0]} x {size[1]}"
        raise VideoError(reason, info.path)
    known = tracks.info.get("source_digest")
    if known is None or known == digest(info.path):
        return ""
    return "The video was changed since it was annotated, or is another file: points may be out of place."


def browser_copy(
    path: Path, copy: Path, reading: Reading = AS_TOLD, progress: Callable[[int], None] | None = None
) -> None:
    """Writes an H.264 copy (.mp4) of a video, every frame at its true time, at most 720 px tall, without sound.

    Raises VideoError where the video cannot be decoded, OutputError where the copy cannot be written.
    """
    with Video(path, reading=reading) as video:
        rate, aspect = video.info.average_rate or 25, video.info.pixel_aspect
        with VideoWriter(copy, rate, None, aspect) as writer:
            for done, frame in enumerate(read_ahead(video.frames(), _AHEAD), start=1):
                writer.write(_smaller(frame.image), frame.time)
                if progress:
                    progress(done)


def _smaller(image: Image) -> Image:
    height, width = image.shape[:2]
    if height <= _TALLEST:
        return image
    return fit(image, (0, 0, width, height), (round(width * _TALLEST / height), _TALLEST))[0]
