"""Contact sheets: some frames of a video in one picture, with the tracks drawn on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redtrack.errors import UsageError
from redtrack.geometry import landmark_box
from redtrack.render import colours
from redtrack.render.draw import Image
from redtrack.render.film import check_fit, frames_of
from redtrack.render.legend import Mark, draw_legend, marks_of
from redtrack.render.overlay import Overlay, Style, View, caption_height
from redtrack.render.text import label, text
from redtrack.tracks import Tracks
from redtrack.video import Video

__all__ = ["CLOSE_UP", "Cell", "arrange", "cell_size", "contact_sheet", "draw_cells", "even_frames", "fit"]

WIDTH = 1920  # px of a sheet
CLOSE_UP = 5 / 4  # shape of a cell that shows one face
_TALLEST = 1 / 4  # shape of the tallest cell
_GAP = 6  # px between cells
_SHAPE_COUNTS = 1.5  # empty cells that one column off the best shape is worth
_HEAD = 16  # px, height of the title's capitals
_GROUND = (24, 26, 30)
_AROUND = 1.7  # side of a close-up over that of the faces' landmark box


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet: the frame, the face that it is about (None: the whole frame), and a line below it."""

    frame: int
    face: int | None = None
    words: str = ""


def even_frames(frames: int, count: int) -> list[int]:
    """Returns up to `count` frames spread evenly over a video of `frames` frames, each the middle of its share."""
    count = min(count, frames)
    return [int((k + 0.5) * frames / count) for k in range(count)]


def contact_sheet(
    source: Video, tracks: Tracks, cells: Sequence[Cell], title: str, style: Style | None = None, width: int = WIDTH
) -> Image:
    """Returns the picture (H, width, 3) of cells in order; decodes the video up to the last frame that is shown."""
    close = any(cell.face is not None for cell in cells)
    shape = CLOSE_UP if close else max(source.info.width / source.info.height, _TALLEST)
    size = cell_size(len(cells), shape, width)
    style = style or Style(caption=True)
    return arrange(draw_cells(source, tracks, cells, style, size), title, width, marks_of([tracks], style))


def cell_size(count: int, shape: float, width: int = WIDTH) -> tuple[int, int]:
    """Returns width and height in px of each of `count` cells of a shape (width over height)."""
    across = (width - _GAP) // columns(count, shape) - _GAP
    return across, max(round(across / shape), 1)


def columns(count: int, shape: float) -> int:
    """Returns how many cells of a shape (width over height) stand side by side, for a full sheet of about 16 to 10."""
    best = math.sqrt(count * 1.6 / shape)
    choices = range(max(1, round(best) - 1), min(count, round(best) + 1) + 1)
    return min(choices, default=1, key=lambda across: (-count) % across + _SHAPE_COUNTS * abs(across - best))


def draw_cells(
    source: Video, tracks: Tracks, cells: Sequence[Cell], style: Style, size: tuple[int, int]
) -> list[Image]:
    """Returns a picture (height, width, 3) of `size` (width, height) for each cell, black where there is no frame."""
    check_fit(tracks, source.info)
    overlay = Overlay(tracks, style)
    pictures = [np.zeros((size[1], size[0], 3), np.uint8) for _ in cells]
    for frame in frames_of(source, sorted({cell.frame for cell in cells})):
        for index, cell in enumerate(cells):
            if cell.frame == frame.index:
                pictures[index] = _draw_cell(frame.image, overlay, cell, size)
    return pictures


def _draw_cell(image: Image, overlay: Overlay, cell: Cell, size: tuple[int, int]) -> Image:
    box = _shown(image, overlay, cell, size)
    picture, view = fit(image, box, size)
    rows = [row for row in overlay.rows(cell.frame) if cell.face in (None, int(overlay.tracks.face[row]))]
    Overlay(overlay.tracks.select(np.array(rows, int)), overlay.style).draw(picture, cell.frame, view)
    if cell.words:
        label(picture, (0, 0), cell.words, caption_height(picture) * overlay.style.size, colours.INK)
    return picture


def _shown(image: Image, overlay: Overlay, cell: Cell, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns x0 y0 x1 y1 (exclusive) of the frame's pixels that a cell shows: the face and around it, or all."""
    height, width = image.shape[:2]
    faces = [row for row in overlay.rows(cell.frame) if int(overlay.tracks.face[row]) == cell.face]
    if not faces:
        return 0, 0, width, height
    x0, y0, x1, y1 = landmark_box(overlay.tracks.points[faces[0]].astype(np.float64))
    tall = max(y1 - y0, (x1 - x0) * size[1] / size[0], 8) * _AROUND
    tall = min(tall, height, width * size[1] / size[0])
    wide = tall * size[0] / size[1]
    left = min(max((x0 + x1 - wide) / 2, 0), width - wide)
    top = min(max((y0 + y1 - tall) / 2, 0), height - tall)
    return round(left), round(top), max(round(left + wide), 1), max(round(top + tall), 1)


def fit(image: Image, box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[Image, View]:
    """Returns the box's pixels as a picture of `size` (width, height) on black, and where the frame's pixels went."""
    import av

    x0, y0, x1, y1 = box
    scale = min(size[0] / (x1 - x0), size[1] / (y1 - y0))
    wide, tall = max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1)
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    way = "AREA" if scale < 1 else "BICUBIC"
    resized = av.VideoFrame.from_ndarray(part, format="rgb24").reformat(wide, tall, interpolation=way)
    left, top = (size[0] - wide) // 2, (size[1] - tall) // 2
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[top : top + tall, left : left + wide] = resized.to_ndarray(format="rgb24")
    return picture, View(x0 - left / scale, y0 - top / scale, scale)


def arrange(pictures: Sequence[Image], title: str, width: int = WIDTH, marks: Sequence[Mark] = ()) -> Image:
    """Returns the pictures, all of one size, in rows under a title and what the marks on them mean.

    Raises UsageError where there is none.
    """
    if not pictures:
        raise UsageError("there is no frame to show")
    tall, wide = pictures[0].shape[:2]
    across = max((width - _GAP) // (wide + _GAP), 1)
    rows = math.ceil(len(pictures) / across)
    head = round(_HEAD * (2.4 + (1.6 if marks else 0)))
    sheet = np.empty((head + rows * (tall + _GAP), width, 3), np.uint8)
    sheet[:] = _GROUND
    text(sheet, (_GAP + 2, _HEAD * 0.7), title, _HEAD, colours.INK)
    draw_legend(sheet, (_GAP + 2, _HEAD * 2.4), marks, _HEAD * 0.75)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, across)
        y, x = head + row * (tall + _GAP), _GAP + column * (wide + _GAP)
        sheet[y : y + tall, x : x + wide] = picture
    return sheet
