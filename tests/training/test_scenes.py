"""Photos with boxed faces, the tiles cut out of them, and mosaics: faces are where their boxes say."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from photos import TINY, UPRIGHT, redness, scene, write_photos

from redtrack.errors import FormatError, UsageError
from redtrack.training.detector import detector as training
from redtrack.training.detector.doodles import doodle
from redtrack.training.detector.mosaics import Mosaics, lay_over
from redtrack.training.detector.scenes import (
    Labelled,
    cut,
    cut_whole,
    drawn_scenes,
    faceless_scenes,
    is_validation,
    read_scenes,
    turn_boxes,
)


def test_the_validation_photos_are_those_of_the_rule() -> None:
    """CRC of the name divisible by ten, with or without the ending: never trained on whichever is meant."""
    names = [f"photo_{i}.jpg" for i in range(300)]
    kept = {name for name in names if is_validation(name)}
    assert kept >= {name for name in names if zlib.crc32(name.encode()) % 10 == 0}
    assert kept >= {name for name in names if zlib.crc32(name[:-4].encode()) % 10 == 0}
    assert 30 < len(kept) < 90


def test_photos_are_read_with_their_faces_and_split(tmp_path: Path) -> None:
    """Each photo is in one part; uncertain faces are marked."""
    write_photos(tmp_path, 25)
    taught, kept = read_scenes(tmp_path, validation=False), read_scenes(tmp_path, validation=True)
    assert len(taught) + len(kept) == 25
    assert all(is_validation(one.name) for one in kept) and not any(is_validation(one.name) for one in taught)
    assert taught[0].boxes.tolist() == [[40, 30, 79, 85], [5, 5, 15, 15]]
    assert taught[0].ignore.tolist() == [False, True]
    assert (redness(taught[0].pyramid[0].float() / 255)[35:80, 45:75] > 0.4).all()


@pytest.mark.parametrize("wider", [0.6, 1.6])
def test_a_face_is_where_its_box_says_in_a_stretched_photo(wider: float) -> None:
    """The photo keeps its area, and gets so many times wider for its height; the red is in the box, and fills it."""
    shown, _ = cut_whole(scene((40, 30, 79, 85)), 1.0, 0.0, wider)
    tall, wide = shown.picture.shape[1:]
    assert wide / tall == pytest.approx(wider, rel=0.02) and wide * tall == pytest.approx(160**2, rel=0.02)
    y, x = np.nonzero(redness(shown.picture) > 0.3)
    assert np.allclose(shown.boxes[0], [x.min(), y.min(), x.max(), y.max()], atol=1.0)


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    """With the table's path."""
    with pytest.raises(UsageError, match=r"boxes\.csv"):
        read_scenes(tmp_path, validation=False)


@pytest.mark.parametrize("table", ["file,x,y\na.jpg,1,2\n", "file,x0,y0,x1,y1,ignore\na.jpg,1,2,3,wide,0\n"])
def test_a_table_without_faces_is_refused(tmp_path: Path, table: str) -> None:
    """The line is named; a table of no photo at all trains nothing."""
    (tmp_path / "boxes.csv").write_text(table)
    with pytest.raises(FormatError, match="line 2"):
        read_scenes(tmp_path, validation=False)
    (tmp_path / "boxes.csv").write_text(table.splitlines()[0])
    with pytest.raises(UsageError, match="no photo"):
        training.train_detector(tmp_path, tmp_path / "run", 9, config=TINY, report=lambda _: None)


def test_turned_boxes_are_between_ellipse_and_rectangle() -> None:
    """Moves, scales and quarter turns are exact; in between the corners of a face are rounded."""
    box = np.array([[10, 20, 50, 80]], np.float32)
    assert np.allclose(turn_boxes(box, np.array([[2, 0, 5], [0, 2, -3]])), [[25, 37, 105, 157]])
    assert np.allclose(turn_boxes(box, np.array([[0, -1.0, 0], [1, 0, 0]])), [[-80, 10, -20, 50]])
    c = np.sqrt(0.5)
    width = np.diff(turn_boxes(box, np.array([[c, -c, 0], [c, c, 0]]))[0, 0::2])[0]
    assert 2 * c * np.hypot(20, 30) < width < 2 * c * (20 + 30)


def test_a_tile_in_place_is_the_photo() -> None:
    """Sampling at whole pixels changes nothing."""
    one = scene((40, 30, 79, 85))
    tile = cut(one, UPRIGHT, 160, 160)
    assert torch.allclose(tile.picture * 255, one.pyramid[0].float(), atol=0.01)
    assert tile.boxes.tolist() == [[40, 30, 79, 85]]


