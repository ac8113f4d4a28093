"""Videos are written with exact times, true colours and the sound of their source, and never half."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import video_streams
import videos

from redtrack.errors import OutputError, UsageError
from redtrack.video import Video, VideoWriter, write_video

TIMES = [0.0, 0.04, 0.0833333, 0.2, 0.233, 0.3, 1.0000005, 1.5]


@pytest.mark.parametrize(("suffix", "tolerance"), [(".mp4", 1e-6), (".mov", 1e-6), (".mkv", 1e-3)])
def test_times_come_back(tmp_path: Path, suffix: str, tolerance: float) -> None:
    """Uneven times are kept: to the microsecond, in Matroska to the millisecond."""
    path = tmp_path / f"out{suffix}"
    write_video(path, [videos.numbered(i) for i in range(8)], times=TIMES)
    frames = list(Video(path).frames())
    assert [videos.number_of(frame.image) for frame in frames] == list(range(8))
    assert [frame.time for frame in frames] == pytest.approx(TIMES, abs=tolerance)
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


def test_a_rate_instead_of_times(tmp_path: Path) -> None:
    """Without times, frames are one n-th of a second apart."""
    write_video(tmp_path / "out.mp4", [videos.numbered(i) for i in range(5)], rate=Fraction(30000, 1001))
    times = [frame.time for frame in Video(tmp_path / "out.mp4").frames()]
    assert times == pytest.approx([i * 1001 / 30000 for i in range(5)], abs=1e-6)


def test_odd_sizes_are_padded(tmp_path: Path) -> None:
    """A picture of 161 x 121 becomes one of 162 x 122, its own pixels where they were."""
    write_video(tmp_path / "odd.mp4", [videos.numbered(3, 161, 121)])
    (frame,) = Video(tmp_path / "odd.mp4").frames()
    assert frame.image.shape == (122, 162, 3)
    assert np.abs(frame.image[:121, :161].astype(int) - videos.numbered(3, 161, 121)).mean() < 6


def test_colours_come_back(tmp_path: Path) -> None:
    """A colour written is the colour read, to within 3 of 255."""
    for number, rgb in enumerate([(200, 30, 40), (20, 180, 60), (30, 60, 220)]):
        path = tmp_path / f"{number}.mp4"
        write_video(path, [np.full((64, 64, 3), rgb, np.uint8)] * 3)
        assert np.abs(next(Video(path).frames()).image[32, 32].astype(int) - rgb).max() <= 3


def test_sound_is_copied_in_step(tmp_path: Path) -> None:
    """The source's sound is copied up to the end of the pictures, and no further."""
    source = video_streams.with_sound(tmp_path / "source.mp4", seconds=3.0)
    frames = list(Video(source).frames())
    out = tmp_path / "out.mp4"
    write_video(out, [f.image for f in frames], [f.time for f in frames], audio_from=source)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        ends = [(p.pts + p.duration) * p.time_base for p in container.demux(audio=0) if p.size]
    assert float(max(ends)) == pytest.approx(0.96, abs=0.1)
    assert [frame.time for frame in Video(out).frames()] == pytest.approx([frame.time for frame in frames], abs=1e-6)


def test_a_source_without_sound_is_no_error(tmp_path: Path) -> None:
    """Where there is no sound to copy, there is none."""
    source = videos.clip(tmp_path / "source.mp4", 3)
    write_video(tmp_path / "out.mp4", [videos.numbered(0)], audio_from=source)
    assert Video(tmp_path / "out.mp4").info.expected_frames == 1


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    """When the pictures fail half-way, neither the file nor a part of it stays, and an older file is left alone."""
    path = tmp_path / "out.mp4"
    path.write_text("older")
    with pytest.raises(ZeroDivisionError), VideoWriter(path) as writer:
        writer.write(videos.numbered(0), 0.0)
        raise ZeroDivisionError
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.mp4", "older")]


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Each writes a file of its own; the one that is done last stays, and nothing else."""
    path = tmp_path / "out.mp4"
    with VideoWriter(path) as late:
        late.write(videos.numbered(9), 0.0)
        with VideoWriter(path) as early:
            for frame in range(30):
                early.write(videos.numbered(frame), frame / 25)
                late.write(videos.numbered(9), (frame + 1) / 25)
        assert [videos.number_of(frame.image) for frame in Video(path).frames()] == list(range(30))
    assert [videos.number_of(frame.image) for frame in Video(path).frames()] == [9] * 31
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    """Its half of a video has never the video's name; what it left of another video stays until that is written."""
    code = (
        "import os, signal, sys, numpy\n"
        "from redtrack.video import VideoWriter\n"
        "writers = [VideoWriter(path) for path in sys.argv[1:]]\n"
        "for writer in writers:\n"
        "    writer.write(numpy.zeros((64, 64, 3), 'uint8'), 0.0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    paths = [tmp_path / "out.mp4", tmp_path / "out.more.mp4"]
    subprocess.run([sys.executable, "-c", code, *paths], check=False)
    assert len(list(tmp_path.glob(".out.*.partial.mp4"))) == len(list(tmp_path.iterdir())) == 2
    write_video(paths[0], [videos.numbered(3)])
    (left,) = tmp_path.glob(".*")
    assert left.name.startswith(".out.more.")
    write_video(paths[1], [videos.numbered(3)])
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.txt", r"cannot be a video of kind '\.txt'; name it \.mp4, \.mov or \.mkv"),
        ("gone/out.mp4", "cannot be written: no such file or directory; choose another folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, name: str, message: str) -> None:
    """An unknown kind of file or a missing folder gets one sentence."""
    with pytest.raises((UsageError, OutputError), match=message):
        write_video(tmp_path / name, [videos.numbered(0)])


def test_no_frames_make_no_file(tmp_path: Path) -> None:
    """A video of nothing is an error, not an empty file."""
    with pytest.raises(OutputError, match="no frame to write"):
        write_video(tmp_path / "out.mp4", [])
    assert not list(tmp_path.iterdir())
