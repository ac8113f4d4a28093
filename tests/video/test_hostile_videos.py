"""Files that were tampered with are decoded or refused in one sentence; nothing crashes, hangs or comes out wrong."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import videos

from redtrack.errors import VideoError
from redtrack.video import IsolatedVideo

SEEDS = [".mp4", ".mkv", ".webm", ".avi", ".wmv", ".mpg", ".ts"]


@cache
def seed(suffix: str) -> bytes:
    """A short clip of that kind."""
    with TemporaryDirectory() as folder:
        return videos.clip(Path(folder) / f"seed{suffix}", 12).read_bytes()


def tampered(data: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, cut off, taken out or put in."""
    changed = bytearray(data)
    place = dice.randrange(len(changed))
    match dice.randrange(5):
        case 0:
            for _ in range(dice.choice([1, 5, 50])):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
        case 1:
            changed[dice.randrange(400)] = dice.choice([0, 127, 128, 255])
        case 2:
            del changed[place:]
        case 3:
            del changed[place : place + dice.randrange(1, 200)]
        case 4:
            changed[place:place] = dice.randbytes(dice.randrange(1, 300))
    return bytes(changed)


def decode(path: Path) -> None:
    """Decodes what there is and checks what must hold of any video."""
    try:
        video = IsolatedVideo(path, time_limit=20)
        last = 0.0
        for index, frame in enumerate(video.frames()):
            assert frame.index == index < 10_000
            assert frame.time >= last
            assert frame.image.shape == (video.info.height, video.info.width, 3)
            last = frame.time
        assert "made the decoder" not in (video.report.reason or "")
    except VideoError as error:
        assert "made the decoder" not in str(error)
        assert len(str(error).splitlines()) == 1


def decode_tampered(folder: Path, suffix: str, count: int) -> None:
    dice = random.Random(suffix)
    for _ in range(count):
        path = folder / f"tampered{suffix}"
        path.write_bytes(tampered(seed(suffix), dice))
        decode(path)


@pytest.mark.parametrize("suffix", SEEDS)
def test_some_tampered_files(tmp_path: Path, suffix: str) -> None:
    """25 tampered files of each kind."""
    decode_tampered(tmp_path, suffix, 25)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SEEDS)
def test_a_thousand_tampered_files(tmp_path: Path, suffix: str) -> None:
    """A thousand tampered files of each kind."""
    decode_tampered(tmp_path, suffix, 1000)
