"""A score as JSON values and as text for a terminal, both with the protocol that it was made by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from redtrack.evaluate.calibration import LARGE, Calibration
from redtrack.evaluate.nme import mean
from redtrack.evaluate.protocol import AUC_LIMIT, FAILURE_LIMITS
from redtrack.evaluate.score import JITTERS, Score, VideoScore
from redtrack.evaluate.stability import SCALES, Stability

__all__ = ["as_json", "as_rows", "face_lines", "notes", "video_rows"]

_MOST_NAMES = 6  # of videos without a prediction that are listed
_JITTER_NAMES = {"prediction": "jitter / eye distance", "truth": "  of the truth itself", "error": "  of the error"}


def as_json(scores: Mapping[str, Score], dataset: str) -> dict[str, Any]:
    """Returns the scores of several predictions, by name, as JSON values; errors are shares, unknown ones null."""
    protocol = next(iter(scores.values())).protocol
    return {
        "protocol": {
            "dataset": dataset,
            "name": protocol.name,
            "norm": protocol.norm,
            "points": protocol.points,
            "area_limit": AUC_LIMIT,
            "failure_limits": list(FAILURE_LIMITS),
            "faces_without_output": "count as failures and in the area, not in mean, median, deviation and parts",
        },
        "predictions": [{"name": name, **_score_json(score)} for name, score in scores.items()],
    }


def _score_json(score: Score) -> dict[str, Any]:
    interval = score.mean_interval
    return {
        **_summary_json(score),
        "mean_interval_95": None if interval is None else list(interval),
        "parts": {name: _known(value) for name, value in score.parts.items()},
        "jitter": {name: _known(value) for name, value in score.jitters.items()},
        "stability": _stability_json(score.stability),
        "calibration": _calibration_json(score.calibration),
        "extra_faces": score.extra,
        "partly_labelled_faces": score.partial,
        "unscored_faces": score.unscored,
        "videos_without_output": score.without_output,
        "videos": [{"video": video.video, **_summary_json(video)} for video in score.videos],
    }


def _stability_json(stability: Stability) -> dict[str, Any]:
    deviations = {str(tau): _known(stability.deviation(tau)) for tau in SCALES}
    return {"flicker": _known(stability.mean_flicker), "allan_deviation": deviations}


def _calibration_json(calibration: Calibration) -> dict[str, Any]:
    return {
        "coverage": {f"{level:.2f}": _known(share) for level, share in calibration.coverage.items()},
        "expected_error": _known(mean(calibration.expected)),
        "error": _known(mean(calibration.errors)),
        "large_error": LARGE,
        "large": calibration.large,
        "auroc": _known(calibration.auroc),
    }


def _summary_json(scored: Score | VideoScore) -> dict[str, Any]:
    summary = scored.summary
    return {
        "faces": summary.faces,
        "without_output": summary.without_output,
        "mean": _known(summary.mean),
        "median": _known(summary.median),
        "deviation": _known(summary.deviation),
        "area": _known(summary.area),
        "failures": {f"{limit:.2f}": _known(share) for limit, share in summary.failures.items()},
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def as_rows(scores: Mapping[str, Score]) -> list[list[str]]:
    """Returns the rows of a table: what is measured, then a column for each prediction."""
    columns = [_column(score) for score in scores.values()]
    names = list(columns[0])
    return [["", *scores], *([name, *(column[name] for column in columns)] for name in names)]


def _column(score: Score) -> dict[str, str]:
    summary, interval = score.summary, score.mean_interval
    rows = {"mean error": _percent(summary.mean)}
    if interval is not None:
        rows["  95 % interval, by video"] = f"{interval[0] * 100:.2f} to {_percent(interval[1])}"
    rows |= {"median": _percent(summary.median), "standard deviation": _percent(summary.deviation)}
    rows |= {f"  {name}": _percent(error) for name, error in score.parts.items()}
    rows[f"area under curve to {AUC_LIMIT * 100:.0f} %"] = _number(summary.area)
    rows |= {f"failures above {limit * 100:.0f} %": _percent(share) for limit, share in summary.failures.items()}
    rows["faces without output"] = f"{summary.without_output} of {summary.faces}"
    rows["false faces, in frames of the truth"] = str(score.extra)
    if not math.isnan(score.jitters["truth"]):
        rows |= {_JITTER_NAMES[name]: _percent(score.jitters[name]) for name in JITTERS}
    return rows | _steadiness(score.stability) | _honesty(score.calibration)


def _steadiness(stability: Stability) -> dict[str, str]:
    """Returns the rows about stability, none without motion."""
    if math.isnan(stability.mean_flicker):
        return {}
    rows = {"flicker of the error": _percent(stability.mean_flicker)}
    rows |= {f"  Allan deviation, {tau} frame{'s' * (tau > 1)}": _percent(stability.deviation(tau)) for tau in SCALES}
    return rows


def _honesty(calibration: Calibration) -> dict[str, str]:
    """Returns the rows about certainty, none where the prediction has no score."""
    rows: dict[str, str] = {}
    if len(calibration.surprise):
        rows |= {f"{level:.0%} ellipses cover": _percent(share) for level, share in calibration.coverage.items()}
        rows["expected error"] = _percent(mean(calibration.expected))
    if not math.isnan(calibration.auroc):
        rows[f"AUROC of points off by {LARGE:.0%}"] = f"{calibration.auroc:.3f}"
    return rows


def video_rows(scores: Mapping[str, Score]) -> list[list[str]]:
    """Returns the rows of a table: a video, its faces, then mean error and failures above 10 % of each prediction.

    The video on which the first prediction does worst comes last.
    """
    limit = FAILURE_LIMITS[-1]
    heads = [head for name in scores for head in (name, f"> {limit * 100:.0f} %")]
    by_video = [list(videos) for videos in zip(*(score.videos for score in scores.values()), strict=True)]
    by_video.sort(key=lambda videos: np.nan_to_num(videos[0].summary.mean, nan=np.inf))
    return [["video", "faces", *heads], *(_video_row(videos, limit) for videos in by_video)]


def _video_row(videos: list[VideoScore], limit: float) -> list[str]:
    cells = [videos[0].video, str(videos[0].summary.faces)]
    for video in videos:
        cells += [_percent(video.summary.mean), _percent(video.summary.failures[limit])]
    return cells


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share * 100:.2f} %"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def notes(scores: Mapping[str, Score]) -> list[str]:
    """Returns the sentences that belong under the table."""
    lines = ["Faces without output count as failures and in the area, not in mean, median, deviation and parts."]
    for name, score in scores.items():
        if score.foreign:
            foreign = _listed(score.foreign)
            lines.append(f"{name} was made from other videos than the truth, by their digests: {foreign}.")
        if score.without_output:
            missing = score.without_output
            lines.append(f"{name} has no prediction for {len(missing)} of {len(score.videos)}: {_listed(missing)}.")
    first = next(iter(scores.values()))
    if first.partial:
        lines.append(f"{first.partial} true faces lack points: their error is that of the points they have.")
    if first.unscored:
        lines.append(f"{first.unscored} true faces lack the points that the error is divided by, and are not counted.")
    lines.append(
        "A predicted face is that of the true one which its landmarks' box overlaps most, however little. False faces "
        "overlap no true one; they are counted only in frames in which the truth has a face."
    )
    return lines


def face_lines(scores: Mapping[str, Score]) -> Iterator[list[str]]:
    """Yields a table with a line for each true face of each frame and prediction; errors are shares, empty unknown."""
    yield ["prediction", "video", "frame", "time", "face", "predicted_face", "error"]
    for name, score in scores.items():
        for video in score.videos:
            columns = (video.frame, video.times, video.face, video.predicted_face, video.errors)
            for frame, time, face, found, error in zip(*(column.tolist() for column in columns), strict=True):
                seconds = f"{time:.6f}" if video.times_known else "NaN"
                seen = [str(found), f"{error:.6f}"] if math.isfinite(error) else ["", ""]
                yield [name, video.video, str(frame), seconds, str(face), *seen]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
