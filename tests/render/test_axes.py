"""The axes and the mesh of a head on its picture."""

import numpy as np
from heads import heads, poses, seen

from redtrack.inference.shape import with_shape
from redtrack.render.overlay import Overlay, Style
from redtrack.tracks import Tracks


def test_axes_are_drawn_where_the_head_is() -> None:
    """Red to the right, green down; a row without a pose has none."""
    points = seen(heads(1), poses(np.zeros((1, 3))))
    points = np.concatenate([points, np.random.default_rng(0).uniform(0, 400, (1, 68, 2))])
    tracks = with_shape(Tracks.from_rows([0, 1], [0, 0], points, [0.0, 0.1]))
    style = Style(points=False, lines=False, boxes=False, ids=False, mark=None, axes=True)
    pictures = [np.zeros((480, 640, 3), np.uint8) for _ in range(2)]
    for frame, picture in enumerate(pictures):
        Overlay(tracks, style).draw(picture, frame)
    right, below = pictures[0][235:245, 340:350].max(axis=(0, 1)), pictures[0][260:270, 315:325].max(axis=(0, 1))
    assert right[0] > 200 > right[1] and below[1] > 150 > below[0]
    assert not pictures[1].any()


def test_the_mesh_covers_the_face() -> None:
    """From the forehead to the chin, also where the tracks hold no shape; where no face can be, nothing is drawn."""
    points = seen(heads(1), poses(np.zeros((1, 3))))
    points = np.concatenate([points, np.random.default_rng(0).uniform(0, 400, (1, 68, 2))])
    tracks = Tracks.from_rows([0, 1], [0, 0], points, [0.0, 0.1])
    style = Style(points=False, lines=False, boxes=False, ids=False, mark=None, mesh=True)
    pictures = [np.zeros((480, 640, 3), np.uint8) for _ in range(2)]
    for frame, picture in enumerate(pictures):
        Overlay(tracks, style).draw(picture, frame)
    rows = np.flatnonzero(pictures[0].any(axis=(1, 2)))
    assert rows.min() < points[0, 17:27, 1].min() - 10 and rows.max() > points[0, 8, 1] - 5
    assert not pictures[1].any()
