"""Damaged videos are decoded as far as they go, every frame in its place, and the report says what is wrong."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import damaged_videos
import numpy as np
import pytest
import video_streams
import videos

from redtrack.errors import VideoError
from redtrack.video import Frame, Video

CODECS = {
    "h264.mp4": ("libx264", {"g": "12", "bf": "2"}),
    "h264.mkv": ("libx264", {"g": "12", "bf": "0"}),
    "hevc.mp4": ("libx265", videos.QUIET_X265),
    "vp8.webm": ("libvpx", {"g": "12"}),
    "vp9.webm": ("libvpx-vp9", {"g": "12"}),
    "mpeg4.avi": ("mpeg4", {"g": "12"}),
    "mpeg4.mp4": ("mpeg4", {"g": "12", "bf": "2"}),
    "mjpeg.avi": ("mjpeg", {}),
}


@cache
def whole_clip(kind: str) -> bytes:
    """48 frames of the kind of video that CODECS names, encoded once."""
    codec, options = CODECS[kind]
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with TemporaryDirectory() as folder:
        path = Path(folder) / kind
        return videos.clip(path, 48, codec=codec, options=options, pixel_format=pixel_format).read_bytes()


def damaged_clip(folder: Path, kind: str, packets: list[int]) -> Path:
    (source := folder / f"whole-{kind}").write_bytes(whole_clip(kind))
    return damaged_videos.corrupted(folder / kind, source, packets)


def in_place(frames: list[Frame]) -> bool:
    """Whether every frame that is not called damaged shows the number of its place, at its time."""
    return all(
        frame.damaged or (videos.number_of(frame.image) == index and frame.time == pytest.approx(index / 25))
        for index, frame in enumerate(frames)
    )


@pytest.mark.parametrize("kind", CODECS)
@pytest.mark.parametrize("packets", [[12], [25, 28, 30], [47], [1]], ids=str)
def test_damaged_frames_keep_their_place(tmp_path: Path, kind: str, packets: list[int]) -> None:
    """Whatever packets are destroyed, there are as many records as frames were stored, the sound ones in place."""
    video = Video(damaged_clip(tmp_path, kind, packets))
    frames = list(video.frames())
    assert [frame.index for frame in frames] == list(range(48))
    assert in_place(frames)
    assert 1 <= video.report.damaged <= 36
    assert video.report.damaged == sum(frame.damaged for frame in frames)
    assert video.report.missing == sum(frame.missing for frame in frames)
    assert not video.report.truncated


def test_damage_reaches_to_the_next_key_frame(tmp_path: Path) -> None:
    """What is drawn from a damaged frame is damaged too, up to the next key frame, and no further."""
    video = Video(damaged_clip(tmp_path, "h264.mkv", [17]))
    assert [frame.index for frame in video.frames() if frame.damaged] == list(range(17, 24))


def test_hevc_damage_is_told(tmp_path: Path) -> None:
    """HEVC decoders pass over damage inside a picture without a word; it is marked all the same."""
    whole = videos.clip(tmp_path / "whole.mp4", codec="libx265", options={"x265-params": "log-level=none:keyint=1"})
    frames = list(Video(damaged_videos.corrupted(tmp_path / "bad.mp4", whole, [15], skip=60)).frames())
    assert [frame.index for frame in frames if frame.damaged] == [15]
    assert in_place(frames)


def test_a_missing_frame_shows_the_one_before_it(tmp_path: Path) -> None:
    """A frame that cannot be decoded repeats the picture before it and is called missing."""
    frames = list(Video(damaged_clip(tmp_path, "mjpeg.avi", [5])).frames())
    assert [frame.index for frame in frames if frame.missing] == [5]
    assert frames[5].damaged
    assert frames[5].image is frames[4].image


def test_a_missing_first_frame_is_black(tmp_path: Path) -> None:
    """Where there is no picture before a missing frame, it is black, and time starts with it."""
    frames = list(Video(damaged_clip(tmp_path, "mjpeg.avi", [0])).frames())
    assert frames[0].missing
    assert not frames[0].image.any()
    assert (videos.number_of(frames[1].image), frames[1].time) == (1, pytest.approx(0.04))


def test_a_damaged_video_decodes_the_same_each_time(tmp_path: Path) -> None:
    """Damage is decoded on one core, so that its pictures do not depend on timing."""
    path = damaged_clip(tmp_path, "h264.mp4", [13, 14, 30])
    first, second = list(Video(path).frames()), list(Video(path).frames())
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_start_inside_a_damaged_video_keeps_indices(tmp_path: Path) -> None:
    """Decoding from the middle gives the frames of the whole decode, damage and all."""
    path = damaged_clip(tmp_path, "h264.mp4", [13, 30])
    whole = list(Video(path).frames())
    part = list(Video(path).frames(start=0.8))
    assert [(f.index, f.time, f.damaged) for f in part] == [(f.index, f.time, f.damaged) for f in whole[20:]]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(part, whole[20:], strict=True))


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi", ".wmv", ".ts", ".mp4", ".flv", ".mpg"])
def test_a_file_cut_in_half_is_told(tmp_path: Path, suffix: str) -> None:
    """Half a file gives about half the frames, and the report says that the file is cut short and by how much."""
    maker = damaged_videos.index_first if suffix == ".mp4" else videos.clip
    video = Video(damaged_videos.truncated(tmp_path / f"half{suffix}", maker(tmp_path / f"whole{suffix}", 100), 0.497))
    frames = list(video.frames())
    assert 10 < len(frames) < 90
    assert in_place(frames[:-5])  # of the last few, some are cut off that are shown before others
    assert video.report.truncated
    assert video.report.reason
    assert "cut short: it holds" in video.report.reason


def test_a_whole_file_is_not_called_cut(tmp_path: Path) -> None:
    """A header that promises too much, or sound that outlasts the pictures, is no truncation."""
    for path in (damaged_videos.wrong_length(tmp_path / "long.avi"), video_streams.with_sound(tmp_path / "sound.mkv")):
        video = Video(path)
        assert len(list(video.frames())) == 24
        assert (video.report.truncated, video.report.reason) == (False, None)


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".nut", ".mp4"])
def test_a_stream_that_begins_late_is_whole(tmp_path: Path, suffix: str) -> None:
    """Where the header tells when the stream ends, what is before its first frame is no part of it."""
    video = Video(videos.late_start(tmp_path / f"late{suffix}"))
    assert len(list(video.frames())) == 24
    assert (video.report.truncated, video.report.reason) == (False, None)


def test_frames_lost_to_a_damaged_structure_are_told(tmp_path: Path) -> None:
    """Where damage makes the reader of a Matroska file leap over a frame, the report says so."""
    path = videos.clip(tmp_path / "clip.mkv", 50, codec="mjpeg", pixel_format="yuvj420p")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        start = [packet.pos for packet in container.demux(video=0) if packet.size][30]
    data[start : start + 4] = bytes(4)  # the header of a block
    path.write_bytes(data)
    video = Video(path)
    assert 45 <= len(list(video.frames())) <= 49
    assert video.report.truncated
    assert video.report.reason == "frames are lost in 1 place where the file is damaged"


@pytest.mark.parametrize("suffix", [".ts", ".mpg", ".wmv", ".flv", ".avi"])
def test_frames_lost_with_a_stretch_of_the_file_are_told(tmp_path: Path, suffix: str) -> None:
    """Noise over a sixth of the file takes frames along, blocks and all; the report says so, and no sooner."""
    whole = videos.clip(tmp_path / f"whole{suffix}", 150)
    video = Video(whole)
    assert len(list(video.frames())) == 150
    assert video.report.reason is None
    video = Video(damaged_videos.overwritten(tmp_path / f"bad{suffix}", whole, 0.42, 0.58))
    assert 50 < len(list(video.frames())) < 148
    assert video.report.truncated
    assert video.report.reason
    assert video.report.reason.startswith("frames are lost")


def test_a_pause_is_no_loss(tmp_path: Path) -> None:
    """Where time leaps and nothing is damaged, nothing is said."""
    times = [40 * i + (2000 if i >= 30 else 0) for i in range(60)]
    for suffix in (".wmv", ".flv", ".ts", ".mkv"):
        path = videos.clip(tmp_path / f"pause{suffix}", 60, pts=times, time_base=videos.MILLISECOND)
        video = Video(path)
        assert len(list(video.frames())) == 60
        assert video.report.reason is None, suffix


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuva420p"])
def test_what_stands_between_packets_is_no_damage(tmp_path: Path, pixel_format: str) -> None:
    """Sound, and the alpha channel that WebM keeps beside each picture, are not taken for lost frames."""
    for path in (
        videos.clip(tmp_path / "alpha.webm", 50, pixel_format=pixel_format),
        video_streams.with_sound(tmp_path / "sound.mkv"),
    ):
        video = Video(path)
        assert list(video.frames())
        assert video.report.reason is None


def test_a_file_that_grows_is_told(tmp_path: Path) -> None:
    """A file that changes while it is read is done as far as it goes, and the report says so."""
    path = videos.clip(tmp_path / "live.mkv", 100)
    video = Video(path)
    frames = video.frames()
    next(frames)
    damaged_videos.grow(path)
    assert len(list(frames)) == 99
    assert (video.report.truncated, video.report.reason) == (True, "the file changed while it was read")


def test_a_file_that_goes_away_is_told(tmp_path: Path) -> None:
    """What is open can be read to its end; that nothing can be checked any more is said."""
    path = videos.clip(tmp_path / "gone.mkv", 30)
    video = Video(path)
    frames = video.frames()
    next(frames)
    path.unlink()
    assert len(list(frames)) == 29
    assert video.report.reason == "the file cannot be read any more (no such file or directory)"


def test_a_file_without_its_index_is_decoded(tmp_path: Path) -> None:
    """An AVI file that lost its index gives all its frames; that it is cut is told."""
    video = Video(damaged_videos.without_index(tmp_path / "camera.avi"))
    assert [videos.number_of(frame.image) for frame in video.frames()] == list(range(24))


def test_an_mp4_without_its_index_is_refused_with_the_reason(tmp_path: Path) -> None:
    """An MP4 file cut before its index cannot be decoded, and the message says what is missing."""
    path = damaged_videos.truncated(tmp_path / "cut.mp4", videos.clip(tmp_path / "whole.mp4", 48), 0.7)
    with pytest.raises(VideoError, match=r"has no index \(moov\), so the recording was cut short; record it again"):
        Video(path)


def test_an_absurd_size_is_refused(tmp_path: Path) -> None:
    """A header that asks for ten gigabytes a frame gets a message, not the memory."""
    with pytest.raises(VideoError, match="its header tells no picture size that is possible"):
        Video(damaged_videos.absurd_size(tmp_path / "huge.avi"))


@pytest.mark.parametrize("rate", [0, 90_000])
def test_an_odd_rate_is_no_rate(tmp_path: Path, rate: int) -> None:
    """A rate of nought or of a clock is not told as one, and every frame is still there, in order."""
    video = Video(damaged_videos.odd_rate(tmp_path / "odd.avi", rate))
    frames = list(video.frames())
    assert video.info.average_rate in {None, Fraction(25)}  # MPEG-4 tells its own where the container has none
    assert [videos.number_of(frame.image) for frame in frames] == list(range(24))
    assert all(a.time <= b.time for a, b in zip(frames, frames[1:], strict=False))


def test_av_logging_is_left_alone(tmp_path: Path) -> None:
    """Decoding damage leaves PyAV's log level as it was: setting it deadlocks threaded decoders."""
    before = av.logging.get_level()
    list(Video(damaged_clip(tmp_path, "h264.mp4", [12])).frames())
    assert av.logging.get_level() == before
