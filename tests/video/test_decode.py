"""Every frame of a video is decoded once, at its own time, upright, in its colours."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import video_streams
import videos

from redtrack.video import Frame, Video, read_ahead, read_picture

CLIPS = Path(os.environ.get("REDTRACK_DATA", "")) / "clips"


def decode(path: Path) -> list[Frame]:
    return list(Video(path).frames())


def numbers(frames: list[Frame]) -> list[int]:
    return [videos.number_of(frame.image) for frame in frames]


def stream_times(path: Path) -> list[float]:
    """What PyAV itself says, counted from the first frame."""
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    return [time - times[0] for time in times]


@pytest.mark.parametrize("suffix", videos.USUAL_CODECS)
def test_every_container_gives_every_frame_at_its_time(tmp_path: Path, suffix: str) -> None:
    """24 frames at 25 a second are 24 records 40 ms apart, numbered from 0, undamaged, whatever the container."""
    video = Video(videos.clip(tmp_path / f"clip{suffix}"))
    frames = list(video.frames())
    assert [frame.index for frame in frames] == list(range(24))
    assert [frame.time for frame in frames] == pytest.approx([i / 25 for i in range(24)], abs=1e-6)
    assert numbers(frames) == list(range(24))
    assert not any(frame.damaged for frame in frames)
    assert (video.report.frames, video.report.truncated, video.report.reason) == (24, False, None)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("variable.mp4", videos.variable_rate),
        ("variable.mkv", videos.variable_rate),
        ("late.mp4", videos.late_start),
        ("late.ts", videos.late_start),
        ("b.mp4", videos.b_frames),
        ("b.mkv", videos.b_frames),
        ("b.ts", videos.b_frames),
        ("interlaced.mp4", videos.interlaced),
        ("one.mp4", videos.one_frame),
        ("sound.mp4", video_streams.with_sound),
    ],
)
def test_times_are_the_streams_own(tmp_path: Path, name: str, make: Callable[[Path], Path]) -> None:
    """Times equal the stream's, counted from its first frame, to a microsecond, and the frames come in order."""
    path = make(tmp_path / name)
    video = Video(path)
    frames = list(video.frames())
    assert [frame.time for frame in frames] == pytest.approx(stream_times(path), abs=1e-6)
    assert numbers(frames) == list(range(len(frames)))
    assert video.report.damaged == video.report.filled_times == 0


@pytest.mark.skipif(not CLIPS.is_dir(), reason="REDTRACK_DATA does not lead to real clips")
def test_real_clips_give_one_record_for_each_frame_that_pyav_decodes() -> None:
    """On real files of many makes, records and times are those of PyAV, and nothing is called damaged or cut."""
    for path in sorted([*CLIPS.glob("plain/*"), *CLIPS.glob("tracked/*/vid.*")]):
        video = Video(path)
        times = [frame.time for frame in video.frames()]
        assert times == pytest.approx(stream_times(path), abs=1e-6), path
        assert (video.report.damaged, video.report.reason) == (0, None), path


@pytest.mark.parametrize("starts", [(0, 0), (0, 3), (0, 100), (100, 0), (50, 0, 20), (0, 7, 3)])
def test_joined_recordings_are_whole(tmp_path: Path, starts: tuple[float, ...]) -> None:
    """Every frame is there, undamaged, at a time that never goes back, whatever the clocks of the recordings say."""
    video = Video(videos.joined(tmp_path / "joined.ts", starts))
    frames = list(video.frames())
    assert numbers(frames) == list(range(24 * len(starts)))
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    assert (video.report.damaged, video.report.reason) == (0, None)


def test_a_clock_that_starts_again_goes_on(tmp_path: Path) -> None:
    """Joined recordings whose times start again give times that never go back, and no frame is lost."""
    video = Video(videos.restarting(tmp_path / "joined.ts"))
    frames = list(video.frames())
    times = [frame.time for frame in frames]
    assert numbers(frames) == [*range(24), *range(24)]
    assert all(0.0 < after - before < 0.1 for before, after in zip(times, times[1:], strict=False))


@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_pictures_stand_upright(tmp_path: Path, clockwise: int, mirrored: bool) -> None:
    """A video lying on its side is turned, mirrored where it says so, and the info tells by how much."""
    video = Video(videos.rotated(tmp_path / "phone.mp4", clockwise, mirrored))
    frames = list(video.frames())
    assert numbers(frames) == list(range(12))
    assert (video.info.width, video.info.height) == (videos.WIDTH, videos.HEIGHT)
    assert video.info.mirrored is mirrored
    assert mirrored or video.info.rotation == clockwise
    assert np.abs(frames[5].image.astype(int) - videos.numbered(5)).mean() < 8
    assert all(frame.image.flags.c_contiguous for frame in frames)


