"""A video whose file ends before its content does says so; one that never stated its length is not accused."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
import videos

from redtrack.video import Video


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
