"""Opening a file as a video: local files of known kinds only, and one sentence for whatever cannot be opened."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.codec.context import Flags
from av.stream import Disposition

from redtrack.errors import VideoError, absent
from redtrack.video.container_structure import has_no_index

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Demuxers that may be used. FFmpeg knows 370: some render any text file as a film, some open other files that a
# playlist names, be they on the network. Sound files are listed so that they can be told from noise.
_VIDEO = "mov,matroska,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,mxf,nut,ivf,h264,hevc,obu,m4v,vc1,dv,rm,wtv,mjpeg"
_PICTURE = "image2,jpeg_pipe,png_pipe,apng,gif,webp_pipe,bmp_pipe,tiff_pipe,pgm_pipe,ppm_pipe,yuv4mpegpipe"
_SOUND = "mp3,wav,w64,flac,aac,aiff,amr"
OPTIONS = {
    "format_whitelist": f"{_VIDEO},{_PICTURE},{_SOUND}",
    "protocol_whitelist": "file",
    "pattern_type": "none",  # a picture named a%03d.png is one picture
}
# Tags that are no UTF-8 must not keep a file from being opened: PyAV 19 takes them by itself and has no such option.
_TAGS: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}  # noqa: PLR2004
# Largest picture that is decoded, width x height: 16k x 8k, 384 MiB as RGB. 12k cameras have 80 million pixels, and the
# headers of damaged files ask for more.
MAX_PIXELS = 1 << 27

MOST_BYTES = 1 << 29  # that the pictures of a decoder's threads take together, unless one takes more

_HDF5 = b"\x89HDF\r\n\x1a\n"
_LOOK = "check that it plays in a video player"


def open_container(path: str | os.PathLike[str], hwaccel: HWAccel | None = None) -> InputContainer:
    """Returns the opened container; raises VideoError where the file is missing, no file, or no video.

    hwaccel: what decodes in place of the processor. Where it does not, av.FFmpegError or ValueError may be raised.
    """
    check_file(path)
    # "file:" keeps a name such as "http:a.mp4" from being read as an address.
    name = f"file:{os.path.abspath(path)}"
    if hwaccel is not None:
        return av.open(name, options=OPTIONS, hwaccel=hwaccel, **_TAGS)
    try:
        return av.open(name, options=OPTIONS, **_TAGS)
    except (av.FFmpegError, ValueError) as error:
        raise _cannot_open(path, error) from error


def video_stream(container: InputContainer, path: str | os.PathLike[str], number: int | None = None) -> VideoStream:
    """Returns the stream of that number in the file, or the best video stream, as players and ffmpeg choose it.

    Raises VideoError where there is no such stream, or none that can be decoded.
    """
    stream = _best_stream(container, path) if number is None else _numbered_stream(container, path, number)
    # PyAV 18 crashes the process when a stream without a decoder is decoded.
    if stream.codec_context is None:
        raise VideoError("is in a video format that cannot be decoded", path, "convert it to H.264 first")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def is_cover(stream: VideoStream) -> bool:
    """Returns whether the stream is the cover picture of a film or an album."""
    return bool(stream.disposition & Disposition.attached_pic)


def _best_stream(container: InputContainer, path: str | os.PathLike[str]) -> VideoStream:
    best = container.streams.best("video")
    films = [stream for stream in container.streams.video if not is_cover(stream)]
    if not films:
        raise VideoError("holds no moving pictures, only sound or data", path, "give the video file itself")
    return next((stream for stream in films if best is not None and stream.index == best.index), films[0])


def _numbered_stream(container: InputContainer, path: str | os.PathLike[str], number: int) -> VideoStream:
    for stream in container.streams.video:
        if stream.index == number:
            return stream
    known = ", ".join(str(stream.index) for stream in container.streams.video) or "none"
    remedy = "choose one of those that redtrack info lists"
    raise VideoError(f"has no video stream {number} (its video streams: {known})", path, remedy)


def decode_in_parallel(stream: VideoStream) -> None:
    """Lets the decoder use every core: fastest, but a damaged packet may take its neighbours along.

    Each thread holds a picture, so that large ones have fewer. A GPU is given one thread: each would take surfaces, of
    which NVDEC has 32, and a machine of many cores none left.
    """
    context = stream.codec_context
    room = MOST_BYTES // max(context.width * context.height * 4, 1)
    if getattr(context, "is_hwaccel", False):
        context.thread_count = 1
    elif room < (os.cpu_count() or 1) + 1:
        context.thread_count = max(1, room)
        context.thread_type = "AUTO" if room > 1 else "NONE"
    else:
        stream.thread_type = "AUTO"


def decode_one_by_one(stream: VideoStream) -> None:
    """Makes the decoder report each packet on its own, and give out frames that lack a part."""
    stream.codec_context.thread_count = 1
    stream.codec_context.thread_type = "NONE"
    stream.codec_context.flags |= Flags.output_corrupt


def check_file(path: str | os.PathLike[str]) -> os.stat_result:
    """Returns the status of a file with content; raises VideoError for anything else (a pipe would block)."""
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise VideoError(*absent(path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"cannot be opened: {reason.lower()}", path) from error
    if stat.S_ISDIR(status.st_mode):
        raise VideoError("is a folder, not a video", path, "name the videos in it")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError("is a pipe or a device, not a file", path, "save it to a file first")
    if not status.st_size:
        raise VideoError("is empty", path, "copy or record it again")
    return status


def _cannot_open(path: str | os.PathLike[str], error: Exception) -> VideoError:
    if isinstance(error, PermissionError) and not os.access(path, os.R_OK):
        return VideoError("may not be read", path, "check its permissions")
    has_lost_index = is_hdf5 = False
    with suppress(OSError):
        has_lost_index = has_no_index(Path(path))
        with open(path, "rb") as file:
            is_hdf5 = file.read(len(_HDF5)) == _HDF5
    if is_hdf5:
        return VideoError("is an HDF5 file, as tracks are, not a video", path, "name the video that it is of")
    if has_lost_index:
        remedy = "record it again or rebuild the index with a repair tool such as untrunc"
        return VideoError("has no index (moov), so the recording was cut short", path, remedy)
    return VideoError("is not a video that can be read", path, _LOOK)