@pytest.mark.parametrize(
    ("name", "make", "shape"),
    [
        ("odd.mp4", videos.odd_size, (121, 161, 3)),
        ("odd.avi", videos.odd_size_halved, (121, 161, 3)),
        ("deep.mp4", videos.ten_bit, (120, 160, 3)),
        ("grey.mkv", videos.grey, (120, 160, 3)),
        ("alpha.mov", videos.alpha, (120, 160, 3)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(
    tmp_path: Path, name: str, make: Callable[[Path], Path], shape: tuple[int, int, int]
) -> None:
    """Odd sizes, 10 bits, grey and alpha all give contiguous 8-bit RGB that looks like what was encoded."""
    frames = decode(make(tmp_path / name))
    assert numbers(frames) == list(range(12))
    truth = videos.numbered(5, shape[1], shape[0]).astype(int)
    if name == "grey.mkv":
        truth[:] = truth @ np.array([299, 587, 114])[:, None] // 1000
    for frame in frames:
        assert (frame.image.dtype, frame.image.shape, frame.image.flags.c_contiguous) == (np.uint8, shape, True)
    assert np.abs(frames[5].image - truth).mean() < 8


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("matrix", "size"),
    [("bt601", (64, 48)), ("bt709", (64, 48)), ("bt601", (1280, 720)), ("untold", (64, 48)), ("untold", (1280, 720))],
)
def test_colours_survive(tmp_path: Path, matrix: str, size: tuple[int, int], full_range: bool) -> None:
    """The colour matrix and range of the stream are honoured: a known colour comes back to within 3 of 255."""
    for number, rgb in enumerate([(200, 30, 40), (20, 180, 60), (30, 60, 220), (128, 128, 128)]):
        path = videos.coloured(tmp_path / f"{number}.mp4", rgb, matrix, full_range, size)
        centre = next(Video(path).frames()).image[size[1] // 2, size[0] // 2]
        assert np.abs(centre.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("size", [(240, 180), (320, 120)])
def test_a_stream_that_changes_size_keeps_one_frame_of_reference(tmp_path: Path, size: tuple[int, int]) -> None:
    """Frames of another size are fitted into the first one's, aspect kept and the rest black, and are counted."""
    video = Video(videos.resized(tmp_path / "changing.h264", size))
    frames = list(video.frames())
    assert {frame.image.shape for frame in frames} == {(120, 160, 3)}
    assert numbers(frames[:12]) == list(range(12))
    assert video.report.resized == 12
    band = frames[20].image[:25]  # above a picture that is twice as wide as the first one's aspect
    assert bool(band.max() < 30) is (size == (320, 120))


def test_start_and_end_keep_the_indices_of_the_whole_stream(tmp_path: Path) -> None:
    """Frames with start <= time < end come out, at the index and time that they have in the whole stream."""
    video = Video(videos.b_frames(tmp_path / "long.mp4"))
    frames = list(video.frames(start=0.4, end=0.8))
    assert [frame.index for frame in frames] == list(range(10, 20)) == numbers(frames)
    assert frames[0].time == pytest.approx(0.4)
    assert video.report.frames == 10
    assert not video.report.truncated


def test_a_video_can_be_read_again(tmp_path: Path) -> None:
    """Each call of `frames` starts from the beginning and gives the same pictures."""
    video = Video(videos.clip(tmp_path / "again.mp4"))
    first, second = list(video.frames()), list(video.frames())
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_stopping_early_leaves_nothing_open(tmp_path: Path) -> None:
    """A reader that breaks off closes the file."""
    path = videos.clip(tmp_path / "short.mp4")
    frames = Video(path).frames()
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not [fd for fd in Path("/proc/self/fd").glob("*") if fd.exists() and fd.resolve() == path.resolve()]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_picture_is_a_video_of_one_frame(tmp_path: Path, suffix: str) -> None:
    """A still picture decodes to one frame at time 0, the same that `read_picture` gives."""
    path = tmp_path / f"still{suffix}"
    av.VideoFrame.from_ndarray(videos.numbered(77), format="rgb24").save(path)
    (frame,) = decode(path)
    assert (frame.index, frame.time, videos.number_of(frame.image)) == (0, 0.0, 77)
    assert np.array_equal(read_picture(path), frame.image)


def test_a_photo_is_turned_as_its_exif_data_says(tmp_path: Path) -> None:
    """Orientation 6, a phone held upright, turns the picture a quarter clockwise."""
    pillow = pytest.importorskip("PIL.Image")
    photo = pillow.fromarray(np.ascontiguousarray(np.rot90(videos.numbered(9))))
    exif = photo.getexif()
    exif[0x112] = 6
    photo.save(tmp_path / "photo.jpg", exif=exif)
    assert videos.number_of(read_picture(tmp_path / "photo.jpg")) == 9


def test_read_ahead_gives_the_same_frames(tmp_path: Path) -> None:
    """Frames decoded in a thread are those decoded in place."""
    path = videos.clip(tmp_path / "ahead.mp4")
    assert numbers(list(read_ahead(Video(path).frames(), depth=4))) == list(range(24))


def test_rates_come_from_the_header_but_times_do_not(tmp_path: Path) -> None:
    """The mean rate is told as an exact fraction."""
    assert Video(videos.clip(tmp_path / "ntsc.mp4", rate=Fraction(30000, 1001))).info.average_rate == Fraction(
        30000, 1001
    )
