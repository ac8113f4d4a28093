"""One open video: what it says of itself."""

from types import SimpleNamespace
from typing import Any

import pytest

from redtrack.inference.origin import expected_frames


@pytest.mark.parametrize(
    ("known", "seconds", "rate", "end", "frames"),
    [(100, 4.0, 25, None, 100), (None, 4.0, 25, None, 100), (None, None, 25, None, None), (100, 4.0, 25, 1.0, 25)],
)
def test_expected_frames_come_from_the_header(
    known: int | None, seconds: float | None, rate: int, end: float | None, frames: int | None
) -> None:
    video: Any = SimpleNamespace(expected_frames=known, duration=seconds, average_rate=rate)
    assert expected_frames(video, end) == frames
