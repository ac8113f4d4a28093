"""A run that was stopped goes on where it was, to the same rows, or begins anew where it has to."""

import os
from pathlib import Path
from typing import Any

import pytest
from annotating import RED, Square, clip_of, square_models, still
from run_folders import files, states
from running import run

import redtrack
from redtrack.inference.tracker import Tracker
from redtrack.run.folder import prepare_folder
from redtrack.run.stop import BrokenOff


def test_run_that_is_broken_off_keeps_what_is_final(
    clips: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that takes too long once the run was asked to stop is left; the same command does the rest."""
    monkeypatch.setattr("redtrack.inference.tracker.BLOCK", 1)
    both = [clip_of(tmp_path / "long.mkv", (Square(RED, 60, still(100, 80)),), 200), clips / "b.mkv"]
    run(both[:1], out)
    reference = redtrack.load(out / "long.h5")
    (out / "long.h5").unlink()
    crops = Tracker.crops

    def long(self: Tracker, window: Any) -> Any:
        if window.first >= 150 and not window.peek:  # far enough for some windows to be back from the network's threads
            raise BrokenOff
        return crops(self, window)

    monkeypatch.setattr(Tracker, "crops", long)
    outcomes = run(both, out)
    assert states(outcomes) == {"long.mkv": "partial", "b.mkv": "partial"}
    assert outcomes["long.mkv"].counts.frames > 0
    assert not list(out.glob(".*.lock"))
    monkeypatch.setattr(Tracker, "crops", crops)
    assert set(states(run(both, out)).values()) == {"done"}
    assert redtrack.load(out / "long.h5").same_as(reference)


def test_stopped_video_goes_on_where_it_was(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows at the end are those of an unbroken run, and what was finished is not computed again."""
    monkeypatch.setattr("redtrack.inference.tracker.BLOCK", 5)
    whole = square_models()
    run([clips / "a.mkv"], out, whole)
    reference = redtrack.load(out / "a.h5")
    (out / "a.h5").unlink()

    first = square_models()
    stopped = run([clips / "a.mkv"], out, first, stopping=lambda: any(call[1] == 10 for call in first.calls))["a.mkv"]
    assert stopped.state == "partial" and 0 < stopped.counts.frames < 57
    assert files(out) == {"a.h5.part", "run.jsonl"}
    second = square_models()
    assert states(run([clips / "a.mkv"], out, second)) == {"a.mkv": "done"}
    assert redtrack.load(out / "a.h5").same_as(reference)
    crops = [sum(call[0] * call[1] for call in models.calls) for models in (first, second, whole)]
    assert crops[0] + crops[1] <= crops[2] + 28  # two windows, and two calls for looks, of four pictures at least
    assert files(out) == {"a.h5", "run.jsonl"}


@pytest.mark.parametrize("calls", range(1, 5))
def test_stop_after_any_call_gives_the_same_rows_in_the_end(
    clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    monkeypatch.setattr("redtrack.inference.tracker.BLOCK", 1)
    prepare_folder(out / "whole")
    run([clips], out / "whole")
    models = square_models()
    run([clips], out, models, stopping=lambda: len(models.calls) >= calls)
    run([clips], out)
    for name in ("a.h5", "b.h5"):
        assert redtrack.load(out / name).same_as(redtrack.load(out / "whole" / name))


def test_unfinished_result_of_other_options_is_begun_anew(clips: Path, out: Path) -> None:
    models = square_models()
    run([clips / "a.mkv"], out, models, stopping=lambda: len(models.calls) >= 2)
    assert states(run([clips / "a.mkv"], out, window=7)) == {"a.mkv": "done"}
    tracks = redtrack.load(out / "a.h5")
    assert tracks.info["options"]["window"] == 7 and len(tracks) == 57


def test_tracking_is_begun_anew_for_it_needs_the_frame_before(clips: Path, out: Path) -> None:
    models = square_models()
    run([clips / "a.mkv"], out, models, stopping=lambda: len(models.calls) >= 30, protocol="tracking")
    second = square_models()
    run([clips / "a.mkv"], out, second, protocol="tracking")
    assert len(second.calls) == 57 and len(redtrack.load(out / "a.h5")) == 57


def test_spoilt_unfinished_result_is_begun_anew(clips: Path, out: Path) -> None:
    (out / "a.h5.part").write_bytes(b"\x89HDF\r\n\x1a\n" + os.urandom(500))
    assert states(run([clips / "a.mkv"], out)) == {"a.mkv": "done"}
