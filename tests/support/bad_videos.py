"""A folder of good and bad videos, one of every kind that a batch may meet, and what is to become of each.

`make(folder, pictures)` writes them; the pictures are what is to be seen in the good ones. `CASES` are named for their
files: state, a word of the reason that a person is told, and whether some frames are damaged.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import damaged_videos
import numpy as np
import video_streams
import videos
from videos import Image, clip

DONE, PARTIAL, FAILED = "done", "partial", "failed"
KEYS = {"g": "12"}

Maker = Callable[[Path, Sequence[Image]], object]


@dataclass(frozen=True)
class Case:
    """What is to become of a file; `reason` is part of what is said of it."""

    make: Maker
    state: str = DONE
    reason: str = ""
    damaged: bool = False


def of(**how: Any) -> Maker:
    """A sound clip, encoded so."""
    return lambda path, pictures: clip(path, pictures, **how)


def corrupt(packets: Sequence[int] = (5, 16), **how: Any) -> Maker:
    """A clip some of whose packets are noise."""

    def make(path: Path, pictures: Sequence[Image]) -> None:
        damaged_videos.corrupted(path, clip(beside(path), pictures, **how), packets)
        beside(path).unlink()

    return make


def cut(share: float = 0.6, **how: Any) -> Maker:
    """The first part of a clip."""

    def make(path: Path, pictures: Sequence[Image]) -> None:
        damaged_videos.truncated(path, clip(beside(path), pictures, **how), share)
        beside(path).unlink()

    return make


def torn(first: float = 0.42, last: float = 0.7, **how: Any) -> Maker:
    """A clip with noise over a stretch of the file, so that whole frames are lost."""

    def make(path: Path, pictures: Sequence[Image]) -> None:
        damaged_videos.overwritten(path, clip(beside(path), [*pictures] * 4, **how), first, last)
        beside(path).unlink()

    return make


def beside(path: Path) -> Path:
    """Where the sound clip lies for a moment."""
    return path.with_name(f"whole{path.suffix}")


def edited(edit: Callable[[Path], Path], **how: Any) -> Maker:
    """One of `videos`' files that brings its own pictures."""
    return lambda path, _: edit(path, **how)


def turned(path: Path, pictures: Sequence[Image]) -> None:
    """A clip stored on its side, with the metadata that stands it up."""
    clip(path, [np.ascontiguousarray(np.rot90(image)) for image in pictures], rotation=-90)


