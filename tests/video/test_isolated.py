"""A decoder in another process gives the same frames, and takes only its own video with it when it dies."""

from __future__ import annotations

import errno
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import damaged_videos
import numpy as np
import pytest
import video_streams
import videos

from redtrack.errors import VideoError
from redtrack.video import Frame, IsolatedVideo, Video, open_video
from redtrack.video import decoder_process as process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs Unix sockets")


@pytest.fixture(autouse=True)
def fresh_processes() -> Iterator[None]:
    """Each test starts and ends without decoder processes."""
    process.POOL.kill_idle()
    yield
    process.POOL.kill_idle()


def same(first: list[Frame], second: list[Frame]) -> bool:
    return all(
        (a.index, a.time, a.damaged, a.missing) == (b.index, b.time, b.damaged, b.missing)
        and np.array_equal(a.image, b.image)
        for a, b in zip(first, second, strict=True)
    )


def worker() -> int:
    """The number of the process that decodes, which must be the only child that waits for work."""
    return process.POOL.idle()[0].pid


def test_frames_and_facts_are_those_of_a_video(tmp_path: Path) -> None:
    """Frames held all at once, damage, report and info are what `Video` gives."""
    whole = videos.b_frames(tmp_path / "whole.mp4", 60)
    for path in (whole, damaged_videos.corrupted(tmp_path / "bad.mp4", whole, [20])):
        here, there = Video(path), IsolatedVideo(path)
        assert there.info == here.info
        assert same(list(there.frames()), list(here.frames()))
        assert there.report == here.report
        assert same(list(there.frames(0.4, 1.2)), list(here.frames(0.4, 1.2)))


def test_a_frame_stays_what_it_is_while_anything_refers_to_it(tmp_path: Path) -> None:
    """A part of a picture outlives the picture, the video and the next one without change."""
    path = videos.clip(tmp_path / "a.mp4", 40)
    corners = [frame.image[60:, 80:] for frame in IsolatedVideo(path).frames()]
    list(IsolatedVideo(videos.clip(tmp_path / "b.mp4", [np.full((120, 160, 3), 255, np.uint8)] * 40)).frames())
    assert all(np.array_equal(a, b.image[60:, 80:]) for a, b in zip(corners, Video(path).frames(), strict=True))