@settings(max_examples=30)
@given(st.floats(0.2, 2.0), st.floats(-40, 40), st.booleans(), st.floats(-20, 20), st.floats(-20, 20))
def test_a_face_is_where_its_box_says(scale: float, degrees: float, flip: bool, x: float, y: float) -> None:
    """After any turn, scale, flip and shift, levels of the pyramid included: its centre of redness."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.diag([-1 if flip else 1, 1])
    move = np.array([100 + x, 100 + y]) - linear @ [59.5, 57.5]
    tile = cut(scene((40, 30, 79, 85)), np.concatenate([linear, move[:, None]], axis=1), 200, 200)
    red = redness(tile.picture)
    middle = np.array([(red.sum(0) @ np.arange(200)), (red.sum(1) @ np.arange(200))]) / red.sum()
    assert np.allclose(middle, (tile.boxes[0, :2] + tile.boxes[0, 2:]) / 2, atol=0.35)
    if abs(degrees) < 1e-6:
        assert abs(red.sum() / red.max() / (40 * 56 * scale**2) - 1) < 0.1


def test_faces_cut_off_or_tiny_are_neither_taught_nor_punished() -> None:
    """A face that is out of the tile is no face at all."""
    faces = scene((40, 30, 79, 85), (120, 120, 139, 145))
    shifted = cut(faces, np.array([[1.0, 0, -70], [0, 1.0, 0]]), 100, 100)
    assert (shifted.boxes.tolist(), shifted.ignore.tolist()) == ([[0, 30, 9, 85]], [True])
    tiny = cut(faces, UPRIGHT * 0.2, 40, 40)
    assert tiny.ignore.tolist() == [False, True]


def test_faces_under_another_tile_go() -> None:
    """Wholly hidden ones; half-hidden ones are ignored."""
    below = cut(scene((10, 10, 40, 50), (60, 60, 90, 99), (110, 110, 150, 150)), UPRIGHT, 160, 160)
    mask = torch.zeros(160, 160, dtype=torch.bool)
    mask[:80, :80] = True
    above = Labelled(torch.zeros(3, 160, 160), np.zeros((0, 4), np.float32), np.zeros(0, bool))
    both = lay_over(below, above, mask)
    assert both.boxes[:, 0].tolist() == [60, 110]
    assert both.ignore.tolist() == [True, False]
    assert both.picture[:, :80, :80].sum() == 0


def test_mosaics_show_their_faces() -> None:
    """Every sure face is red in the middle, inside the picture; the same seed draws the same."""
    photos = [scene((40, 30, 79, 85)), scene((20, 20, 49, 60), (90, 80, 139, 149))]
    draws = [Mosaics(photos, drawn_scenes(2), seed=5) for _ in range(2)]
    seen = 0
    for _ in range(12):
        one, same = (mosaics.draw(128) for mosaics in draws)
        assert torch.equal(one.picture, same.picture) and np.array_equal(one.boxes, same.boxes)
        assert one.picture.shape == (3, 128, 128) and one.picture.min() >= 0 and one.picture.max() <= 1
        assert (one.boxes >= 0).all() and (one.boxes <= 128).all()
        middles = ((one.boxes[:, :2] + one.boxes[:, 2:]) / 2)[~one.ignore].astype(int).clip(0, 127)
        red = redness(one.picture)[middles[:, 1], middles[:, 0]]
        seen += len(red)
        assert (red > 0.2).mean() > 0.8 if len(red) else True
    assert seen > 12


def test_pictures_without_faces_come_with_scikit_image() -> None:
    """Grey ones and transparent ones too, all as colour pictures."""
    pytest.importorskip("skimage")
    found = faceless_scenes()
    assert len(found) >= 15
    assert all(one.pyramid[0].shape[0] == 3 and len(one.boxes) == 0 for one in found)
    assert not any(one.name.startswith(("astronaut", "camera", "lfw")) for one in found)


def test_drawn_pictures_have_no_faces_and_differ() -> None:
    """They are seeded pictures."""
    one, other = drawn_scenes(2, seed=1)
    assert len(one.boxes) == len(other.boxes) == 0
    assert not torch.equal(one.pyramid[0], other.pyramid[0])
    assert np.array_equal(doodle(np.random.default_rng(3), 64), doodle(np.random.default_rng(3), 64))
