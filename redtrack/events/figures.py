"""Each measure of each face in a few figures: its mean, spread and range over the frames in which it is seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from redtrack.measures import MEASURES
from redtrack.tracks import Tracks

__all__ = ["COLUMNS", "figures"]

COLUMNS = ("face", "measure", "frames", "mean", "sd", "p5", "median", "p95")


def figures(tracks: Tracks, face: int | None = None) -> list[dict[str, Any]]:
    """Returns a row of `COLUMNS` for each measure of each face, or of one; None where a face has no value of it."""
    rows: list[dict[str, Any]] = []
    for one in tracks.faces if face is None else [face]:
        curves = tracks.measures(one)
        for name in MEASURES:
            values = curves[name][np.isfinite(curves[name])]
            row: list[Any] = [one, name, len(values)]
            if len(values):
                low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
                row += [round(float(number), 4) for number in (values.mean(), values.std(), low, middle, high)]
            rows.append(dict(zip(COLUMNS, [*row, *[None] * 5][: len(COLUMNS)], strict=True)))
    return rows
