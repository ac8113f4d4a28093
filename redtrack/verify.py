"""Whether a tracks file is whole and belongs to its video."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import RedtrackError, printable
from redtrack.tracks import FrameState, Tracks

__all__ = ["find_video", "problems"]

TIME_TOLERANCE = 1.5e-6  # s; CSV keeps six decimals


def problems(path: Path, video: Path | None = None, quick: bool = False) -> list[str]:
    """Returns what is wrong with a tracks file, in clauses; nothing where all is well.

    video: where the video is now, where it is neither at its recorded path nor beside the tracks. quick leaves out
    the decoding, which compares frames and times. Raises FormatError where the tracks cannot be read at all.
    """
    from redtrack import formats

    tracks = formats.read(path)
    found = list(_incomplete(tracks.info))
    place = video or find_video(path, tracks.info)
    if place is None:
        source = tracks.info.get("source")
        where = f"no longer at {printable(source)}" if source else "not recorded in this file"
        return [*found, f"its video is {where}: name it with --video"]
    try:
        found += _other_video(tracks.info, place)
        if not quick:
            found += _other_frames(tracks, place)
    except RedtrackError as error:
        found.append(str(error))
    return found


def find_video(path: Path, info: Mapping[str, Any]) -> Path | None:
    """Returns the video that tracks were made from: where it was, or a file of its name beside them."""
    source = info.get("source")
    if not isinstance(source, str) or not Path(source).name:
        return None
    places = (Path(source), path.with_name(Path(source).name))
    return next((place for place in places if os.path.isfile(place)), None)


def _incomplete(info: Mapping[str, Any]) -> Iterator[str]:
    if not info.get("complete", True):
        yield f"is not complete ({info.get('reason') or 'its run was stopped'})"


def _other_video(info: Mapping[str, Any], video: Path) -> Iterator[str]:
    """Yields in which recorded ways the file is not this video."""
    from redtrack.video import Reading, probe

    now = probe(video, reading=Reading.of(info))
    name = printable(video)
    if info.get("source_digest") not in (None, now.digest):
        yield f"was made from another content than {name} has ({info.get('source_size')} bytes, now {now.size_bytes})"
    recorded = info.get("width"), info.get("height")
    if None not in recorded and recorded != (now.width, now.height):
        yield f"is of {recorded[0]} x {recorded[1]} pixels, {name} of {now.width} x {now.height}"


def _other_frames(tracks: Tracks, video: Path) -> Iterator[str]:
    """Yields how the decoded frames differ from the recorded ones."""
    from redtrack.video import Reading, open_video

    end = (tracks.info.get("options") or {}).get("end")
    with open_video(video, reading=Reading.of(tracks.info)) as opened:
        frames = [(frame.time, frame.damaged) for frame in opened.frames(end=end)]
    times = np.array([time for time, _ in frames])
    if len(times) != tracks.frames:
        yield f"has {tracks.frames} frames, {printable(video)} {len(times)}"
        return
    if tracks.info.get("times_known", True) and not np.allclose(times, tracks.times, rtol=0, atol=TIME_TOLERANCE):
        worst = int(np.abs(times - tracks.times).argmax())
        yield f"has frame {worst} at {tracks.times[worst]:.6f} s, {printable(video)} at {times[worst]:.6f} s"
    damaged = int(sum(bad for _, bad in frames))
    known = int((tracks.frame_state != FrameState.OK).sum())
    if "source" in tracks.info and damaged != known:
        yield f"has {known} damaged frames, {printable(video)} {damaged}"
