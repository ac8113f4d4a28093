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
    face: np.ndarray  # (n,) int32, id of each true face
    predicted_face: np.ndarray  # (n,) int64, id of the face that was predicted there, -1 without output
    times: np.ndarray  # (n,) float64, seconds
    errors: np.ndarray  # (n,) shares of the protocol's distance, infinite without output
    parts: dict[str, np.ndarray]  # part -> (m,) shares of the protocol's distance
    jitters: dict[str, np.ndarray]  # one of JITTERS -> (k,) shares of the eye distance
    stability: Stability  # of the error, over the eye distance
    calibration: Calibration  # of the m faces' points that count
    foreign: bool = False  # whether the prediction was made from another video, by the digests that both tell
    extra: int = 0  # predicted faces that are no true one, in the frames that hold a true face
    partial: int = 0  # true faces that lack points: the others count
    unscored: int = 0  # true faces that lack the points of the protocol, and are not among the n
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
    def foreign(self) -> list[str]:
        """The videos whose prediction was made from another one."""
        return [v.video for v in self.videos if v.foreign]

    @property
    def has_overlap(self) -> bool:
        """Whether any predicted face is that of a true one."""
        return bool(np.isfinite(self.errors).any())

    @property
    def partial(self) -> int:
        """How many true faces lack points; their error is that of the points they have."""
        return sum(v.partial for v in self.videos)

    @property
    def unscored(self) -> int:
        """How many true faces lack the points that the protocol needs, and count nowhere."""
        return sum(v.unscored for v in self.videos)

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
        values = np.concatenate([np.zeros(0), *parts])
        return mean(values[~np.isnan(values)])


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
    predicted = Tracks.empty() if pair.predicted is None else pair.predicted
    matched, counted = match(predicted, pair.truth), list(protocol.indices)
    scale = protocol.scale(pair.truth.points, pair.video)
    scored = np.isfinite(scale) & ~np.isnan(pair.truth.points[:, counted]).all(axis=(1, 2))
    extra = int(np.isin(predicted.frame, pair.truth.frame).sum() - (matched != NO_OUTPUT).sum())
    truth, matched, scale = pair.truth.select(scored), matched[scored], scale[scored]
    rows = np.flatnonzero(matched != NO_OUTPUT)
    expected, given = truth.points[rows], predicted.points[matched[rows]]
    distances = point_errors(given, expected)
    seen = truth.select(rows)
    astray = given[:, counted].astype(np.float64) - expected[:, counted]
    errors = np.full(len(truth), np.inf)
    errors[rows] = np.nan_to_num(face_errors(distances, scale[rows], protocol), nan=np.inf)
    ids = np.full(len(truth), -1)
    ids[rows] = predicted.face[matched[rows]]
    return VideoScore(
        video=pair.video,
        frame=truth.frame,
        face=truth.face,
        predicted_face=ids,
        times=(clock := _clock(truth, predicted)).times[truth.frame],
        times_known=bool(clock.info.get("times_known", True)),
        errors=errors,
        parts=part_errors(distances, scale[rows], protocol),
        jitters=_jitters(given, expected, seen, protocol),
        stability=Stability.of(astray / eye_distance(expected)[:, None, None], seen.frame, seen.face),
        calibration=_calibration(predicted, matched[rows], astray, scale[rows], counted),
        foreign=_foreign(pair),
        extra=extra,
        partial=int(truth.partial.sum()),
        unscored=int((~scored).sum()),
    )


def _foreign(pair: Pair) -> bool:
    """Returns whether truth and prediction both tell the digest of their video, and they differ."""
    digests = {pair.truth.info.get("source_digest"), (pair.predicted or pair.truth).info.get("source_digest")}
    return None not in digests and len(digests) > 1


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
