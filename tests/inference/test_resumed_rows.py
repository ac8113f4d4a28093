"""A run with the shipped networks that is stopped and goes on has the rows of an unbroken one."""

from pathlib import Path

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


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_stopped_and_resumed_is_as_in_one_go(
    precision: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit, though the calls of the network are shared otherwise. Windows beside the place where it stopped
    are looked at again, so that the borders there are run into as well.
    """
    monkeypatch.setattr("redtrack.inference.tracker.BLOCK", 1)
    models = Counting(None, "cpu", Options(), precision=precision)
    assert annotate(clip, tmp_path / "whole", models, 10_000) == "done"
    for calls in (4, 9):
        parts = tmp_path / f"{calls} calls"
        assert annotate(clip, parts, models, calls) == "partial"
        assert annotate(clip, parts, models, 10_000) == "done"
        one, other = (redtrack.load(folder / f"{clip.stem}.h5") for folder in (tmp_path / "whole", parts))
        assert one.same_as(other)
