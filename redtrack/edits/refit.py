"""Pose, points in 3D, dense points and visibility of rows whose points were put elsewhere by hand: fitted anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from redtrack.shape3d.basis import default_basis
from redtrack.shape3d.dense import dense_points
from redtrack.shape3d.fit import certainties, fit_person, fit_rows, person_rows
from redtrack.shape3d.visible import visible

__all__ = ["refit"]


def refit(rows: dict[str, Any], stale: np.ndarray) -> None:
    """Fits pose, points in 3D and what follows from them to the points of stale rows (R,) bool, where rows have these.

    In place. A person's face is that of all rows of the same id. Points that could be no face's have no pose.
    """
    if "pose" not in rows or not stale.any():
        return
    basis = default_basis()
    for face in np.unique(rows["face"][stale]):
        own = np.flatnonzero(rows["face"] == face)
        person = fit_person(*_seen(rows, own[person_rows(len(own))]), basis)
        mine = own[stale[own]]
        fit = fit_rows(*_seen(rows, mine), person, basis)
        fitted = {"pose": fit.pose, "points3d": fit.points3d, "visible": visible(fit.pose, basis)}
        if "dense_points" in rows:
            count = rows["dense_points"].shape[1]
            fitted["dense_points"], fitted["dense_visible"] = dense_points(fit.points3d, fit.pose, count, basis)
        for name in fitted.keys() & rows.keys():
            rows[name][mine] = fitted[name]


def _seen(rows: dict[str, Any], chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the points (n, 68, 2) of some rows, and how much each counts (n, 68)."""
    points, scores, sigma = (rows[name][chosen] if name in rows else None for name in ("points", "scores", "sigma"))
    assert points is not None and scores is not None, "rows without points"
    return points, certainties(points, scores, sigma)
