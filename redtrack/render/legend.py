"""What the colours and rings of a contact sheet mean, on one line of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from redtrack.render import colours
from redtrack.render.draw import Image, capsules, dots, rings
from redtrack.render.overlay import RED_AT, Style
from redtrack.render.text import text, text_width
from redtrack.tracks import Tracks

__all__ = ["Mark", "draw_legend", "marks_of"]

RING = None
_RAMP = 12  # colours of a scale
_PARTS = {"jaw": 0, "brows": 17, "nose": 27, "eyes": 36, "mouth": 48}  # a point of each


@dataclass(frozen=True)
class Mark:
    """One sign and its words. colours: (n, 3), one for a dot, several for a scale; None is the ring."""

    words: str
    colours: np.ndarray | None = RING


def marks_of(tracks: Iterable[Tracks], style: Style) -> list[Mark]:
    """Returns what there is to explain of tracks that are drawn in a style."""
    tracks = list(tracks)
    apart = any(not np.isnan(one.disagreement).all() for one in tracks)
    scored = any(not np.isnan(one.scores).all() for one in tracks)
    marks = _points(style, scored, apart) if style.points else []
    if style.axes:
        names = "head's x axis", "y axis", "the way it looks"
        marks += [Mark(name, np.array([colour])) for name, colour in zip(names, colours.AXES, strict=True)]
    if style.mark is not None and apart:
        marks.append(Mark(f"the two directions in time are over {100 * style.mark:g} % of the eye distance apart"))
    return marks


def _points(style: Style, scored: bool, apart: bool) -> list[Mark]:
    """Returns the marks of the points' colours, as `Overlay` chooses them."""
    ramp = colours.confidence_colours(np.linspace(0, 1, _RAMP))
    if style.colour == "confidence" and scored:
        return [Mark("confidence 0 to 1", ramp)]
    if style.colour == "disagreement" and apart:
        return [Mark(f"the two directions in time are {100 * RED_AT:g} % of the eye distance apart, to none", ramp)]
    if style.colour == "face":
        return [Mark("each face has its colour", colours.FACE_COLOURS)]
    return [Mark(name, colours.PART_COLOURS[[index]]) for name, index in _PARTS.items()]


def draw_legend(image: Image, at: tuple[float, float], marks: Sequence[Mark], height: float) -> None:
    """Draws marks side by side, their capitals `height` px tall, from the top left corner x, y; smaller if need be."""
    room = image.shape[1] - 2 * at[0]
    wide = sum(_width(mark, height) for mark in marks)
    height = min(height, height * room / wide) if wide else height
    x, y = at[0], at[1] + height / 2
    for mark in marks:
        _draw_sign(image, (x + height / 2, y), mark.colours, height)
        text(image, (x + _sign_width(mark, height), y - height / 2), mark.words, height, colours.INK)
        x += _width(mark, height)


def _width(mark: Mark, height: float) -> float:
    return _sign_width(mark, height) + text_width(mark.words, height) + 2 * height


def _sign_width(mark: Mark, height: float) -> float:
    count = 1 if mark.colours is None else len(mark.colours)
    return height * (1.6 + count / 2 - (count == 1) / 2)


def _draw_sign(image: Image, at: tuple[float, float], shown: np.ndarray | None, height: float) -> None:
    """Draws a ring, a dot, or a row of dots that run into one another."""
    if shown is None:
        rings(image, [at], height / 2, max(height / 6, 1.0), colours.WARNING)
        return
    centres = np.array(at) + np.stack([np.arange(len(shown)) * height / 2, np.zeros(len(shown))], axis=-1)
    if len(shown) == 1:
        dots(image, centres, height / 2, shown)
    else:
        capsules(image, centres, centres + [height / 2, 0], height / 3, shown)
