"""The server of --edit while it copies a video that browsers cannot play: pages that are loaded again, and Ctrl-C."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
import videos
from drawn_tracks import face, tracks_of
from edit_server import Answer, Server, serving

from redtrack.edits import edits_path, read_edits
from redtrack.video import Video

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

SOON = 4.0  # s: Ctrl-C takes two at most, on a machine that has nothing else to do
LONG = 6000  # frames whose copy takes far longer than a test


def still(path: Path, frames: int) -> Path:
    """Writes one grey picture of 1280 x 720 as so many frames of Motion JPEG: quick to make, slow to copy."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuvj420p"
        picture = av.VideoFrame.from_ndarray(np.full((720, 1280, 3), 90, np.uint8), format="rgb24")
        (packet,) = [*stream.encode(picture), *stream.encode(None)]
        for index in range(frames):
            again = av.Packet(bytes(packet))
            again.stream, again.pts, again.dts, again.time_base = stream, index, index, packet.time_base
            output.mux(again)
    return path


def tracks_on(video: Path) -> Path:
    """Makes tracks of a face in the first frame of a video, beside it; returns them."""
    path = video.with_suffix(".h5")
    tracks_of(np.stack([face(x=20, size=40)]), frames=24, info={"source": str(video)}).save(path)
    return path


def partials(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(".*.partial.mp4")]


def until_it_copies(folder: Path) -> str:
    """Waits until a copy is under way; returns the name of the file that grows."""
    until = time.monotonic() + 30
    while not any(path.stat().st_size for path in folder.glob(".*.partial.mp4")):
        assert time.monotonic() < until, "nothing is copied"
        time.sleep(0.02)
    (name,) = partials(folder)
    return name


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def copying(server: Server, number: int, folder: Path, pool: ThreadPoolExecutor) -> Future[Answer]:
    """Asks for a page whose video must be copied; returns the page to come once the copy is under way."""
    page = pool.submit(server.page, number)
    until_it_copies(folder)
    return page


def test_pages_loaded_again_while_their_video_is_copied_wait_for_the_one_copy(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    """Each tab shows the page, the video is copied once and is whole, and another video's page need not wait."""
    tracks = tracks_on(still(tmp_path / "slow.avi", 400))
    other = tracks_on(videos.clip(tmp_path / "clip.mp4"))
    with serving(tracks, other) as server:
        first = copying(server, 0, tmp_path, pool)
        (growing,) = partials(tmp_path)
        again = [pool.submit(server.page, 0) for _ in range(3)]
        assert server.ask(f"{server.base}1/").status == 200 and partials(tmp_path) == [growing]
        assert [answer.result().status for answer in (first, *again)] == [200] * 4
        copied = (tmp_path / "slow.review.mp4").stat().st_mtime_ns
        assert server.ask(f"{server.base}0/video", Range="bytes=4-7").body == b"ftyp"
        assert not partials(tmp_path) and (tmp_path / "slow.review.mp4").stat().st_mtime_ns == copied
    assert sum(1 for _ in Video(tmp_path / "slow.review.mp4").frames()) == 400


def test_a_page_says_how_far_the_copy_of_its_video_is_and_comes_again(tmp_path: Path) -> None:
    """It has the name and a count of frames that grows, and asks to be loaded again, until the video is there."""
    with serving(tracks_on(still(tmp_path / "slow.avi", 400))) as server:
        counts = []
        while "refresh" in (answer := server.ask(f"{server.base}0/")).headers:
            assert answer.status == 200 and b"slow.h5" in answer.body
            (count,) = re.findall(rb"([\d,]+) frames? so far", answer.body)
            counts.append(int(count.replace(b",", b"")))
        assert counts == sorted(counts) and 0 < counts[0] < counts[-1] <= 400
        assert answer.status == 200 and b"so far" not in answer.body


def test_a_page_that_comes_again_tells_why_its_video_was_not_copied(tmp_path: Path) -> None:
    """The folder has no room for the copy's own name: what was said to nobody is said to the next who asks."""
    tracks = tracks_on(still(tmp_path / "slow.avi", 400))
    with serving(tracks) as server:
        assert "refresh" in server.ask(f"{server.base}0/").headers
        (tmp_path / "slow.review.mp4").mkdir()
        answer = server.page(0)
        assert answer.status == 500 and b"slow.review.mp4" in answer.body


def test_ctrl_c_while_a_video_is_copied_ends_the_server_at_once(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    """Without a traceback and without a part of the copy; edits that were saved are there."""
    clip = tracks_on(videos.clip(tmp_path / "clip.mp4"))
    slow = tracks_on(still(tmp_path / "slow.avi", LONG))
    with serving(clip, slow) as server:
        assert server.edit({"op": "mark", "id": "a", "frame": 0, "face": 0, "as": "right"}).status == 200
        page = copying(server, 1, tmp_path, pool)
        seconds, said = server.interrupt()
        assert isinstance(page.exception(), ConnectionError) or page.result().status == 503
    assert seconds < SOON and "Traceback" not in said and "Exception" not in said
    assert sorted(os.listdir(tmp_path)) == ["clip.edits.jsonl", "clip.h5", "clip.mp4", "slow.avi", "slow.h5"]
    assert [edit.id for edit in read_edits(edits_path(clip)).entries] == ["a"]


def test_ctrl_c_while_a_browser_holds_a_video_ends_the_server_at_once(tmp_path: Path) -> None:
    """A player that is paused takes no more of a large file; that is no traceback either."""
    clip = tracks_on(videos.clip(tmp_path / "clip.mp4"))
    with open(tmp_path / "clip.mp4", "ab") as file:
        file.truncate(1 << 28)
    with serving(clip) as server, server.opened(f"{server.base}0/video") as answer:
        assert answer.read(8)[4:] == b"ftyp"
        seconds, said = server.interrupt()
    assert seconds < SOON and "Traceback" not in said and "Exception" not in said


def test_a_server_that_was_killed_while_it_copied_leaves_nothing_to_the_next(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    """The next one copies the video anew, and the half of a copy is gone."""
    tracks = tracks_on(still(tmp_path / "slow.avi", 200))
    with serving(tracks) as server:
        page = copying(server, 0, tmp_path, pool)
        server.process.kill()
        assert isinstance(page.exception(), ConnectionError)
    assert partials(tmp_path) and not (tmp_path / "slow.review.mp4").exists()
    with serving(tracks) as server:
        assert server.page(0).status == 200
    assert not partials(tmp_path)
    assert sum(1 for _ in Video(tmp_path / "slow.review.mp4").frames()) == 200
