"""Tracks drawn over their video: points, part lines, boxes, ids, and rings around the points in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from redtrack.errors import UsageError
from redtrack.evaluate.protocol import eye_distance
from redtrack.inference.shape import with_shape
from redtrack.points import LINES, known_mean
from redtrack.render import colours as c
from redtrack.render.draw import Image, capsules, dots, rectangle, rings
from redtrack.render.text import label
from redtrack.shape3d.dense import dense_points, dense_triangles
from redtrack.shape3d.visible import SEEN
from redtrack.tracks import FrameState, Tracks

__all__ = ["COLOURINGS", "LARGEST_SIZE", "MARK", "RED_AT", "Overlay", "Style", "View", "caption_height", "clock"]

COLOURINGS = ("confidence", "disagreement", "part", "face")

MARK = 0.05
"""Disagreement over eye distance above which a point gets a ring. By `benchmarks/disagreement.py` on 35 clips that is
5 points in 1,000, on 6 faces in 100; on the clips among them that have labels those points are 19 % off and more, where
the points whose estimates agree are 5 % off. At 0.03, 19 points in 1,000 would be ringed, on 1 face in 5."""

LARGEST_SIZE = 10  # of a style: its dots hide a face already

RED_AT = 0.06
"""The same that is drawn as no confidence at all, 3 points in 1,000; its half, 19 in 1,000, is yellow."""

_DOT = 0.016  # radius of a dot over the eye distance
_SMALLEST, _LARGEST = 1.0, 7.0  # px, radius of a dot

_LINE_STARTS = np.array([i for line, closed in LINES for i in (line if closed else line[:-1])])
_LINE_ENDS = np.array([i for line, closed in LINES for i in (line[1:] + line[:1] if closed else line[1:])])


@dataclass(frozen=True)
class Style:
    """What is drawn and how; raises UsageError for senseless values.

    colour: of the points, one of `COLOURINGS`; a file without confidence is coloured by part. mark: points whose
    disagreement is above this share of the eye distance get a ring, None for no rings. axes: those of the head. mesh:
    the 3D face's triangles. black: points on black in place of the picture. caption: frame number and time in the
    corner. size: of dots, lines and letters, 1 as it comes.
    """

    points: bool = True
    lines: bool = True
    boxes: bool = True
    ids: bool = True
    colour: str = "confidence"
    mark: float | None = MARK
    axes: bool = False
    mesh: bool = False
    black: bool = False
    caption: bool = False
    size: float = 1.0

    def __post_init__(self) -> None:
        if self.colour not in COLOURINGS:
            raise UsageError(f"colour is {self.colour!r}, none of {', '.join(COLOURINGS)}")
        if not 0 < self.size <= LARGEST_SIZE:
            raise UsageError(f"size is {self.size:g}, not above 0 and at most {LARGEST_SIZE}")
        if self.mark is not None and not self.mark >= 0:
            raise UsageError(f"mark is {self.mark:g}, below 0")


@dataclass(frozen=True)
class View:
    """The part of the frame that is shown: the frame's pixels from the corner x, y on, each `scale` px wide."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Returns view pixels (..., 2) of frame pixels (..., 2); both count from the centre of the top-left pixel."""
        seen: np.ndarray = (points.astype(np.float64) + 0.5 - [self.x, self.y]) * self.scale - 0.5
        return seen


