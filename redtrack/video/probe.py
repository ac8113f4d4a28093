"""What a video is, from its header and its first frame: container, codec, upright size, rate, length. Pictures, too."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from redtrack.errors import VideoError
from redtrack.video.clock import Rate
from redtrack.video.container import check_file, is_cover, open_container, video_stream
from redtrack.video.convert import Converter
from redtrack.video.orientation import Image, Orientation
from redtrack.video.reading import AS_TOLD, Reading

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_DIGEST_PART = 1 << 16  # bytes of head and of tail that the digest covers


@dataclass(frozen=True)
class StreamInfo:
    """One video stream of a file, as its header describes it: None where that is unknown.

    `number` counts all streams of the file from 0, `seconds` is its length, `is_cover` tells a cover picture from a
    film.
    """

    number: int
    codec: str | None
    width: int | None
    height: int | None
    frames: int | None
    seconds: float | None
    is_cover: bool


@dataclass(frozen=True)
class VideoInfo:
    """A video as its header and first frame describe it.

    `stream` is the number of the one that is decoded, of all the video `streams` of the file. `times_from` says where
    the times of its frames come from, as `Rate.source` does. `reading` holds the choices that were made for it.

    `width` and `height` are those of the upright picture in pixels; `rotation` is how many degrees clockwise the stored
    picture was turned for that (0, 90, 180, 270), after being mirrored left to right where `mirrored`. `pixel_aspect`
    is the width over the height at which one of its pixels is shown, 1 where the file does not say. `duration` is in
    seconds. `digest` is the SHA-256 of the size and of the first and last 64 KiB of the file, in hex.
    """

    path: Path
    container: str
    stream: int
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    mirrored: bool
    pixel_aspect: Fraction
    time_base: Fraction | None
    average_rate: Fraction | None
    times_from: str
    duration: float | None
    expected_frames: int | None
    size_bytes: int
    digest: str
    streams: tuple[StreamInfo, ...]
    reading: Reading = AS_TOLD


def probe(
    path: str | os.PathLike[str], heartbeat: Callable[[], None] = lambda: None, reading: Reading = AS_TOLD
) -> VideoInfo:
    """Returns what the video is; raises VideoError where no frame of it can be decoded.

    `heartbeat` is called for every packet that is read in search of the first frame.
    """
    with open_container(path) as container:
        stream = video_stream(container, path, reading.stream)
        rate = Rate.of(container, stream, reading.fps)
        frame = first_frame(container, stream, path, heartbeat)
        codec = stream.codec_context.codec.canonical_name
        orientation = Orientation.of(frame, codec, path).turned(reading.rotate)
        width, height = orientation.upright_size(frame.width, frame.height)
        return VideoInfo(
            path=Path(path),
            container=container.format.name,
            stream=stream.index,
            codec=codec,
            pixel_format=frame.format.name,
            width=width,
            height=height,
            rotation=orientation.rotation,
            mirrored=orientation.mirrored,
            pixel_aspect=_pixel_aspect(stream, orientation),
            time_base=Fraction(stream.time_base) if stream.time_base else None,  # PyAV 19 has numbers of its own
            average_rate=rate.value,
            times_from=rate.source,
            duration=_duration(container, stream),
            expected_frames=stream.frames or None,
            size_bytes=os.path.getsize(path),
            digest=digest(path),
            streams=tuple(_about(one) for one in container.streams.video),
            reading=reading,
        )


def _about(stream: VideoStream) -> StreamInfo:
    context = stream.codec_context
    seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    width, height = (context.width, context.height) if context is not None else (None, None)
    codec = context.codec.canonical_name if context is not None else None
    return StreamInfo(
        stream.index, codec, width or None, height or None, stream.frames or None, seconds, is_cover(stream)
    )


def digest(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of the file's size and of its first and last 64 KiB, in hex.

    Raises VideoError where there is no such file, or where it cannot be read.
    """
    size = check_file(path).st_size
    total = hashlib.sha256(str(size).encode())
    try:
        with open(path, "rb") as file:
            total.update(file.read(_DIGEST_PART))
            file.seek(max(size - _DIGEST_PART, 0))
            total.update(file.read(_DIGEST_PART))
    except PermissionError as error:
        raise VideoError("may not be read", path, "check its permissions") from error
    except OSError as error:
        raise VideoError(f"cannot be read: {(error.strerror or str(error)).lower()}", path) from error
    return total.hexdigest()


def _pixel_aspect(stream: VideoStream, orientation: Orientation) -> Fraction:
    stored = Fraction(stream.sample_aspect_ratio or 1)
    return stored if orientation.upright_size(1, 2) == (1, 2) else 1 / stored


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return container.duration / 1e6
    return None


def first_frame(
    container: InputContainer,
    stream: VideoStream,
    path: str | os.PathLike[str],
    heartbeat: Callable[[], None] = lambda: None,
) -> VideoFrame:
    """Returns the stream's first frame; raises VideoError where none can be decoded."""
    stream.codec_context.thread_count = 1  # many threads would have many frames under way
    reason = "holds no frame"
    try:
        for packet in container.demux(stream):
            heartbeat()
            try:
                for frame in packet.decode():
                    return frame
            except (av.FFmpegError, ValueError) as error:
                reason = f"holds no frame that can be decoded ({getattr(error, 'strerror', None) or error})"
    except (av.FFmpegError, ValueError):
        reason = "is damaged so badly that no frame can be read"
    if "decoded" in reason and not stream.codec_context.width:  # FFmpeg strikes out a size that cannot be
        reason = "holds no frame that can be decoded: its header tells no picture size that is possible"
    raise VideoError(reason, path, "check that it plays in a video player")


def read_picture(path: str | os.PathLike[str]) -> Image:
    """Returns the picture, or a video's first frame, as uint8 (height, width, 3) RGB, turned as its EXIF data says.

    Raises VideoError where the file is missing or holds no picture.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        frame = first_frame(container, stream, path)
        orientation = Orientation.of(frame, stream.codec_context.codec.canonical_name, path)
        return Converter(Path(path), (frame.width, frame.height), orientation)(frame)
