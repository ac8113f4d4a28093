"""Measuring the face detector: faces found, false boxes, views, the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from photos import TINY, scene, write_photos

from redtrack import checkpoint
from redtrack.faces.detector import FaceDetector
from redtrack.training.detector.evaluation import (
    Findings,
    View,
    choose_threshold,
    find,
    match,
    measured_table,
    show,
    table,
)
from redtrack.training.detector.scenes import read_scenes


class Fixed:
    """A detector that finds the same in every picture."""

    def __init__(self, *rows: tuple[float, ...]) -> None:
        self.rows = np.array(rows, np.float32).reshape(-1, 5)

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        return [self.rows for _ in frames]


def test_found_faces_and_false_boxes_are_counted() -> None:
    """Best boxes choose first, each face is found once, doubtful faces count neither way."""
    view = View(torch.zeros(99, 99, 3), np.array([[0, 0, 30, 40], [50, 50, 80, 90]]), np.array([[0, 60, 20, 80]]))
    rows = np.array([[0, 0, 30, 38, 0.8], [2, 0, 30, 40, 0.9], [2, 62, 18, 78, 0.7], [60, 0, 90, 40, 0.6]], np.float32)
    hits, false = match(rows, view)
    assert np.allclose(hits, [0.9, 0])
    assert np.allclose(false, [0.8, 0.6]), "a second box on a face is false"


def test_recall_and_false_boxes_depend_on_the_threshold() -> None:
    """Recall by size too, and the lowest threshold with few false boxes."""
    found = Findings(50, np.array([30, 60, 200]), np.array([0.4, 0.7, 0]), np.array([0.305, 0.5, 0.2]))
    assert found.recall(0.35) == pytest.approx(2 / 3)
    assert (found.recall(0.35, 0, 50), found.recall(0.5, 0, 50)) == (1, 0)
    assert np.isnan(found.recall(0.5, 500))
    assert (found.false_per_100(0.1), found.false_per_100(0.45)) == (6, 2)
    assert choose_threshold(found, most_false=2) == pytest.approx(0.31)


@pytest.mark.parametrize(("scale", "degrees"), [(1, 0), (0.5, 0), (1, 30), (0.25, -30)])
def test_views_show_the_whole_photo_and_its_faces(scale: float, degrees: float) -> None:
    """Turned and scaled photos keep their faces inside; small ones do not count."""
    view = show(scene((40, 30, 79, 85), (5, 5, 19, 19)), scale, degrees)
    assert (len(view.faces), len(view.doubtful)) == (1, 1)
    x, y = ((view.faces[0, :2] + view.faces[0, 2:]) / 2).round().astype(int)
    assert view.picture[y, x, 0] > 200 and view.picture[y, x, 1] < 120
    assert min(view.picture.shape[:2]) >= 160 * scale - 1


def test_the_table_says_what_was_measured() -> None:
    """One line a view."""
    views = [show(scene((40, 30, 79, 85)), 1, 0)]
    right, wrong = find(Fixed((40, 30, 79, 85, 0.9)), views), find(Fixed((90, 90, 99, 99, 0.9)), views)
    lines = table({"1x": right, "other": wrong}, 0.5).splitlines()
    assert lines[1].split()[:3] == ["1x", "1", "1.0000"]
    assert lines[2].split()[2] == "0.0000" and lines[2].split()[-1] == "100.00"


def test_a_weights_file_is_measured_on_the_validation_photos(tmp_path: Path) -> None:
    """At its own threshold and size, in seven views and in crowds."""
    write_photos(tmp_path, 25)
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(path, FaceDetector(TINY), "detector", {})
    lines = measured_table(tmp_path, path).splitlines()
    count = len(read_scenes(tmp_path, validation=True))
    assert lines[0] == f"{count} photos, long side 640, threshold 0.5"
    views = ["1x", "0.5x", "0.25x", "turned", "turned", "squeezed", "stretched", "crowds"]
    assert [line.split()[0] for line in lines[2:]] == views
