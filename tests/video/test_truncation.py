"""Whether a file ends where it says it does is read from its own sizes, and no content makes that fail."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import pytest
import videos
from hypothesis import given
from hypothesis import strategies as st

from redtrack.video import Video
from redtrack.video.truncation import Ending, ending, has_no_index

HEADS = [
    b"\x00\x00\x00\x20ftyp",
    b"\x1a\x45\xdf\xa3",
    b"RIFF\x00\x00\x00\x10AVI ",
    bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"),
]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".wmv"])
def test_whole_and_cut_files_are_told_apart(tmp_path: Path, suffix: str) -> None:
    """A file as written is whole; any part of it that lacks its end is cut."""
    whole = videos.clip(tmp_path / f"whole{suffix}")
    assert ending(whole) is Ending.WHOLE
    for share in (0.3, 0.9, 0.999):
        assert ending(videos.truncated(tmp_path / f"cut{suffix}", whole, share)) is Ending.CUT


def test_a_transport_stream_ends_with_a_whole_packet(tmp_path: Path) -> None:
    """A transport stream states no length, but its last packet may be cut."""
    whole = videos.clip(tmp_path / "whole.ts")
    assert ending(whole) is Ending.UNKNOWN
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[:-50])
    assert ending(cut) is Ending.CUT


@pytest.mark.parametrize("kind", ["matroska", "mp4"])
def test_a_live_recording_leaves_its_end_open(tmp_path: Path, kind: str) -> None:
    """Files written as a stream, in fragments or without a length, are decoded in full and not called cut."""
    options = {"movflags": "frag_keyframe+empty_moov"} if kind == "mp4" else {"live": "1"}
    memory = io.BytesIO()
    with av.open(memory, "w", format=kind, options=options) as output:
        stream = output.add_stream("libx264", rate=25, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = videos.WIDTH, videos.HEIGHT, "yuv420p"
        for number in range(24):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(videos.numbered(number), format="rgb24")))
        output.mux(stream.encode(None))
    path = tmp_path / "live.bin"
    path.write_bytes(memory.getvalue())
    video = Video(path)
    assert [videos.number_of(frame.image) for frame in video.frames()] == list(range(24))
    assert video.report.reason is None


def test_a_missing_index_is_seen(tmp_path: Path) -> None:
    """Of MP4 files alone it is said that their index is missing."""
    whole = videos.clip(tmp_path / "whole.mp4", 48)
    assert not has_no_index(whole)
    assert has_no_index(videos.truncated(tmp_path / "cut.mp4", whole, 0.7))
    assert not has_no_index(videos.clip(tmp_path / "whole.avi"))


@given(head=st.sampled_from([b"", *HEADS]), rest=st.binary(max_size=200))
def test_any_content_is_answered(head: bytes, rest: bytes) -> None:
    """Whatever the bytes, there is an answer and no exception."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any"
        path.write_bytes(head + rest)
        assert ending(path) in Ending
        assert has_no_index(path) in {True, False}


def test_a_file_of_nothing_but_tiny_boxes_is_left_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of boxes without end only so many are looked at, and then nothing is said of the file's end."""
    monkeypatch.setattr("redtrack.video.truncation._MOST_BOXES", 10)
    path = tmp_path / "boxes.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + b"\0\0\0\x08free" * 8)
    assert ending(path) is Ending.WHOLE
    path.write_bytes(b"\0\0\0\x08ftyp" + b"\0\0\0\x08free" * 1000)
    assert ending(path) is Ending.UNKNOWN
    assert not has_no_index(path)
