"""A file's own structure tells whether it is whole, and no content makes that fail."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import damaged_videos
import pytest
import video_streams
import videos
from hypothesis import given
from hypothesis import strategies as st

from redtrack.video.container_structure import Chain, Ending, ending, follow_chain, has_no_index

HEADS = [
    b"\x00\x00\x00\x20ftyp",
    b"\x1a\x45\xdf\xa3",
    b"RIFF\x00\x00\x00\x10AVI ",
    bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"),
]
CHAINS = [".avi", ".flv", ".wmv", ".mpg"]
CHAIN_HEADS = [
    b"RIFF\x10\0\0\0AVI ",
    b"FLV\1\5\0\0\0\x09\0\0\0\0",
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    b"\0\0\1\xba",
]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".wmv"])
def test_whole_and_cut_files_are_told_apart(tmp_path: Path, suffix: str) -> None:
    """A file as written is whole; any part of it that lacks its end is cut."""
    whole = videos.clip(tmp_path / f"whole{suffix}")
    assert ending(whole) is Ending.WHOLE
    for share in (0.3, 0.9, 0.999):
        assert ending(damaged_videos.truncated(tmp_path / f"cut{suffix}", whole, share)) is Ending.CUT


def test_a_transport_stream_ends_with_a_whole_packet(tmp_path: Path) -> None:
    """A transport stream states no length, but its last packet may be cut."""
    whole = videos.clip(tmp_path / "whole.ts")
    assert ending(whole) is Ending.UNKNOWN
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[:-50])
    assert ending(cut) is Ending.CUT


def test_a_missing_index_is_seen(tmp_path: Path) -> None:
    """Of MP4 files alone it is said that their index is missing."""
    whole = videos.clip(tmp_path / "whole.mp4", 48)
    assert not has_no_index(whole)
    assert has_no_index(damaged_videos.truncated(tmp_path / "cut.mp4", whole, 0.7))
    assert not has_no_index(videos.clip(tmp_path / "whole.avi"))


@given(head=st.sampled_from([b"", *HEADS, *CHAIN_HEADS]), rest=st.binary(max_size=200))
def test_any_content_has_an_ending_and_a_chain_or_none(head: bytes, rest: bytes) -> None:
    """Whatever the bytes, there are answers and no exception."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any"
        path.write_bytes(head + rest)
        assert ending(path) in Ending
        assert has_no_index(path) in {True, False}
        assert follow_chain(path) in Chain


def test_a_file_of_nothing_but_tiny_boxes_is_left_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of boxes without end only so many are looked at, and then nothing is said of the file's end."""
    monkeypatch.setattr("redtrack.video.container_structure._MOST_BOXES", 10)
    path = tmp_path / "boxes.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + b"\0\0\0\x08free" * 8)
    assert ending(path) is Ending.WHOLE
    path.write_bytes(b"\0\0\0\x08ftyp" + b"\0\0\0\x08free" * 1000)
    assert ending(path) is Ending.UNKNOWN
    assert not has_no_index(path)


@pytest.mark.parametrize("suffix", CHAINS)
@pytest.mark.parametrize("damage", ["noise", "nought", "gone"])
def test_whole_chains_are_told_from_broken_ones(tmp_path: Path, suffix: str, damage: str) -> None:
    """Overwritten or taken out, a stretch of the file is missed."""
    whole = videos.clip(tmp_path / f"whole{suffix}", 100)
    assert follow_chain(whole) is Chain.WHOLE
    data = whole.read_bytes()
    start, end = len(data) * 40 // 100, len(data) * 65 // 100
    lost = {"noise": random.Random(1).randbytes(end - start), "nought": bytes(end - start), "gone": b""}[damage]
    bad = tmp_path / f"bad{suffix}"
    bad.write_bytes(data[:start] + lost + data[end:])
    assert follow_chain(bad) is not Chain.WHOLE


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_other_containers_are_no_chains(tmp_path: Path, suffix: str) -> None:
    assert follow_chain(videos.clip(tmp_path / f"whole{suffix}", 5)) is Chain.WHOLE


def test_sound_between_the_pictures_is_part_of_the_chain(tmp_path: Path) -> None:
    assert follow_chain(video_streams.with_sound(tmp_path / "sound.avi")) is Chain.WHOLE


@pytest.mark.parametrize("suffix", [".flv", ".mpg"])
def test_a_block_that_is_cut_off_is_told(tmp_path: Path, suffix: str) -> None:
    whole = videos.clip(tmp_path / f"whole{suffix}", 100)
    assert follow_chain(damaged_videos.truncated(tmp_path / f"cut{suffix}", whole, 0.531)) is Chain.CUT
