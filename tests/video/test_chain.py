"""A chain of blocks is followed to its end or to where it breaks, and no content makes that fail."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import videos
from hypothesis import given
from hypothesis import strategies as st

from redtrack.video.chain import Chain, follow

CHAINS = [".avi", ".flv", ".wmv", ".mpg"]
HEADS = [
    b"RIFF\x10\0\0\0AVI ",
    b"FLV\1\5\0\0\0\x09\0\0\0\0",
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    b"\0\0\1\xba",
]


@pytest.mark.parametrize("suffix", CHAINS)
@pytest.mark.parametrize("damage", ["noise", "nought", "gone"])
def test_whole_chains_are_told_from_broken_ones(tmp_path: Path, suffix: str, damage: str) -> None:
    """Overwritten or taken out, a stretch of the file is missed."""
    whole = videos.clip(tmp_path / f"whole{suffix}", 100)
    assert follow(whole) is Chain.WHOLE
    data = whole.read_bytes()
    start, end = len(data) * 40 // 100, len(data) * 65 // 100
    lost = {"noise": random.Random(1).randbytes(end - start), "nought": bytes(end - start), "gone": b""}[damage]
    bad = tmp_path / f"bad{suffix}"
    bad.write_bytes(data[:start] + lost + data[end:])
    assert follow(bad) is not Chain.WHOLE


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_other_containers_are_no_chains(tmp_path: Path, suffix: str) -> None:
    assert follow(videos.clip(tmp_path / f"whole{suffix}", 5)) is Chain.WHOLE


def test_sound_between_the_pictures_is_part_of_the_chain(tmp_path: Path) -> None:
    assert follow(videos.with_sound(tmp_path / "sound.avi")) is Chain.WHOLE


@pytest.mark.parametrize("suffix", [".flv", ".mpg"])
def test_a_block_that_is_cut_off_is_told(tmp_path: Path, suffix: str) -> None:
    whole = videos.clip(tmp_path / f"whole{suffix}", 100)
    assert follow(videos.truncated(tmp_path / f"cut{suffix}", whole, 0.531)) is Chain.CUT


@given(head=st.sampled_from([b"", *HEADS]), rest=st.binary(max_size=200))
def test_any_content_is_answered(head: bytes, rest: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any"
        path.write_bytes(head + rest)
        assert follow(path) in Chain
