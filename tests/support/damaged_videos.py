"""Makers of damaged test clips: cut off, overwritten, with headers that lie. Each writes `path` and returns it."""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import av
from videos import Image, clip


def truncated(path: Path, source: Path, share: float = 0.5) -> Path:
    """The first part of `source`, as a broken copy leaves it."""
    data = source.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def index_first(path: Path, frames: int | Iterable[Image] = 48) -> Path:
    """An MP4 file whose index stands at its front, so that its first half can be decoded alone."""
    plain = clip(path.with_suffix(".plain.mp4"), frames, options={"g": "12", "bf": "0"})
    with av.open(str(plain)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return path


def corrupted(path: Path, source: Path, packets: Sequence[int], skip: int = 8) -> Path:
    """`source` with the data of these packets overwritten by noise, all but their first `skip` bytes."""
    data = bytearray(source.read_bytes())
    noise = random.Random(1)
    with av.open(str(source)) as container:
        spans = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for number in packets:
        start, size = spans[number]
        data[start + skip : start + size] = noise.randbytes(size - skip)
    path.write_bytes(data)
    return path


def overwritten(path: Path, source: Path, first: float, last: float) -> Path:
    """`source` with noise from `first` to `last`, shares of its length."""
    data = bytearray(source.read_bytes())
    start, end = round(first * len(data)), round(last * len(data))
    data[start:end] = random.Random(1).randbytes(end - start)
    path.write_bytes(data)
    return path


def without_index(path: Path) -> Path:
    """An AVI file that lacks its index, as a camera that lost power leaves it."""
    data = clip(path).read_bytes()
    path.write_bytes(data[: data.rindex(b"idx1")])
    return path


def absurd_size(path: Path) -> Path:
    """An AVI file of raw pictures whose header says 60,000 x 60,000."""
    data = bytearray(clip(path, codec="rawvideo", pixel_format="bgr24").read_bytes())
    struct.pack_into("<ii", data, data.index(b"strf") + 12, 60_000, 60_000)
    path.write_bytes(data)
    return path


def odd_rate(path: Path, rate: int) -> Path:
    """An AVI file whose header says so many frames a second."""
    data = bytearray(clip(path).read_bytes())
    struct.pack_into("<II", data, data.index(b"strh") + 28, 1, rate)
    path.write_bytes(data)
    return path


def wrong_length(path: Path) -> Path:
    """An AVI file of 24 frames whose header says 5,000."""
    data = bytearray(clip(path).read_bytes())
    struct.pack_into("<I", data, data.index(b"strh") + 40, 5000)
    path.write_bytes(data)
    return path


def grow(path: Path) -> None:
    """Makes the file longer, as a recorder does that is still at work."""
    with open(path, "ab") as file:
        file.write(bytes(1000))


def copy_as(path: Path, source: Path) -> Path:
    """`source` under another name."""
    shutil.copy(source, path)
    return path
