"""Opening a video as the options ask for: which of its streams, at what rate, turned how far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.errors import UsageError

if TYPE_CHECKING:
    from redtrack.faces import Detector
    from redtrack.inference.landmarker import Landmarker
    from redtrack.inference.options import Options
    from redtrack.video import IsolatedVideo, Video

__all__ = ["find_turn", "open_chosen"]

SAMPLES = 5  # frames that are looked at, from all over the video
_SURE = 0.85  # score of an upright face; faces that are turned had up to 0.79
_CLEARLY = 0.1  # by which the score of a turned face exceeds that of an upright one
_QUARTER = 90  # degrees


def open_chosen(
    path: Path, models: Landmarker, options: Options, tell: Callable[[str], None] = lambda _: None
) -> Video | IsolatedVideo:
    """Returns the video, read as the options ask for.

    tell: hears one sentence when something keeps the decoder waiting, or when the picture is turned. Raises VideoError
    where there is no such video, and UsageError where a turn is to be found without a detector.
    """
    from redtrack.video import Reading, open_video

    turn = options.rotate if isinstance(options.rotate, int) else 0
    reading = Reading(options.stream, options.fps, turn)
    video = open_video(path, device=models.decoder, reading=reading, tell=tell)
    if options.rotate != "auto":
        return video
    if models.detector is None:
        raise UsageError("rotate auto needs the face detector", remedy="give the degrees, such as --rotate 90")
    turn = find_turn([frame.image.copy() for frame in video.samples(SAMPLES)], models.detector)
    if not turn:
        return video
    return open_video(path, device=models.decoder, reading=replace(reading, rotate=turn), tell=tell)


def find_turn(pictures: list[NDArray[np.uint8]], detector: Detector) -> int:
    """Returns the degrees clockwise by which pictures (H, W, 3) are to be turned for their faces to stand upright.

    The detector also finds faces that lie on their side, with lower scores: of 0.66 at most where an upright face has
    0.96. So it is 0 unless no upright face is found with certainty, and a turned one is.
    """
    upright = _scores(pictures, 0, detector).max(initial=0.0)
    if upright >= _SURE:
        return 0
    turned = {turn: _scores(pictures, turn, detector).max(initial=0.0) for turn in (_QUARTER, -_QUARTER, 2 * _QUARTER)}
    best = max(turned, key=lambda turn: turned[turn])
    return best % 360 if turned[best] >= max(_SURE, upright + _CLEARLY) else 0


def _scores(pictures: list[NDArray[np.uint8]], turn: int, detector: Detector) -> NDArray[np.float64]:
    """Returns for each picture, turned clockwise, the score of its surest face; 0 where there is none. (N,)"""
    import torch

    scores = np.zeros(len(pictures))
    for index, picture in enumerate(pictures):
        turned = np.ascontiguousarray(np.rot90(picture, -turn // _QUARTER))
        (rows,) = detector.detect(torch.from_numpy(turned)[None])
        scores[index] = rows[:, 4].max(initial=0.0)
    return scores
