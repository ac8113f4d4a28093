"""How a file is opened for decoding: how many threads there are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import videos

from redtrack.video import container
from redtrack.video.container import decode_in_parallel, open_container, video_stream


@pytest.mark.parametrize(("pictures", "threads"), [(0.5, 1), (1.5, 1), (2.5, 2), (1000, 0)])
def test_the_pictures_of_all_threads_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: float, threads: int
) -> None:
    """As many threads as pictures of the file's size have room; where all have, FFmpeg chooses (0)."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(container, "MOST_BYTES", int(pictures * 4 * videos.WIDTH * videos.HEIGHT))
    path = videos.clip(tmp_path / "a.mp4", 2)
    with open_container(path) as opened:
        stream = video_stream(opened, path)
        decode_in_parallel(stream)
        assert stream.codec_context.thread_count == threads
