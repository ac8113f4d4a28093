"""Frames with tracks drawn on them."""

from __future__ import annotations

import numpy as np

from redtrack.render.overlay import Overlay, Style
from redtrack.tracks import Tracks


def drawn(tracks: Tracks, style: Style, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Returns the first frame of tracks drawn on grey."""
    image = np.full((*shape, 3), 70, np.uint8)
    Overlay(tracks, style).draw(image, 0)
    return image
