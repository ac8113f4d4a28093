"""Makers of generated test clips: one named function for every hard case, each writes `path` and returns it.

Every picture carries its own number as a row of black and white blocks (`numbered`), so a test can say which frame it
was given (`number_of`) whatever the codec did to the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

WIDTH, HEIGHT = 160, 120
BITS = 10  # blocks of a frame's number
MILLISECOND = Fraction(1, 1000)
QUIET_X265 = {"x265-params": "log-level=none:keyint=12:bframes=2"}
# Suffix -> codec that such files usually hold.
USUAL_CODECS = {
    ".mp4": "libx264",
    ".mkv": "libx264",
    ".webm": "libvpx-vp9",
    ".avi": "mpeg4",
    ".mov": "libx264",
    ".wmv": "wmv2",
    ".mpg": "mpeg2video",
    ".ts": "libx264",
    ".flv": "flv1",
    ".nut": "libx264",
}
# Encoders are told to hurry: what they save does not matter here.
HASTE = {
    "libx264": {"preset": "superfast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libsvtav1": {"preset": "12"},
}


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Returns the picture (height, width, 3) RGB of a slow gradient with `number` in blocks along its top."""
    y, x = np.mgrid[:height, :width]
    channels = [(x + 2 * number) % 256, (y + number) % 256, np.full_like(x, 90)]
    image = np.stack(channels, axis=-1).astype(np.uint8)
    block = width // BITS
    for bit in range(BITS):
        image[: height // 4, bit * block : (bit + 1) * block] = 235 if number >> bit & 1 else 20
    return image


def number_of(image: Image) -> int:
    """Returns the number that `numbered` drew into the picture (height, width, 3)."""
    height, width = image.shape[:2]
    block = width // BITS
    row = image[height // 8, block // 2 : block * BITS : block].mean(axis=-1)
    return sum(1 << bit for bit, value in enumerate(row) if value > 127)


def clip(
    path: Path,
    frames: int | Iterable[Image] = 24,
    *,
    codec: str | None = None,
    pixel_format: str = "yuv420p",
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    rotation: float | None = None,
    mirrored: bool = False,
    container: str | None = None,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Writes `frames`, a count of numbered ones or the pictures, at `pts` in units of `time_base`, else at `rate`."""
    pictures = [numbered(i) for i in range(frames)] if isinstance(frames, int) else list(frames)
    time_base = time_base or 1 / Fraction(rate)
    codec = codec or USUAL_CODECS[path.suffix]
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, options=HASTE.get(codec, {}) | (options or {}))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=mirrored)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixel_format)
            frame.pts = index if pts is None else pts[index]
            frame.time_base = time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


# Times


def variable_rate(path: Path) -> Path:
    """24 frames whose gaps run from 10 to 500 ms."""
    gaps = [10, 40, 500, 33, 67, 120] * 4
    return clip(path, pts=[sum(gaps[:i]) for i in range(24)], time_base=MILLISECOND)


def copied_with_times(path: Path, frames: int, pts: Sequence[int]) -> Path:
    """Motion JPEG at 25 frames a second whose packets are given these times, which an encoder would refuse."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        stream.codec_context.thread_count = 1
        packets = []
        for index in range(frames):
            packets += stream.encode(av.VideoFrame.from_ndarray(numbered(index), format="rgb24"))
        for packet, ticks in zip([*packets, *stream.encode(None)], pts, strict=True):
            packet.pts = packet.dts = ticks
            output.mux(packet)
    return path


def late_start(path: Path) -> Path:
    """24 frames, the first of them 2.5 s after the file's zero."""
    return clip(path, pts=[2500 + 40 * i for i in range(24)], time_base=MILLISECOND)


def b_frames(path: Path, frames: int = 48) -> Path:
    """Frames stored in another order than they are shown in, a key frame every 12."""
    return clip(path, frames, options={"bf": "3", "g": "12"})


def edit_list(path: Path, left_out: int = 8) -> Path:
    """48 frames with B-frames, of which the file's edit list leaves out the first: numbers begin at `left_out`."""
    plain = b_frames(path.with_suffix(".plain.mp4"))
    options = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    with av.open(str(plain)) as source, av.open(str(path), "w", options=options) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.pts is not None and packet.dts is not None:
                shift = round(Fraction(left_out, 25) / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = stream
                output.mux(packet)
    return path


def without_times(path: Path) -> Path:
    """24 frames of a bare H.264 stream, whose packets have no times at all."""
    return clip(path, container="h264", codec="libx264")


def restarting(path: Path) -> Path:
    """Two recordings of 24 frames each, joined: the clock starts again from nought (numbers 0 to 23 twice)."""
    parts = [clip(path.with_name(f"{path.stem}-{i}.ts"), 24) for i in range(2)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def joined(path: Path, starts: Sequence[float] = (0.0, 0.0), frames: int = 24) -> Path:
    """Recordings of so many frames, whose clocks start at these seconds, one after the other; their numbers run on."""
    parts = []
    for number, start in enumerate(starts):
        part = path.with_name(f"{path.stem}-{number}.ts")
        pictures = [numbered(number * frames + index) for index in range(frames)]
        pts = [round(25 * start) + index for index in range(frames)]
        parts.append(clip(part, pictures, pts=pts, options={"bf": "2", "g": "12"}))
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def one_frame(path: Path) -> Path:
    """A video of a single frame."""
    return clip(path, 1)


# Pictures


def rotated(path: Path, clockwise: int, mirrored: bool = False) -> Path:
    """12 frames lying on their side, with the metadata by which a player stands them up (turned, then mirrored)."""
    upright = [numbered(i)[:, :: -1 if mirrored else 1] for i in range(12)]
    stored = [np.ascontiguousarray(np.rot90(image, clockwise // 90)) for image in upright]
    return clip(path, stored, rotation=-clockwise, mirrored=mirrored)


def odd_size(path: Path) -> Path:
    """12 frames of 161 x 121 pixels, with a colour sample for every pixel."""
    return clip(path, [numbered(i, 161, 121) for i in range(12)], pixel_format="yuv444p")


def odd_size_halved(path: Path) -> Path:
    """12 frames of 161 x 121 pixels, with a colour sample for every four pixels."""
    return clip(path, [numbered(i, 161, 121) for i in range(12)], codec="mjpeg", pixel_format="yuvj420p")


def ten_bit(path: Path) -> Path:
    """12 frames of 10 bits a sample."""
    return clip(path, 12, codec="libx265", pixel_format="yuv420p10le", options=QUIET_X265)


def grey(path: Path) -> Path:
    """12 frames without colour."""
    return clip(path, 12, codec="ffv1", pixel_format="gray")


def interlaced(path: Path) -> Path:
    """24 frames of two fields each."""
    return clip(path, options={"x264-params": "interlaced=1"})


def alpha(path: Path) -> Path:
    """12 frames with an alpha channel."""
    return clip(path, 12, codec="qtrle", pixel_format="argb")


def resized(path: Path, size: tuple[int, int] = (240, 180)) -> Path:
    """12 frames of 160 x 120 and 12 of another size (width, height) in one stream; their numbers run on."""
    second = [numbered(12 + i, *size) for i in range(12)]
    parts = [clip(path.with_suffix(".1.h264"), 12, container="h264", codec="libx264")]
    parts.append(clip(path.with_suffix(".2.h264"), second, container="h264", codec="libx264"))
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def coloured(path: Path, rgb: tuple[int, int, int], matrix: str, full_range: bool, size: tuple[int, int]) -> Path:
    """12 frames of one colour by the matrix "bt601", "bt709" or "untold" (one of the two by size, as players do)."""
    width, height = size
    is_709 = matrix == "bt709" or (matrix == "untold" and height >= 720)
    red, blue = (0.2126, 0.0722) if is_709 else (0.299, 0.114)
    planes = _yuv(rgb, red, blue, full_range)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"qp": "4"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.color_range = 2 if full_range else 1
        stream.codec_context.colorspace = {"bt709": 1, "bt601": 6, "untold": 2}[matrix]
        for index in range(12):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane, value in zip(frame.planes, planes, strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            frame.pts = index
            frame.color_range = stream.codec_context.color_range
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _yuv(rgb: tuple[int, int, int], red: float, blue: float, full_range: bool) -> tuple[int, int, int]:
    r, g, b = (value / 255 for value in rgb)
    luma = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - luma) / (2 - 2 * blue), (r - luma) / (2 - 2 * red)
    if full_range:
        return round(255 * luma), round(128 + 255 * u), round(128 + 255 * v)
    return round(16 + 219 * luma), round(128 + 224 * u), round(128 + 224 * v)


def shots(path: Path, lengths: Sequence[int] = (20, 15, 30)) -> Path:
    """Scenes of so many frames each, cut hard; each a drifting pattern of its own."""
    return clip(path, [image for seed, length in enumerate(lengths) for image in drifting(length, seed)])


def drifting(length: int, seed: int = 0, speed: int = 1) -> list[Image]:
    """Returns pictures (120, 160, 3) that a camera sees, moving `speed` pixels a frame over a scene of soft blobs."""
    rng = np.random.default_rng(seed)
    margin = speed * length
    coarse = rng.integers(0, 256, (9, 8 + margin // 20 + 2, 3)).astype(np.float32)
    scene = np.kron(coarse, np.ones((20, 20, 1), np.float32))
    scene = sum(np.roll(scene, (y, x), (0, 1)) for y in range(0, 20, 5) for x in range(0, 20, 5)) / 16
    return [scene[30 : 30 + HEIGHT, i * speed : i * speed + WIDTH].astype(np.uint8) for i in range(length)]
