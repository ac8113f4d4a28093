"""Makers of test clips with several streams, with sound, without a picture, and of files that are no videos.

Each writes `path` and returns it.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition
from videos import HEIGHT, WIDTH, clip, numbered


def two_streams(path: Path, first: int = 24, second: int = 24, best: int = 1) -> Path:
    """A small film of frames 0 on and one of twice the size of frames 100 on; `best` is the default stream."""
    with av.open(str(path), "w") as output:
        streams = []
        for number, scale in enumerate((1, 2)):
            stream = output.add_stream("libx264", rate=25, options={"preset": "superfast", "bf": "0"})
            stream.width, stream.height, stream.pix_fmt = scale * WIDTH, scale * HEIGHT, "yuv420p"
            stream.disposition = Disposition.default if number == best else Disposition(0)
            streams.append(stream)
        for number, (stream, count) in enumerate(zip(streams, (first, second), strict=True)):
            for index in range(count):
                picture = numbered(100 * number + index, stream.width, stream.height)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            output.mux(stream.encode(None))
    return path


# Files that are no videos


def sound_only(path: Path) -> Path:
    """A tenth of a second of silence."""
    with av.open(str(path), "w") as output:
        _write_silence(output, output.add_stream("aac", rate=16000), 0.1)
    return path


def with_sound(path: Path, seconds: float = 2.0) -> Path:
    """24 frames (0.96 s) and `seconds` of silence."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = output.add_stream("aac", rate=16000)
        for i in range(24):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(i), format="rgb24")))
        output.mux(stream.encode(None))
        _write_silence(output, sound, seconds)
    return path


def with_cover_only(path: Path) -> Path:
    """Sound and a cover picture, as music is sold."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        stream.disposition = Disposition.attached_pic
        sound = output.add_stream("aac", rate=16000)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(0), format="rgb24")))
        output.mux(stream.encode(None))
        _write_silence(output, sound, 0.1)
    return path


def _write_silence(output: OutputContainer, stream: AudioStream, seconds: float) -> None:
    silence = av.AudioFrame.from_ndarray(np.zeros((2, round(16000 * seconds)), np.float32), "fltp", "stereo")
    silence.sample_rate = 16000
    silence.pts = 0
    output.mux(stream.encode(silence))
    output.mux(stream.encode(None))


def no_frames(path: Path) -> Path:
    """An AVI header that announces a video stream, and nothing after it."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        output.start_encoding()
    return path


def text(path: Path) -> Path:
    """Prose under a video's name."""
    path.write_text("This is not a video.\n" * 200)
    return path


def playlist(path: Path) -> Path:
    """A playlist that would have the reader open another file."""
    clip(path.with_name("secret.ts"), 3)
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n")
    return path