def test_one_process_serves_many_videos(tmp_path: Path) -> None:
    """The process is started once, and videos of other sizes follow one another through it."""
    IsolatedVideo(videos.clip(tmp_path / "first.mp4"))
    first = worker()
    for number, size in enumerate([(160, 120), (320, 240), (64, 48)]):
        path = videos.clip(tmp_path / f"{number}.mp4", [videos.numbered(i, *size) for i in range(5)])
        assert same(list(IsolatedVideo(path).frames()), list(Video(path).frames()))
    assert worker() == first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system that does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_leaves_its_parents_decoder_alone(tmp_path: Path) -> None:
    """As `multiprocessing.Pool` makes them on Linux, out of a process that has annotated before."""
    video = IsolatedVideo(videos.clip(tmp_path / "a.mp4", frames=12))
    decoder = worker()
    child = os.fork()
    if not child:
        frames = len(list(video.frames()))
        os._exit(frames if worker() != decoder else 99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 12
    assert len(list(video.frames())) == 12 and worker() == decoder


def test_errors_are_the_same_as_in_place(tmp_path: Path) -> None:
    """What is wrong with a file is told in the same words, and the process lives on."""
    for path in (tmp_path / "gone.mp4", video_streams.text(tmp_path / "prose.mp4")):
        with pytest.raises(VideoError) as here:
            Video(path)
        with pytest.raises(VideoError) as there:
            IsolatedVideo(path)
        assert str(there.value) == str(here.value)
    assert worker()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_a_decoder_that_is_lost_once_costs_nothing(tmp_path: Path, how: signal.Signals) -> None:
    """A fresh decoder goes on with the next frame: frames, times and report are those of an unbroken run."""
    path = videos.b_frames(tmp_path / "clip.mp4", 100)
    told: list[str] = []
    video = open_video(path, tell=told.append)
    frames = video.frames()
    pid = worker()
    first = [next(frames) for _ in range(3)]
    os.kill(pid, how)
    here = Video(path)
    assert same(first + list(frames), list(here.frames()))
    assert video.report == here.report
    assert len(told) == 1 and how.name in told[0] and "trying again in a fresh one" in told[0]


def test_a_decoder_that_is_killed_again_and_again_costs_nothing(tmp_path: Path) -> None:
    """As long as that happens at different places."""
    path = videos.clip(tmp_path / "clip.mp4", [videos.numbered(i, 320, 240) for i in range(200)])
    numbers = []
    for frame in IsolatedVideo(path).frames():
        numbers.append(videos.number_of(frame.image))
        if frame.index in (2, 40, 41, 90, 150):
            for lent in process.POOL.lent():
                os.kill(lent.pid, signal.SIGKILL)
    assert numbers == list(range(200))


def test_an_idle_decoder_that_was_killed_costs_nothing(tmp_path: Path) -> None:
    """Neither the video that it had told about, nor the next one that is opened."""
    path = videos.clip(tmp_path / "clip.mp4")
    video = IsolatedVideo(path)
    os.kill(worker(), signal.SIGKILL)
    assert len(list(video.frames())) == 24
    os.kill(worker(), signal.SIGKILL)
    assert IsolatedVideo(path).info == video.info


def test_a_stopped_decoder_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that shows no sign of life at all has been stopped from outside: another goes on, and it is killed."""
    monkeypatch.setattr("redtrack.video.isolated.STOPPED", 1.0)
    path = videos.clip(tmp_path / "clip.mp4", 100)
    told: list[str] = []
    video = open_video(path, tell=told.append)
    frames = video.frames()
    pid = worker()
    first = next(frames)
    os.kill(pid, signal.SIGSTOP)
    assert same([first, *frames], list(Video(path).frames()))
    assert "stop (nothing for 1 s)" in told[0]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# A decoder that does what the test says once it has given ten frames, in whichever process.
FAULTY = """
import os, signal, sys, time
from multiprocessing.connection import Connection
from redtrack.video import worker
class Faulty(worker.Worker):
    def _send_frames(self, frames, slots):
        def some():
            for number, frame in enumerate(frames):
                if frame.index == 10:
                    {what}
                yield frame
        super()._send_frames(some(), slots)
connection, heartbeat, leash = map(int, sys.argv[1:])
worker.end_with(leash)
Faulty(Connection(connection), heartbeat).run()
"""


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes every decoder process do this at frame 10."""

    def make(what: str) -> None:
        code = FAULTY.format(what=what)
        monkeypatch.setattr(process, "_COMMAND", [sys.executable, "-P", "-c", code])

    return make


def test_a_crash_at_the_same_place_is_the_files_fault(tmp_path: Path, faulty: Callable[[str], None]) -> None:
    """The frames end there, the report says so and that another run may try again; the next video is decoded."""
    path = videos.clip(tmp_path / "clip.mp4", 100)
    faulty("os.kill(os.getpid(), signal.SIGSEGV)")
    video = IsolatedVideo(path)
    assert [frame.index for frame in video.frames()] == list(range(10))
    assert video.report.truncated and video.report.decoder_lost
    assert video.report.reason == "it made the decoder crash (SIGSEGV) after 10 frames"
    assert len(list(IsolatedVideo(videos.clip(tmp_path / "short.mp4", 9)).frames())) == 9


def test_a_crash_before_the_first_frame_is_an_error(tmp_path: Path, faulty: Callable[[str], None]) -> None:
    """A decoder that dies at once, and another, make the video an error of one sentence."""
    faulty("pass\n                os.abort()")
    video = IsolatedVideo(videos.clip(tmp_path / "clip.mp4"))
    with pytest.raises(VideoError, match=r"clip\.mp4: made the decoder crash \(SIGABRT\); it is damaged or hostile"):
        next(video.frames())


def test_who_is_killed_from_outside_at_the_same_place_blames_memory(
    tmp_path: Path, faulty: Callable[[str], None]
) -> None:
    """The third time it is an error, after which what was done can be resumed; the file is not called damaged."""
    faulty("os.kill(os.getpid(), signal.SIGKILL)")
    video = IsolatedVideo(videos.clip(tmp_path / "clip.mp4", 100))
    with pytest.raises(VideoError, match=r"SIGKILL, from outside: the system does so when memory runs out"):
        list(video.frames())


def test_a_limit_of_the_system_is_named(tmp_path: Path, faulty: Callable[[str], None]) -> None:
    """As `ulimit -t` sets it."""
    faulty("os.kill(os.getpid(), signal.SIGXCPU)")
    video = IsolatedVideo(videos.clip(tmp_path / "clip.mp4", 100))
    list(video.frames())
    assert "exceed a limit of this system on processor time (ulimit -t)" in (video.report.reason or "")


def test_a_hang_ends_at_the_time_limit(tmp_path: Path, faulty: Callable[[str], None]) -> None:
    """A decoder that computes without an end is given up when the time limit has passed, and so is the next."""
    faulty("any(iter(int, 1))")
    video = IsolatedVideo(videos.clip(tmp_path / "clip.mp4", 100), time_limit=60)
    video._time_limit = 0.5
    assert len(list(video.frames())) == 10
    assert "made the decoder hang (nothing for 0.5 s) after 10 frames" in (video.report.reason or "")


def test_a_decoder_that_cannot_share_memory_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `ulimit -f` makes it: the limit is named, and it is no fault of redtrack's."""

    def refuse(_: int) -> None:
        raise OSError(27, "File too large")

    video = IsolatedVideo(videos.clip(tmp_path / "clip.mp4"))
    monkeypatch.setattr("redtrack.video.isolated.shared_file", refuse)
    with pytest.raises(VideoError, match=r"needs 1 MB of shared memory that the system refuses \(file too large\)"):
        next(video.frames())


def test_a_handle_that_cannot_be_sent_is_no_loss_of_the_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At this process's own limit of open files, the decoder is alive and is not waited for."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    video = IsolatedVideo(videos.clip(tmp_path / "clip.mp4"))
    monkeypatch.setattr("redtrack.video.decoder_process.send_handle", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        next(video.frames())


def test_stopping_early_leaves_no_process_behind(tmp_path: Path) -> None:
    """A reader who breaks off ends the decoder that is at work for it."""
    video = IsolatedVideo(videos.clip(tmp_path / "clip.mp4", 100))
    pid = worker()
    frames = video.frames()
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_file_that_was_replaced_is_told(tmp_path: Path) -> None:
    """A video of another size under the same name is not read into the first one's frames."""
    path = videos.clip(tmp_path / "clip.mp4")
    video = IsolatedVideo(path)
    videos.clip(path, [videos.numbered(0, 320, 240)])
    with pytest.raises(VideoError, match="has been replaced by another video; start again"):
        next(video.frames())


def test_other_content_of_the_same_size_is_told(tmp_path: Path) -> None:
    """So is a video that was overwritten by one whose pictures are as large."""
    path = videos.clip(tmp_path / "clip.mp4")
    video = IsolatedVideo(path)
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    with pytest.raises(VideoError, match="has been replaced by another video"):
        next(video.frames())


def test_a_file_that_grew_meanwhile_is_told(tmp_path: Path) -> None:
    """What was there when it was opened is what the report is held against."""
    path = videos.clip(tmp_path / "live.mkv")
    video = IsolatedVideo(path)
    damaged_videos.grow(path)
    assert len(list(video.frames())) == 24
    assert video.report.reason == "the file changed while it was read"


def test_open_video_chooses(tmp_path: Path) -> None:
    """Isolation is a switch."""
    path = videos.clip(tmp_path / "clip.mp4", 2)
    assert isinstance(open_video(path, isolated=True), IsolatedVideo)
    assert isinstance(open_video(path, isolated=False), Video)


def test_a_decoder_that_hangs_does_not_outlive_its_user() -> None:
    """The system ends a busy decoder process once the process that it works for is gone, however that ended."""
    ours, theirs = os.pipe()
    code = f"from redtrack.video.worker import end_with; end_with({ours}); print(flush=True)\nwhile True: pass"
    busy = subprocess.Popen([sys.executable, "-c", code], pass_fds=[ours], stdout=subprocess.PIPE)
    os.close(ours)
    assert busy.stdout is not None
    with busy.stdout:
        busy.stdout.readline()
    assert busy.poll() is None
    os.close(theirs)
    assert busy.wait(timeout=20) == -signal.SIGIO


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="sets glibc, and counts by /proc")
def test_decoder_does_not_ask_for_the_same_memory_again(tmp_path: Path) -> None:
    """A picture of 640 x 360 in RGB has 169 pages; a decoder that has seen a few is handed no new ones."""
    path = videos.clip(tmp_path / "clip.mp4", [videos.numbered(i, 640, 360) for i in range(60)])
    video = IsolatedVideo(path)
    list(video.frames())

    def faults() -> int:
        return int(Path(f"/proc/{worker()}/stat").read_text().rpartition(")")[2].split()[7])

    before = faults()
    list(video.frames())
    assert (faults() - before) / 60 < 80