class Overlay:
    """Draws tracks on their frames, one frame after the other or in any order."""

    def __init__(self, tracks: Tracks, style: Style | None = None) -> None:
        self.style = style or Style()
        bare = self.style.mesh and (tracks.pose is None or tracks.points3d is None)
        self.tracks = with_shape(tracks) if bare else tracks

    def rows(self, frame: int) -> range:
        """Returns the rows of a frame."""
        first, end = np.searchsorted(self.tracks.frame, [frame, frame + 1])
        return range(int(first), int(end))

    def draw(self, image: Image, frame: int, view: View | None = None) -> None:
        """Draws a frame's faces on its picture (H, W, 3), in place; on black the picture is blackened first."""
        if self.style.black:
            image[:] = 0
        for row in self.rows(frame):
            self._draw_face(image, row, view or View())
        if self.style.caption:
            self._draw_caption(image, frame)

    def _draw_face(self, image: Image, row: int, view: View) -> None:
        style, points = self.style, view(self.tracks.points[row])
        known = ~np.isnan(points[:, 0])
        radius = float(np.clip(self._eyes(row) * view.scale * _DOT, _SMALLEST, _LARGEST)) * style.size
        hue = c.face_colour(int(self.tracks.face[row]))
        box = view(self.tracks.boxes[row].reshape(2, 2)).ravel()
        if style.boxes:
            rectangle(image, box, max(radius * 0.5, 1), hue, 0.65)
        if style.mesh:
            self._draw_mesh(image, row, view, max(radius * 0.2, 0.4), hue)
        if style.lines:
            both = known[_LINE_STARTS] & known[_LINE_ENDS]
            starts, ends = points[_LINE_STARTS][both], points[_LINE_ENDS][both]
            capsules(image, starts, ends, max(radius * 0.35, 0.5), hue, 0.5)
        if style.points:
            dots(image, points[known], radius * 1.25 + 0.25, c.SHADOW, 0.5)
            dots(image, points[known], radius, self._point_colours(row)[known])
        if style.axes:
            self._draw_axes(image, row, view, max(radius * 0.6, 1.0))
        if style.mark is not None:
            doubtful = known & (self._relative_disagreement(row) > style.mark)
            rings(image, points[doubtful], radius * 2 + 1, max(radius * 0.6, 1.0), c.WARNING)
        if style.ids:
            height = caption_height(image) * style.size
            label(image, (box[0], box[1] - height * 1.8 - 1), self._words(row), height, hue)

    def _draw_mesh(self, image: Image, row: int, view: View, radius: float, hue: np.ndarray) -> None:
        """Draws the edges of the 3D face's triangles of which both ends are visible; none where the row has no pose."""
        pose, points3d = self.tracks.pose, self.tracks.points3d
        if pose is None or points3d is None or np.isnan(pose[row]).any():
            return
        places, seen = dense_points(points3d[[row]], pose[[row]])
        edges = _edges()[(seen[0][_edges()] == SEEN).all(axis=1)]
        ends = view(places[0])[edges]
        capsules(image, ends[:, 0], ends[:, 1], radius, hue, 0.55)

    def _draw_axes(self, image: Image, row: int, view: View, radius: float) -> None:
        """Draws where the head points: its x axis red, y green, and blue the way that it looks."""
        ends = view(self.tracks.head([row]).axes()[0])
        if np.isfinite(ends).all():
            for end, colour in zip(ends[1:], c.AXES, strict=True):
                capsules(image, ends[:1], end[None], radius, np.array(colour), 0.9)

    def _draw_caption(self, image: Image, frame: int) -> None:
        words = f"{frame}  {clock(self.tracks.times[frame])}" if frame < self.tracks.frames else f"{frame}"
        state = FrameState(self.tracks.frame_state[frame]) if frame < self.tracks.frames else FrameState.OK
        words += f"  {state.name.lower()}" if state != FrameState.OK else ""
        height = caption_height(image) * self.style.size
        label(image, (0, image.shape[0]), words, height, c.INK if state == FrameState.OK else c.WARNING)

    def _words(self, row: int) -> str:
        """Returns what stands beside a face: its id and its mean confidence, where that is known."""
        confidence = float(known_mean(self.tracks.scores[row]))
        return f"{self.tracks.face[row]}" + ("" if np.isnan(confidence) else f"  {confidence:.2f}")

    def _relative_disagreement(self, row: int) -> np.ndarray:
        """Returns (68,): disagreement over eye distance, 0 where unknown."""
        relative: np.ndarray = np.nan_to_num(self.tracks.disagreement[row]) / self._eyes(row)
        return relative

    def _eyes(self, row: int) -> float:
        """Returns the eye distance in px, or a third of the box's width where the face lacks an eye corner."""
        eyes, box = float(eye_distance(self.tracks.points[row])), self.tracks.boxes[row]
        return max(float(box[2] - box[0]) / 3 if np.isnan(eyes) else eyes, 1.0)  # px: no face is smaller

    def _point_colours(self, row: int) -> np.ndarray:
        """Returns the colours (68, 3) of a row's points."""
        colour, scores = self.style.colour, self.tracks.scores[row]
        if colour == "disagreement" and not np.isnan(self.tracks.disagreement[row]).all():
            return c.confidence_colours(1 - self._relative_disagreement(row) / RED_AT)
        if colour == "confidence" and not np.isnan(scores).all():
            return c.confidence_colours(np.nan_to_num(scores))
        if colour == "face":
            return np.broadcast_to(c.face_colour(int(self.tracks.face[row])), (len(scores), 3))
        return c.PART_COLOURS


@cache
def _edges() -> np.ndarray:
    """Returns (E, 2), the numbers of the dense points that the mesh's edges join."""
    triangles = dense_triangles()
    sides = np.concatenate([triangles[:, pair] for pair in ((0, 1), (1, 2), (2, 0))])
    return np.unique(np.sort(sides, axis=1), axis=0)


def caption_height(image: Image) -> float:
    """Returns the height of capitals in px that suits a picture's size: 9 at 360 lines, 19 at 1080."""
    return float(max(7.0, 4 + min(image.shape[:2]) * 0.0139))


def clock(seconds: float) -> str:
    """Returns a time as minutes and seconds with milliseconds: 75.5 is 1:15.500."""
    thousandths = round(float(seconds) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{rest // 1000:02d}.{rest % 1000:03d}"
