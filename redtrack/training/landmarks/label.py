"""Labels for videos that have none, by the network itself: more motion for the third stage to learn from.

Both directions are averaged by the tracker, which leaves less tremble than either has; where the two do not agree, or
the face is not sure, a frame gets no label.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import redtrack
from redtrack.errors import UsageError, VideoError
from redtrack.evaluate.protocol import eye_distance
from redtrack.files import is_same_file
from redtrack.formats.common import output_error
from redtrack.formats.pts import write_points
from redtrack.tracks import Tracks

AGREE = 1.5  # percent of the eye distance: mean disagreement of the directions beyond which a frame is left out
SURE = 0.7  # mean score of the points below which it is left out
FEWEST = 20  # labelled frames below which a video is left out


def label_videos(
    videos: list[Path], out: Path, weights: str | Path | None = None
) -> Iterator[tuple[Path, int | VideoError]]:
    """Copies videos to `out`/NAME/vid.* with `out`/NAME/annot/000001.pts beside them, the layout of 300-VW.

    Of several faces in a video the one with most frames is labelled. Yields each video with how many frames it got, 0
    where that were fewer than 20 and it is left out, or with why it cannot be read. Raises UsageError where two have
    the same name, or where one is there already, and OutputError where `out` cannot be written.
    """
    names = [video.stem if video.stem != "vid" else video.parent.name for video in videos]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"two videos are named {twice[0]}", path=out, remedy="label them into two folders")
    for video, name in zip(videos, names, strict=True):
        if is_same_file(stored(video, out / name), video):
            raise UsageError("is the video itself, whose labels would be lost", video, "label it into another folder")
    for video, name in zip(videos, names, strict=True):
        try:
            points = believed(redtrack.annotate(video, weights=weights))
        except VideoError as error:
            yield video, error
            continue
        if len(points) >= FEWEST:
            store(video, points, out / name)
        yield video, len(points) if len(points) >= FEWEST else 0


def believed(tracks: Tracks) -> dict[int, np.ndarray]:
    """The points (68, 2) of the face with most rows by frame, where both directions say the same.

    Of a network that knows of no time nobody can say whether they do: its confidence decides alone.
    """
    if not len(tracks.frame):
        return {}
    face = tracks.select(tracks.face == np.bincount(tracks.face).argmax())
    apart = 100 * face.disagreement.mean(1) / eye_distance(face.points)
    good = ~(apart >= AGREE) & (face.scores.mean(1) >= SURE)
    return {int(frame): points for frame, points in zip(face.frame[good], face.points[good], strict=True)}


def stored(video: Path, folder: Path) -> Path:
    """Where the copy of a video goes."""
    return folder / f"vid{video.suffix}"


def store(video: Path, points: dict[int, np.ndarray], folder: Path) -> None:
    """One video and its labels."""
    annot = folder / "annot"
    try:
        annot.mkdir(parents=True, exist_ok=True)
        for old in annot.glob("*.pts"):  # first, lest they are taken for those of half a video
            old.unlink()
        shutil.copyfile(video, stored(video, folder))
    except OSError as error:
        raise output_error(error, folder) from error
    for frame, own in points.items():
        write_points(own, annot / f"{frame + 1:06d}.pts")
