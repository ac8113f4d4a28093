"""The score of predictions against the truth: every true face of every video, by one protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from redtrack.evaluate.bootstrap import interval
from redtrack.evaluate.calibration import Calibration
from redtrack.evaluate.jitter import jitter, triples
from redtrack.evaluate.match import NO_OUTPUT, match
from redtrack.evaluate.nme import Summary, face_errors, mean, part_errors, point_errors
from redtrack.evaluate.protocol import Protocol, eye_distance
from redtrack.evaluate.stability import Stability
from redtrack.tracks import Tracks

__all__ = ["JITTERS", "Pair", "Score", "VideoScore", "score", "score_video"]

JITTERS = ("prediction", "truth", "error")


@dataclass(frozen=True)
class Pair:
    """One video (or picture): its name, its truth, and what was predicted; None where there is no output at all."""

    video: str
    truth: Tracks
    predicted: Tracks | None


@dataclass(frozen=True)
class VideoScore:
    """The errors of one video's n true faces, m of them with output, in k triples of consecutive frames."""

    video: str
    frame: np.ndarray  # (n,) int64, frame index of each true face
    times: np.ndarray  # (n,) float64, seconds
    errors: np.ndarray  # (n,) shares of the protocol's distance, infinite without output
    parts: dict[str, np.ndarray]  # part -> (m,) shares of the protocol's distance
    jitters: dict[str, np.ndarray]  # one of JITTERS -> (k,) shares of the eye distance
    stability: Stability  # of the error, over the eye distance
    calibration: Calibration  # of the m faces' points that count
    extra: int = 0  # predicted faces that are no true one
    times_known: bool = True  # else a frame counts as one second

    @property
    def summary(self) -> Summary:
        """The statistics of the errors."""
        return Summary.of(self.errors)


@dataclass(frozen=True)
class Score:
    """The scores of all videos, and their statistics together; every true face weighs the same."""

    protocol: Protocol
    videos: list[VideoScore]
    without_output: list[str] = field(default_factory=list)  # videos for which there is no prediction

    @property
    def errors(self) -> np.ndarray:
        """(n,): the errors of all true faces, infinite without output."""
        return np.concatenate([np.zeros(0), *(v.errors for v in self.videos)])

    @property
    def summary(self) -> Summary:
        """The statistics of all errors."""
        return Summary.of(self.errors)

    @property
    def extra(self) -> int:
        """How many predicted faces are no true one."""
        return sum(v.extra for v in self.videos)

    @property
    def parts(self) -> dict[str, float]:
        """The mean error of each part of the face."""
        return {name: self._mean([v.parts[name] for v in self.videos]) for name in self.protocol.parts}

    @property
    def jitters(self) -> dict[str, float]:
        """The jitter of the prediction, of the truth and of the error, over the eye distance; NaN without motion."""
        return {name: self._mean([v.jitters[name] for v in self.videos]) for name in JITTERS}

    @property
    def stability(self) -> Stability:
        """Flicker and drift of the error."""
        return Stability.join([v.stability for v in self.videos])

    @property
    def calibration(self) -> Calibration:
        """Whether the predictions' own certainty is true."""
        return Calibration.join([v.calibration for v in self.videos])

    @property
    def mean_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean error, by resampled videos; None for fewer than two videos."""
        errors, group = self.errors, np.repeat(np.arange(len(self.videos)), [len(v.errors) for v in self.videos])
        given = np.isfinite(errors)
        return interval(errors[given], group[given])

    @staticmethod
    def _mean(parts: list[np.ndarray]) -> float:
        return mean(np.concatenate([np.zeros(0), *parts]))


def score(pairs: Iterable[Pair], protocol: Protocol) -> Score:
    """Returns the score of all pairs."""
    videos, missing = [], []
    for pair in pairs:
        videos.append(score_video(pair, protocol))
        if pair.predicted is None:
            missing.append(pair.video)
    return Score(protocol, videos, without_output=missing)


def score_video(pair: Pair, protocol: Protocol) -> VideoScore:
    """Returns the score of one video."""
    truth, predicted = pair.truth, Tracks.empty() if pair.predicted is None else pair.predicted
    matched = match(predicted, truth)
    rows = np.flatnonzero(matched != NO_OUTPUT)
    expected, given = truth.points[rows], predicted.points[matched[rows]]
    scale = protocol.scale(truth.points, pair.video)
    distances = point_errors(given, expected)
    counted, seen = list(protocol.indices), truth.select(rows)
    astray = given[:, counted].astype(np.float64) - expected[:, counted]
    errors = np.full(len(truth), np.inf)
    errors[rows] = face_errors(distances, scale[rows], protocol)
    return VideoScore(
        video=pair.video,
        frame=truth.frame,
        times=(clock := _clock(truth, predicted)).times[truth.frame],
        times_known=bool(clock.info.get("times_known", True)),
        errors=errors,
        parts=part_errors(distances, scale[rows], protocol),
        jitters=_jitters(given, expected, seen, protocol),
        stability=Stability.of(astray / eye_distance(expected)[:, None, None], seen.frame, seen.face),
        calibration=_calibration(predicted, matched[rows], astray, scale[rows], counted),
        extra=int(np.isin(predicted.frame, truth.frame).sum()) - len(rows),
    )


def _clock(truth: Tracks, predicted: Tracks) -> Tracks:
    """Returns the tracks whose times are taken: the truth's, or the prediction's where the truth has no clock."""
    known = truth.info.get("times_known", True) or predicted.frames < truth.frames
    return truth if known else predicted


def _calibration(
    predicted: Tracks, rows: np.ndarray, astray: np.ndarray, scale: np.ndarray, counted: list[int]
) -> Calibration:
    """Returns the calibration of predicted rows (m,), whose points that count are `astray` (m, P, 2) px."""
    sigma = None if predicted.sigma is None else predicted.sigma[rows][:, counted]
    return Calibration.of(astray, sigma, predicted.scores[rows][:, counted], scale)


def _jitters(given: np.ndarray, expected: np.ndarray, truth: Tracks, protocol: Protocol) -> dict[str, np.ndarray]:
    """Returns the jitters of points given and expected (m, 68, 2), over the truth's eye distance."""
    rows, counted = triples(truth.frame, truth.face), list(protocol.indices)
    scale = eye_distance(expected)
    given, expected = (points[:, counted].astype(np.float64) for points in (given, expected))
    moving = {"prediction": given, "truth": expected, "error": given - expected}
    return {name: jitter(moving[name], rows, scale) for name in JITTERS}
