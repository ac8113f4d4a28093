"""The engine holds few frames, and goes on with smaller calls where memory runs out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from annotating import RED, Square, SquareModels, clip_of, square_models, still
from engine_jobs import Job, run, worst

from redtrack.errors import DeviceError
from redtrack.inference.engine import Engine
from redtrack.inference.options import Options
from redtrack.inference.windows import Window


class Forgetful(SquareModels):
    """A device with room for so many windows."""

    room = 2

    def predict(self, crops: torch.Tensor, lengths: np.ndarray, options: Any, seven: Any = None) -> Any:
        if crops.shape[0] * crops.shape[1] > self.room * 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().predict(crops, lengths, options, seven)


def forgetful(room: int) -> SquareModels:
    models = square_models()
    made = Forgetful(**{name: getattr(models, name) for name in models.__dataclass_fields__})
    object.__setattr__(made, "room", room)
    return made


def test_batch_halves_itself_when_memory_runs_out_and_says_so_once(one: Path) -> None:
    said: list[str] = []
    models, options = forgetful(2), Options()
    job = Job(one, models, options)
    engine = Engine(models, options, 160, tell=said.append)
    list(engine.run([job]))
    assert len(said) == 1 and "out of memory" in said[0] and "20 crops" not in said[0][:10]
    assert engine.batch == 20
    reference, _ = run([one])
    assert job.sink.tracks().same_as(reference[0].sink.tracks())


def test_device_without_room_for_one_window_is_an_error(one: Path) -> None:
    (job,), _ = run([one], models=forgetful(0))
    assert isinstance(job.error, DeviceError) and "single window" in job.error.message


class Crowded(Job):
    """A video on a device whose memory is full the first so many times that crops are cut."""

    full = 3

    def crops(self, window: Window) -> tuple[Window, torch.Tensor]:
        self.full -= 1
        if self.full >= 0:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().crops(window)


@pytest.mark.parametrize("full", [1, 3])
def test_crops_wait_where_there_is_no_memory_for_them(one: Path, full: int) -> None:
    """Until a call has ended, or for smaller calls; no video fails, and the points are the same."""
    models, options = square_models(), Options()
    job = Crowded(one, models, options)
    job.full = full
    list(Engine(models, options, 160).run([job]))
    reference, _ = run([one])
    assert job.error is None and job.sink.tracks().same_as(reference[0].sink.tracks())


def test_crops_that_never_fit_fail_their_video_only(one: Path, two: Path) -> None:
    """A window by itself, with nothing under way: its frames are too large."""
    models, options = square_models(), Options()
    jobs = [Crowded(one, models, options), Job(two, models, options)]
    jobs[0].full = 10**9  # type: ignore[attr-defined]
    list(Engine(models, options, 10).run(jobs))
    assert jobs[1].error is None and jobs[1].sink.tracks().frames == 33
    assert jobs[0].error is not None and "too large" in jobs[0].error.message


def test_frames_in_hand_stay_few_however_long_the_video(tmp_path: Path) -> None:
    """At most three detection intervals, what is decoded at once, a batch, and the calls that are under way or wait:
    two a core and the looks before them."""
    path = clip_of(tmp_path / "long.mkv", (Square(RED, 40, still(100, 100)),), 600)
    held: list[int] = []

    class Watched(Job):
        def advance(self) -> list[Any]:
            windows = super().advance()
            held.append(self.nbytes // (320 * 240 * 3))
            return windows

    models = square_models()
    list(Engine(models, Options(), 20).run([Watched(path, models, Options())]))
    assert max(held) <= 30 + 40 + 20 + 60 * torch.get_num_threads()
    assert max(held[15:]) <= max(held[:15])


def test_large_frames_are_held_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many whole ones as may wait for their rows and those in hand, then what lies around the face; the points are
    where the face is.
    """
    frame = 320 * 240 * 3
    monkeypatch.setattr("redtrack.inference.frames.CHUNK_BYTES", frame)
    monkeypatch.setattr("redtrack.inference.frames.FRAME_BYTES", frame // 8)
    monkeypatch.setattr("redtrack.faces.follow.WAITING_BYTES", 9 * frame)
    square = Square(RED, 60, still(100, 100))
    path, models, held = clip_of(tmp_path / "large.mkv", (square,), 120), square_models(), []

    class Watched(Job):
        def advance(self) -> list[Any]:
            windows = super().advance()
            held.append(self.nbytes / frame)
            return windows

    job = Watched(path, models, Options())
    list(Engine(models, Options(), 20).run([job]))
    assert max(held) <= 9 + 4 + 80 / 8
    assert len(job.sink.tracks()) == 120 and worst(job.sink.tracks(), 0, square) < 3


def test_small_batch_runs_when_much_memory_is_held(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redtrack.device.cpu.HOLD", 1)
    _, models = run([one], batch=1000)
    assert len(models.calls) > 1


def test_videos_are_opened_only_shortly_before_they_are_needed(one: Path) -> None:
    opened: list[int] = []

    def source() -> Iterator[Job]:
        for number in range(6):
            opened.append(number)
            yield Job(one, models, options)

    models, options = square_models(), Options()
    runs = Engine(models, options, 10).run(source())
    next(runs)
    assert len(opened) <= 4
    assert len(list(runs)) == 5
