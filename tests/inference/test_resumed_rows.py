"""A run with the shipped networks that is stopped and goes on has the rows of an unbroken one."""

from pathlib import Path

import numpy as np
import pytest
import running

import redtrack
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.run.folder import prepare_folder


class Counting(Landmarker):
    """The models of another, which count their calls."""

    calls = 0

    def predict(self, *args, **options):
        type(self).calls += 1
        return super().predict(*args, **options)


def annotate(clip: Path, out: Path, models: Landmarker, most_calls: int) -> str:
    """Annotates until so many calls of the network were made; returns the state."""
    prepare_folder(out)
    until = Counting.calls + most_calls
    return running.run([clip], out, models, stopping=lambda: Counting.calls >= until, batch=10)[clip.name].state


def test_stopped_and_resumed_is_as_in_one_go(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows beside the place where it stopped are looked at again, so that the borders there are run into as well.

    Equal but for the order of sums: the calls of the network are shared otherwise.
    """
    monkeypatch.setattr("redtrack.inference.tracker.BLOCK", 1)
    models = Counting(None, "cpu", Options())
    assert annotate(clip, tmp_path / "whole", models, 10_000) == "done"
    assert annotate(clip, tmp_path / "parts", models, 9) == "partial"
    assert annotate(clip, tmp_path / "parts", models, 10_000) == "done"
    whole, parts = (redtrack.load(tmp_path / name / f"{clip.stem}.h5") for name in ("whole", "parts"))
    assert np.abs(parts.points - whole.points).max() < 0.001 and np.array_equal(parts.frame, whole.frame)
