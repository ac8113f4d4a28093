"""Blinks of real people, in clips of the folder that REDTRACK_DATA names, against what an eye counts in them."""

from __future__ import annotations

from pathlib import Path

import pytest

import redtrack

pytestmark = pytest.mark.slow

SEEN = {  # clip: first and last frame in which the eyes are shut, or nearly, as counted by hand
    "grid_bbaf2n.mpg": [(42, 45), (50, 54)],
    "grid_lbax4n.mpg": [(27, 29)],
    "grid_lrwp9a.mpg": [(36, 40), (66, 74)],
    "grid_pwij3p.mpg": [(34, 37), (46, 49)],
    "live_d0.mp4": [(64, 68)],
}


@pytest.mark.parametrize("name", SEEN)
def test_each_blink_that_is_seen_is_found_and_no_other(name: str, data: Path) -> None:
    """Its onset within two frames; where the lids open slowly, the offset is a matter of taste."""
    tracks = redtrack.annotate(data / "clips" / "plain" / name)
    found = [event for event in tracks.events(0, ["blink", "wink"]) if event.kind in ("blink", "wink")]
    assert [event.kind for event in found] == ["blink"] * len(SEEN[name])
    for event, (first, last) in zip(found, SEEN[name], strict=True):
        assert abs(event.onset_frame - first) <= 2 and event.onset_frame <= last <= event.offset_frame + 2
