"""A video's facts are told without decoding it, and what is no video is refused in one sentence."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import damaged_videos
import pytest
import video_streams
import videos

from redtrack.errors import VideoError
from redtrack.video import Video, probe

NO_VIDEO = "is not a video that can be read; check that it plays in a video player"
HDF5 = "is an HDF5 file, as tracks are, not a video; name the video that it is of"
NO_PICTURES = "holds no moving pictures, only sound or data; give the video file itself"


def test_the_facts_of_a_video(tmp_path: Path) -> None:
    """Container, codec, upright size, rate, length and digest are those of the file."""
    path = videos.rotated(tmp_path / "phone.mp4", 90)
    info = probe(path)
    assert info.path == path
    assert "mp4" in info.container
    assert (info.codec, info.pixel_format) == ("h264", "yuv420p")
    assert (info.width, info.height, info.rotation, info.mirrored) == (videos.WIDTH, videos.HEIGHT, 90, False)
    assert (info.average_rate, info.expected_frames) == (Fraction(25), 12)
    assert info.duration == pytest.approx(0.48)
    data = path.read_bytes()
    assert info.size_bytes == len(data)
    head_and_tail = data[: 1 << 16] + data[-(1 << 16) :]
    assert info.digest == hashlib.sha256(str(len(data)).encode() + head_and_tail).hexdigest()


def test_the_codec_is_named_by_its_standard(tmp_path: Path) -> None:
    """A codec's name does not depend on which library decodes it."""
    path = videos.clip(tmp_path / "a.mkv", codec="libsvtav1")
    if hasattr(os, "sched_setscheduler"):  # the encoder has made a superuser's process a real-time one
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    assert probe(path).codec == "av1"


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("empty.mp4", lambda path: path.write_bytes(b""), "is empty; copy or record it again"),
        ("folder.mp4", Path.mkdir, "is a folder, not a video; name the videos in it"),
        ("pipe.mp4", os.mkfifo, "is a pipe or a device, not a file; save it to a file first"),
        ("loop.mp4", lambda path: path.symlink_to(path), "cannot be opened: too many levels of symbolic links"),
        ("prose.mp4", video_streams.text, NO_VIDEO),
        ("prose.txt", video_streams.text, NO_VIDEO),
        ("clip.h5", lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), HDF5),
        ("list.m3u8", video_streams.playlist, NO_VIDEO),
        ("voice.m4a", video_streams.sound_only, NO_PICTURES),
        ("song.mp4", video_streams.with_cover_only, NO_PICTURES),
        ("nothing.avi", video_streams.no_frames, "holds no frame; check that it plays in a video player"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, make: Callable[[Path], object], message: str) -> None:
    """Each kind of wrong file gets one sentence of path, reason and remedy."""
    path = tmp_path / name
    make(path)
    with pytest.raises(VideoError) as error:
        Video(path)
    assert str(error.value) == f"{path}: {message}"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A name that leads nowhere is told."""
    with pytest.raises(VideoError, match="no such file; check the spelling"):
        probe(tmp_path / "gone.mp4")


def test_a_null_byte_in_a_name_is_refused() -> None:
    """A name that no file can have is told as one that cannot be opened."""
    with pytest.raises(VideoError, match="cannot be opened"):
        probe("a\0b.mp4")


@pytest.mark.parametrize("name", ["http:a.mp4", "a%03d.mp4", "new\nline.mp4", "-i.mp4", "é.mp4", "no suffix", "b.jpg"])
def test_a_files_name_does_not_matter(tmp_path: Path, name: str) -> None:
    """Names that look like addresses, patterns, options or another kind of file are names of files."""
    path = damaged_videos.copy_as(tmp_path / name, videos.clip(tmp_path / "plain.mp4"))
    assert probe(path).codec == "h264"


def test_a_name_that_is_not_unicode(tmp_path: Path) -> None:
    """A name of stray bytes is opened all the same."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")
    assert probe(damaged_videos.copy_as(Path(name), videos.clip(tmp_path / "plain.mp4"))).codec == "h264"


def test_a_name_relative_to_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name is looked up from the current folder."""
    videos.clip(tmp_path / "plain.mp4")
    monkeypatch.chdir(tmp_path)
    assert probe("plain.mp4").expected_frames == 24
