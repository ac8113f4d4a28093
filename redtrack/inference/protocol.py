"""Where the network looks, as `--protocol` says: on a smooth path of crops, or where the frame before had the face."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol as Interface

import numpy as np

from redtrack.geometry import Floats, landmark_crop
from redtrack.inference.crop_path import found_key, plan_crops
from redtrack.inference.options import Options
from redtrack.inference.recrop import second_crops
from redtrack.inference.rows import FACE, WindowPoints
from redtrack.inference.windows import FaceRuns, Window, WindowEntry

__all__ = ["Protocol", "Tracking", "TwoLooks", "make_protocol"]

# Mean confidence from which landmarks locate a face better than its box does: in crops that are far off, faces that
# come out well at the second look had 0.25 or more at the first.
HINT = 0.25


class Protocol(Interface):
    """A way of choosing crops. `window` is the number of frames in a window."""

    window: int

    def plan(self, new: list[WindowEntry], runs: FaceRuns) -> list[Window]:
        """Takes new windows; returns those that the network is to look at now, and looks at single frames."""
        ...

    def crop(self, window: Window) -> Window:
        """Returns the window with the crops to be cut now."""
        ...

    def again(self, window: Window, found: WindowPoints, runs: FaceRuns) -> list[Window]:
        """Takes the points that were found; returns what is to be looked at next because of them.

        A window's points are final, but for its neighbours' part in them, unless the window itself is among that.
        """
        ...


class TwoLooks:
    """Crops on a smooth path along the face; where its landmarks show that they were off, a second look from these."""

    def __init__(self, window: int) -> None:
        self.window = window

    def plan(self, new: list[WindowEntry], runs: FaceRuns) -> list[Window]:
        return plan_crops(new, runs)

    def crop(self, window: Window) -> Window:
        return window

    def again(self, window: Window, found: WindowPoints, runs: FaceRuns) -> list[Window]:
        if window.peek:
            return found_key(window, found.points if found.confidence >= HINT else None, runs)
        if window.again or found.confidence < HINT:
            return []
        crop = second_crops(found.points, window.crop)
        return [] if crop is None else [window.look_again(crop, found.points)]


class Tracking:
    """The paper's protocol (its section 5.1): each crop is the landmarks' box of the frame before.

    It goes frame by frame, so that nothing can be batched, and forward only. A face starts from its detected box, and
    starts again from it where the landmarks before are not believed.
    """

    window = 1

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, Floats]] = {}  # face -> the frame after, points (68, 2)

    def plan(self, new: list[WindowEntry], runs: FaceRuns) -> list[Window]:
        return [window for entry in new if (window := entry.give_crops(entry.window.crop)) is not None]

    def crop(self, window: Window) -> Window:
        frame, points = self._last.get(window.face, (-1, np.zeros((0, 2))))
        if frame != window.first:
            return window
        crop = window.crop
        return replace(window, crop=landmark_crop(points[None].astype(np.float64), crop.size, crop.scale))

    def again(self, window: Window, found: WindowPoints, runs: FaceRuns) -> list[Window]:
        self._last.pop(window.face, None)
        if found.confidence >= FACE:
            self._last[window.face] = (window.end, found.points[0])
        return []


def make_protocol(options: Options) -> Protocol:
    """Returns the protocol that the options name."""
    return Tracking() if options.protocol == "tracking" else TwoLooks(options.window)
