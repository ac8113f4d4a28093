"""What only a real GPU can settle, of whole runs: the CPU's rows, the same each time, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from redtrack.inference.annotate import InMemory, annotate_with
from redtrack.inference.engine import Engine
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.inference.tracker import Tracker
from redtrack.tracks import Tracks

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

OPTIONS = Options()
ROOM = 32 << 20  # bytes


@pytest.fixture(scope="module")
def models() -> Landmarker:
    return Landmarker(None, "cuda:0", OPTIONS)


@pytest.fixture(scope="module")
def tracks(models: Landmarker, clip: Path) -> Tracks:
    """Of the example clip, by calls of one window."""
    return annotate_with(models, clip, OPTIONS, batch=10)


@pytest.fixture
def little_room(models: Landmarker, tracks: Tracks, clip: Path) -> Iterator[None]:
    """Leaves hardly more memory than calls of one window take."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(models.device)
    annotate_with(models, clip, OPTIONS, batch=10)
    most = torch.cuda.max_memory_reserved(models.device) + ROOM
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(most / torch.cuda.mem_get_info(models.device)[1], models.device)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, models.device)


def near(found: Tracks, expected: Tracks, limit: float) -> bool:
    """Whether two results have the same rows, and points within so many px in the mean."""
    assert np.array_equal(found.frame, expected.frame) and np.array_equal(found.face, expected.face)
    return bool(np.abs(found.points - expected.points).mean() < limit)


def test_rows_are_those_of_the_cpu(tracks: Tracks, clip: Path) -> None:
    on_cpu = annotate_with(Landmarker(None, "cpu", OPTIONS, precision="fp32"), clip, OPTIONS)
    assert len(tracks) == 100 and near(tracks, on_cpu, 0.3)


def test_the_same_run_gives_the_same_numbers(models: Landmarker, clip: Path) -> None:
    first = annotate_with(models, clip, OPTIONS)
    assert first.same_as(annotate_with(models, clip, OPTIONS))


def test_large_calls_give_the_points_of_small_ones(models: Landmarker, tracks: Tracks, clip: Path) -> None:
    assert near(annotate_with(models, clip, OPTIONS, batch=1000), tracks, 0.05)


def test_a_run_takes_no_more_memory_than_the_one_before(models: Landmarker, tracks: Tracks, clip: Path) -> None:
    """The network's stream is the same, and torch keeps memory by stream."""
    reserved = []
    for _ in range(3):
        annotate_with(models, clip, OPTIONS)
        reserved.append(torch.cuda.memory_reserved(models.device))
    assert reserved[2] <= 1.1 * reserved[1]


def test_calls_too_large_for_the_memory_are_halved(
    models: Landmarker, tracks: Tracks, clip: Path, little_room: None
) -> None:
    said: list[str] = []
    rows = InMemory()
    tracker = Tracker(clip, models, OPTIONS, rows)
    list(Engine(models, OPTIONS, 1000, tell=said.append).run([tracker]))
    assert tracker.error is None and len(said) == 1 and "out of memory" in said[0]
    assert near(rows.tracks(), tracks, 0.05)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one CUDA device")
def test_any_gpu_gives_the_points_of_the_first(tracks: Tracks, clip: Path) -> None:
    """Its streams and its memory, though another is the current device."""
    last = Landmarker(None, f"cuda:{torch.cuda.device_count() - 1}", OPTIONS)
    before = torch.cuda.memory_allocated(0)
    assert near(annotate_with(last, clip, OPTIONS, batch=10), tracks, 0.05)
    assert torch.cuda.memory_allocated(0) == before