def resized(path: Path, pictures: Sequence[Image]) -> None:
    """Half of the frames are of half the size."""
    middle = len(pictures) // 2
    halves = list(pictures[:middle]), [np.ascontiguousarray(image[::2, ::2]) for image in pictures[middle:]]
    parts = [clip(path.with_name(f"part{i}"), half, container="h264", codec="libx264") for i, half in enumerate(halves)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()


def loop(path: Path, _: Sequence[Image]) -> None:
    """A link to itself."""
    os.symlink(path.name, path)


def dangling(path: Path, _: Sequence[Image]) -> None:
    """A link to nothing."""
    os.symlink("moved away.mp4", path)


def index_first_cut(path: Path, pictures: Sequence[Image]) -> None:
    """Half of an MP4 file whose index stands at its front."""
    damaged_videos.truncated(path, damaged_videos.index_first(beside(path), pictures), 0.6)
    beside(path).unlink()
    beside(path).with_suffix(".plain.mp4").unlink()


def content(data: bytes) -> Maker:
    """A file of these bytes."""
    return lambda path, _: path.write_bytes(data)


VARIABLE = [sum([10, 40, 500, 33, 67, 120][i % 6] for i in range(n)) for n in range(500)]
CASES: dict[str, Case] = {
    # sound
    "h264.mp4": Case(of()),
    "h264.mkv": Case(of()),
    "h264.mov": Case(of()),
    "h264.ts": Case(of()),
    "hevc.mp4": Case(of(codec="libx265", options=videos.QUIET_X265)),
    "ten bit.mkv": Case(of(codec="libx265", pixel_format="yuv420p10le", options=videos.QUIET_X265)),
    "vp8.webm": Case(of(codec="libvpx")),
    "vp9.webm": Case(of()),
    "mpeg4.avi": Case(of()),
    "mjpeg.avi": Case(of(codec="mjpeg", pixel_format="yuvj420p")),
    "wmv2.wmv": Case(of()),
    "mpeg2.mpg": Case(of()),
    "flv1.flv": Case(of()),
    "b-frames.mp4": Case(of(options={"bf": "3", "g": "12"})),
    "variable rate.mkv": Case(lambda path, p: clip(path, p, pts=VARIABLE[: len(p)], time_base=Fraction(1, 1000))),
    "one frame.mp4": Case(lambda path, p: clip(path, p[:1])),
    "turned.mp4": Case(turned),
    "resized.h264": Case(resized),
    "rate 0.avi": Case(edited(damaged_videos.odd_rate, rate=0)),
    "rate 90000.avi": Case(edited(damaged_videos.odd_rate, rate=90_000)),
    "length wrong.avi": Case(edited(damaged_videos.wrong_length)),
    "index lost.avi": Case(edited(damaged_videos.without_index)),
    "new\nline.mkv": Case(of()),
    "-dash.mkv": Case(of()),
    "größer 顔.mkv": Case(of()),
    os.fsdecode(b"not utf8 \xff.mkv"): Case(of()),
    "%s {0} $HOME.mkv": Case(of()),
    "monday/take.mkv": Case(of()),
    "tuesday/take.mkv": Case(lambda path, p: clip(path, p[:-5])),
    "monday/take.mp4": Case(lambda path, p: clip(path, p[:-9])),
    # damaged inside
    "h264 corrupt.mp4": Case(corrupt(options=KEYS), damaged=True),
    "h264 corrupt.mkv": Case(corrupt(options=KEYS), damaged=True),
    "hevc corrupt.mp4": Case(corrupt(codec="libx265", options=videos.QUIET_X265), damaged=True),
    "vp9 corrupt.webm": Case(corrupt(options=KEYS), damaged=True),
    "mpeg4 corrupt.avi": Case(corrupt(options=KEYS), damaged=True),
    "mpeg4 corrupt.mp4": Case(corrupt(codec="mpeg4", options=KEYS), damaged=True),
    # done as far as they go
    "cut.mkv": Case(cut(), PARTIAL, "cut short"),
    "cut.webm": Case(cut(), PARTIAL, "cut short"),
    "cut.avi": Case(cut(options=KEYS), PARTIAL, "cut short"),
    "cut.ts": Case(cut(0.601, options=KEYS), PARTIAL, "cut short"),
    "cut.wmv": Case(cut(0.7), PARTIAL, "cut short"),
    "cut.flv": Case(cut(0.531), PARTIAL, "cut short"),
    "cut.mpg": Case(cut(0.531), PARTIAL, "cut short"),
    "cut.mp4": Case(index_first_cut, PARTIAL, "cut short"),
    "torn.ts": Case(torn(), PARTIAL, "frames are lost"),
    "torn.mpg": Case(torn(), PARTIAL, "frames are lost"),
    "torn.flv": Case(torn(), PARTIAL, "frames are lost"),
    "torn.wmv": Case(torn(), PARTIAL, "frames are lost"),
    # of no use
    "empty.mp4": Case(content(b""), FAILED, "is empty"),
    "prose.mp4": Case(content(b"This is not a video.\n" * 200), FAILED, "not a video"),
    "noise.mkv": Case(content(random.Random(1).randbytes(20_000)), FAILED, "not a video"),
    "noughts.avi": Case(content(bytes(20_000)), FAILED, "not a video"),
    "no index.mp4": Case(cut(0.7), FAILED, "has no index (moov)"),
    "header only.avi": Case(edited(video_streams.no_frames), FAILED, "holds no"),
    "sound only.mp4": Case(edited(video_streams.sound_only), FAILED, "only sound"),
    "absurd size.avi": Case(edited(damaged_videos.absurd_size), FAILED, "no picture size that is possible"),
    "playlist.mp4": Case(content(b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"), FAILED, "not a video"),
    "loop.mp4": Case(loop, FAILED, "symbolic links"),
    "dangling.mp4": Case(dangling, FAILED, "no such file"),
    "pipe.mp4": Case(lambda path, _: os.mkfifo(path), FAILED, "is a pipe"),
}


def make(folder: Path, pictures: Sequence[Image]) -> dict[str, Case]:
    """Writes all of them; returns the cases by their names below the folder."""
    for name, case in CASES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        case.make(path, pictures)
    return CASES


def problems(case: Case, state: str, reason: str | None, damaged: int) -> list[str]:
    """Returns in what a result is not what the case asks for."""
    wrong = []
    if state != case.state:
        wrong.append(f"is {state} ({reason}), not {case.state}")
    elif case.reason not in (reason or ""):
        wrong.append(f"says {reason!r}, not {case.reason!r}")
    if case.state == DONE and bool(damaged) != case.damaged:
        wrong.append(f"has {damaged} damaged frames")
    return wrong
