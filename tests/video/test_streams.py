"""Of several streams the best one is decoded unless another is asked for, and bare streams keep their rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import video_streams
import videos

from redtrack.errors import VideoError
from redtrack.video import IsolatedVideo, Reading, Video, probe


def numbers(video: Video | IsolatedVideo) -> list[int]:
    return [videos.number_of(frame.image) for frame in video.frames()]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("kind", [Video, IsolatedVideo])
def test_the_default_stream_is_decoded(tmp_path: Path, suffix: str, kind: type[Video]) -> None:
    """As players and ffmpeg choose it, wherever it stands in the file."""
    path = video_streams.two_streams(tmp_path / f"two{suffix}", first=12, second=24)
    video = kind(path)
    assert numbers(video) == list(range(100, 124)) and video.report.reason is None
    assert (video.info.stream, video.info.width) == (1, 2 * videos.WIDTH)
    assert [(one.number, one.width) for one in video.info.streams] == [(0, videos.WIDTH), (1, 2 * videos.WIDTH)]


@pytest.mark.parametrize("kind", [Video, IsolatedVideo])
def test_another_stream_is_decoded_if_asked_for(tmp_path: Path, kind: type[Video]) -> None:
    path = video_streams.two_streams(tmp_path / "two.mp4", first=12, second=24)
    video = kind(path, reading=Reading(stream=0))
    assert numbers(video) == list(range(12)) and video.report.reason is None
    with pytest.raises(VideoError, match=r"has no video stream 5 \(its video streams: 0, 1\); choose one of those"):
        kind(path, reading=Reading(stream=5))


def test_an_animated_avif_is_a_film(tmp_path: Path) -> None:
    """Its first stream is a still picture."""
    path = videos.clip(tmp_path / "a.avif", 10, codec="libsvtav1", rate=10)
    assert numbers(Video(path)) == list(range(10))
    assert probe(path).streams[0].frames == 1


@pytest.mark.parametrize("rate", [24, 30, 50, Fraction(30000, 1001)])
@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("h264", "libx264", {}),
        ("hevc", "libx265", videos.QUIET_X265),
        ("mpeg2video", "mpeg2video", {}),
        ("m4v", "mpeg4", {}),
    ],
)
def test_a_bare_stream_keeps_its_rate(
    tmp_path: Path, rate: Fraction | int, container: str, codec: str, options: dict[str, str]
) -> None:
    """FFmpeg counts its frames at 25 a second, whatever the stream says."""
    path = videos.clip(tmp_path / "bare", 24, codec=codec, container=container, rate=rate, options=options)
    video = Video(path, reading=Reading(fps=10))  # which is not asked for
    assert [frame.time for frame in video.frames()] == pytest.approx([index / rate for index in range(24)], abs=1e-4)
    assert (video.info.average_rate, video.info.times_from, video.report.filled_times) == (rate, "rate", 0)


def test_times_that_no_one_tells_are_marked_as_filled_in(tmp_path: Path) -> None:
    """And are those of the user's rate where there is one."""
    path = videos.clip(tmp_path / "bare.mjpeg", 12, codec="mjpeg", pixel_format="yuvj420p", rate=30)
    video = Video(path)
    assert [frame.time for frame in video.frames()] == pytest.approx([index / 25 for index in range(12)])
    assert (video.info.times_from, video.report.filled_times) == ("default", 12)
    told = Video(path, reading=Reading(fps=29.97))
    assert [frame.time for frame in told.frames()] == pytest.approx([index / 29.97 for index in range(12)])
    assert (told.info.times_from, told.report.filled_times) == ("fps", 0)


def test_a_turn_is_made_after_the_files_own(tmp_path: Path) -> None:
    path = videos.rotated(tmp_path / "phone.mp4", 90)
    info = probe(path, reading=Reading(rotate=270))
    assert (info.width, info.height, info.rotation) == (videos.HEIGHT, videos.WIDTH, 0)


def test_samples_are_spread_over_the_video(tmp_path: Path) -> None:
    """As far as there are key frames; and there are some without."""
    path = videos.clip(tmp_path / "a.mp4", 100, options={"g": "10"})
    seen = [videos.number_of(frame.image) for frame in IsolatedVideo(path).samples(5)]
    assert len(seen) == 5 and seen == sorted(seen) and seen[0] <= 10 and seen[-1] >= 80
    assert list(Video(videos.one_frame(tmp_path / "one.mp4")).samples(5))


def test_reading_is_known_from_a_result() -> None:
    reading = Reading(stream=2, fps=30.0, rotate=90)
    assert Reading.of({"reading": reading.to_dict()}) == reading
    assert Reading.of({}) == Reading.of({"reading": {"stream": "x", "fps": -1, "rotate": 45}}) == Reading()
