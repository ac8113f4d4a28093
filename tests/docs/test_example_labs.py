"""The examples that labs start from, on drawn faces of which the truth is known."""

from __future__ import annotations

from pathlib import Path

import blink_rate
import mouth_clips
import numpy as np
import pytest
import smile_asymmetry
from acted_faces import acted
from filmed_faces import filmed

from redtrack.tracks import Tracks


def test_blinks_a_minute_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three blinks in 12 s are 15 a minute, none are 0; a face that is seen for a second has no line."""
    acted(301, [(40, 43), (120, 124), (200, 206)]).save(tmp_path / "often.h5")
    acted(301).save(tmp_path / "never.h5")
    acted(25).save(tmp_path / "short.h5")
    blink_rate.main(str(tmp_path))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ['"never",0,0.200,0,0.0', '"often",0,0.200,3,15.0']


def test_a_gap_is_no_time_without_blinks() -> None:
    """12 s of which 6 are not seen: the rate is over the other 6."""
    tracks = acted(301, [(40, 43), (250, 254)], absent=range(75, 225))
    (rate,) = blink_rate.rates("a", tracks)
    assert rate.minutes == pytest.approx(0.1, abs=0.001) and rate.blinks == 2


def test_blink_rates_are_one_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    acted(301, [(40, 43)]).save(tmp_path / "a.h5")
    blink_rate.main(str(tmp_path), str(tmp_path / "rates.png"))
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")


def test_mouth_clips_hold_the_mouth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """96 px, grey, every frame with its time; the corners of the mouth are seen where the alignment has them."""
    filmed(tmp_path / "talk.mkv", 50).save(tmp_path / "talk.h5")
    mouth_clips.main(str(tmp_path / "talk.mkv"), str(tmp_path / "talk.h5"), str(tmp_path / "clips"))
    assert capsys.readouterr().out == "talk_face0.npz: 50 frames, 0.00 to 1.96 s\n"
    with np.load(tmp_path / "clips" / "talk_face0.npz") as clip:
        data, times = clip["data"], clip["times"]
    assert data.shape == (50, 96, 96) and data.dtype == np.uint8 and times == pytest.approx(np.arange(50) / 25)
    row = data[:, 44:54].max(axis=1)  # across the mouth
    assert (row[:, :48].max(axis=1) > 150).all() and (row[:, 48:].max(axis=1) > 150).all()
    assert (np.abs(data.astype(int) - data[:1]).mean() < 6).all()  # it stands still


def test_a_short_stretch_is_no_mouth_clip(tmp_path: Path) -> None:
    filmed(tmp_path / "talk.mkv", 10).save(tmp_path / "talk.h5")
    mouth_clips.main(str(tmp_path / "talk.mkv"), str(tmp_path / "talk.h5"), str(tmp_path / "clips"))
    assert not list((tmp_path / "clips").iterdir())


def smiling(right: float, left: float) -> Tracks:
    """Returns tracks of a face that smiles in frames 40 to 60, its corners drawn by so much at 45 degrees."""

    def change(frame: int, head: np.ndarray) -> np.ndarray:
        head = head.copy()
        if 40 <= frame <= 60:
            for corner, inner, amount, side in ((48, 60, right, -1), (54, 64, left, 1)):
                head[[corner, inner]] += [side * amount / np.sqrt(2), -amount / np.sqrt(2), 0]
        return head

    return acted(100, change=change, noise=0.1)


@pytest.mark.parametrize(("right", "left"), [(0.08, 0.08), (0.04, 0.08), (0.08, 0.0)])
def test_asymmetry_of_a_smile(right: float, left: float) -> None:
    """Even, stronger on the left, on the right alone: within 0.2 of what is drawn."""
    found = smile_asymmetry.pulls(smiling(right, left), 0)
    height = smile_asymmetry.smile(found)
    assert height is not None and 39 <= height[0] <= 61
    asymmetry = (height[2] - height[1]) / (height[2] + height[1])
    assert asymmetry == pytest.approx((left - right) / (left + right), abs=0.2)


def test_a_face_that_does_not_smile_has_no_asymmetry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    acted(100, noise=0.05).save(tmp_path / "a.h5")
    smiling(0.05, 0.05).save(tmp_path / "b.h5")
    smile_asymmetry.main(str(tmp_path / "a.h5"))
    smile_asymmetry.main(str(tmp_path / "b.h5"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "0,,,," and abs(float(lines[3].split(",")[-1])) < 0.2


def test_a_smile_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    smiling(0.05, 0.08).save(tmp_path / "a.h5")
    smile_asymmetry.main(str(tmp_path / "a.h5"), str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
