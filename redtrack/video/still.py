"""Still pictures: one file, one upright RGB array."""

from __future__ import annotations

import os
from pathlib import Path

from redtrack.video.container import open_container, video_stream
from redtrack.video.convert import Converter
from redtrack.video.orientation import Image, Orientation
from redtrack.video.probe import first_frame


def read_picture(path: str | os.PathLike[str]) -> Image:
    """Returns the picture, or a video's first frame, as uint8 (height, width, 3) RGB, turned as its EXIF data says.

    Raises VideoError where the file is missing or holds no picture.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        frame = first_frame(container, stream, path)
        orientation = Orientation.of(frame, stream.codec_context.codec.canonical_name, path)
        return Converter(Path(path), (frame.width, frame.height), orientation)(frame)
