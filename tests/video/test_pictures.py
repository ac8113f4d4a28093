"""A file that turns out to be damaged is decoded again, and no picture is lost or given twice on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import videos

from redtrack.video import Video
from redtrack.video import pictures as module
from redtrack.video.decode_threaded import Disorder, Picture
from redtrack.video.pictures import Pictures


def frame(number: int) -> Any:
    """What stands for a decoded frame."""
    return number


@pytest.mark.parametrize(
    "ticks",
    [[0, 1, 2, 3, 4, 5], [0, 1, 2, 2, 3, 4], [0, 2, 2, 2, 3, 4], [0, 1, 2, None, 3, 4], [None] * 6, [0, None, 2]],
)
@pytest.mark.parametrize("sound", range(7))
def test_careful_decoding_goes_on_where_the_fast_one_stopped(
    monkeypatch: pytest.MonkeyPatch, ticks: list[int | None], sound: int
) -> None:
    """Also among pictures of the same time, and of none."""
    stream = [Picture(frame(number), tick) for number, tick in enumerate(ticks)]

    def fast(_: object) -> Iterator[Picture]:
        yield from stream[:sound]
        if sound < len(stream):
            raise Disorder

    monkeypatch.setattr(module, "decode_parallel", fast)
    monkeypatch.setattr(module, "decode_careful", lambda _: iter(stream))
    monkeypatch.setattr(module, "open_container", lambda _: nullcontext())
    monkeypatch.setattr(module, "PacketReader", lambda *_: None)
    assert [picture.frame for picture in Pictures(Path("x"))] == list(range(len(ticks)))


@pytest.mark.parametrize("broken", [21, 50, 51, 98])
def test_pictures_that_share_a_time_are_all_given(tmp_path: Path, broken: int) -> None:
    """In a film whose packets come in pairs of one time, one of which is damaged."""
    pts = [number // 2 * 2 for number in range(120)]
    path = videos.copied_with_times(tmp_path / "pairs.mkv", 120, pts)
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 2) if data[at : at + 3] == b"\xff\xd8\xff"]
    data[starts[broken] : starts[broken] + 300] = bytes(300)
    path.write_bytes(data)
    video = Video(path)
    seen = [videos.number_of(one.image) for one in video.frames()]
    assert len(seen) == 120 and [number for number in seen if seen.count(number) > 2] == []
    assert seen[broken + 1 :] == list(range(broken + 1, 120))
    assert video.report.damaged == 1
