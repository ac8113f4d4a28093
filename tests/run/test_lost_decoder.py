"""A run whose decoders are lost: nothing changes if another goes on, and the next run tries again where none did."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotating import clip_of
from running import run

from redtrack import load
from redtrack.run.outcome import DONE, FAILED, PARTIAL, SKIPPED, Outcome
from redtrack.tracks import ROW_FIELDS, Tracks
from redtrack.video import Frame, IsolatedVideo, decoder_process
from redtrack.video.decoder_watch import Losses


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of one face in 60 frames."""
    return clip_of(tmp_path / "clip.mkv", frames=60)


def same(first: Tracks, second: Tracks) -> bool:
    """Whether all rows and times are the same bits."""
    names = (*ROW_FIELDS, "times", "frame_state")
    columns = [(getattr(first, name), getattr(second, name)) for name in names]
    return all(a is b is None or a.tobytes() == b.tobytes() for a, b in columns)


def deadly(at: set[int], how: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the decoders at work when these frames are given out."""
    frames = IsolatedVideo.frames

    def watched(video: IsolatedVideo, *span: Any, **named: Any) -> Iterator[Frame]:
        for frame in frames(video, *span, **named):
            yield frame
            if frame.index in at:
                for process in decoder_process.POOL.lent():
                    os.kill(process.pid, how)

    monkeypatch.setattr(IsolatedVideo, "frames", watched)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_rows_are_those_of_an_unbroken_run(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    """To the last bit, wherever the decoder is ended."""
    run([clip], tmp_path / "whole")
    deadly({0, 35}, how, monkeypatch)
    outcome = run([clip], tmp_path / "broken")["clip.mkv"]
    assert (outcome.state, outcome.counts.frames) == (DONE, 60)
    assert same(load(tmp_path / "whole/clip.h5"), load(tmp_path / "broken/clip.h5"))


def lost_at(frame: int, how: signal.Signals, clip: Path, out: Path, patch: pytest.MonkeyPatch) -> Outcome:
    """What becomes of a clip whose decoder is lost at a frame and not tried again."""
    patch.setattr(Losses, "are_final", lambda *_: True)
    deadly({frame}, how, patch)
    return run([clip], out)["clip.mkv"]


def test_next_run_tries_again(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video is partial where decoders crash at one place; once they do not, it is done."""
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        outcome = lost_at(20, signal.SIGSEGV, clip, out, patch)
        assert outcome.state == PARTIAL and "made the decoder crash (SIGSEGV)" in (outcome.reason or "")
    assert run([clip], out)["clip.mkv"].state == DONE
    assert run([clip], out)["clip.mkv"].state == SKIPPED


def test_a_decoder_ended_from_outside_leaves_what_can_be_resumed(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The video fails, and is no damaged one; the next run goes on."""
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        outcome = lost_at(20, signal.SIGKILL, clip, out, patch)  # the decoder has not got to the end yet
        assert outcome.state == FAILED and "the next run tries again" in (outcome.reason or "")
    run([clip], tmp_path / "whole")
    assert run([clip], out)["clip.mkv"].state == DONE
    assert same(load(tmp_path / "whole/clip.h5"), load(out / "clip.h5"))


def test_guessed_times_are_told(tmp_path: Path) -> None:
    """In the table, and in the result."""
    bare = clip_of(tmp_path / "bare.mjpeg", frames=12, codec="mjpeg", pixel_format="yuvj420p")
    outcome = run([bare], tmp_path / "out")["bare.mjpeg"]
    assert outcome.state == DONE and "its times are filled in at 25 frames/s" in (outcome.reason or "")
    tracks = load(tmp_path / "out/bare.h5")
    assert not tracks.info["times_known"] and np.allclose(np.diff(tracks.times), 0.04)
    assert run([bare], tmp_path / "told", fps=50.0)["bare.mjpeg"].reason is None
    assert np.allclose(np.diff(load(tmp_path / "told/bare.h5").times), 0.02)
