"""Text on pictures in a small font of strokes, which is sharp at every size.

A glyph is some polylines on a grid of digits: x to the right from 0, y down from 0 at the top of capitals, 2 at that of
small letters, 6 on the baseline, 8 at the bottom of descenders. "1620" is the stroke from (1, 6) to (2, 0).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from redtrack.render.draw import Image, capsules, darken

__all__ = ["GLYPHS", "label", "text", "text_width"]

_BASELINE = 6
_GAP = 2  # grid steps between two glyphs
_SPACE = 1  # width of a blank
_UNKNOWN = "0040460600"  # an empty frame stands for what the font lacks

GLYPHS: dict[str, str] = {
    "0": "103041453616050110", "1": "112026 1636", "2": "01103041420646", "3": "0110304142334445361605 1333",
    "4": "36300444", "5": "400002324345361605", "6": "413010010516364544331304", "7": "004016",
    "8": "103041423313020110 1304051636454433", "9": "423313020110304145361605",
    "A": "062046 1333", "B": "06003041423303 3344453606", "C": "4130100105163645", "D": "00204244260600",
    "E": "40000646 0333", "F": "400006 0333", "G": "41301001051636454323", "H": "0006 4046 0343",
    "I": "0020 1016 0626", "J": "4045361605", "K": "0006 400346", "L": "000646", "M": "0600234046",
    "N": "06004640", "O": "103041453616050110", "P": "06003041423303", "Q": "103041453616050110 2446",
    "R": "06003041423303 2346", "S": "413010010213334445361605", "T": "0040 2026", "U": "000516364540",
    "V": "002640", "W": "0016233640", "X": "0046 4006", "Y": "002340 2326", "Z": "00400646",
    "a": "4246 4332120305163645", "b": "0006 0312324345361605", "c": "4332120305163645",
    "d": "4046 4332120305163645", "e": "04444332120305163645", "f": "30201116 0232",
    "g": "4247381807 4332120305163645", "h": "0006 0312324346", "i": "0206 0000", "j": "121708 1010",
    "k": "0006 320436", "l": "000516", "m": "0206 03122326 23324346", "n": "0206 0312324346",
    "o": "123243453616050312", "p": "0208 0312324345361605", "q": "4248 4332120305163645", "r": "0206 031232",
    "s": "43321203143445361605", "t": "10152636 0232", "u": "0205163645 4246", "v": "022642",
    "w": "0216233642", "x": "0246 4206", "y": "0226 4218", "z": "02420646",
    ".": "0606", ",": "1607", ":": "0303 0606", ";": "1313 1607", "-": "0333", "+": "0343 2125", "=": "0232 0434",
    "/": "0640", "\\": "0046", "%": "0640 0010110100 3545463635", "(": "10010516", ")": "00111506", "[": "10000616",
    "]": "00101606", "#": "1016 3036 0242 0444", "_": "0646", "'": "0002", '"': "0002 2022", "?": "01103041422324 2626",
    "!": "0004 0606", "<": "310335", ">": "013305", "|": "0007", "*": "1115 0214 0412", "~": "03122332",
    "°": "1021120110", "·": "0404", "–": "0343", "—": "0353", "×": "0236 3206", " ": "",
}  # fmt: skip


def text(image: Image, at: tuple[float, float], words: str, height: float, colour: ArrayLike) -> float:
    """Draws a line of text, its capitals `height` px tall, from the top left corner x, y; returns its width in px."""
    starts, ends = _strokes(words)
    unit = height / _BASELINE
    offset = np.array(at, np.float64)
    capsules(image, starts * unit + offset, ends * unit + offset, _stroke_width(height) / 2, colour)
    return text_width(words, height)


def text_width(words: str, height: float) -> float:
    """Returns how wide the text is in px, capitals being `height` px tall."""
    advance = sum(_width(character) + _GAP for character in words)
    return max(advance - _GAP, 0) * height / _BASELINE


def label(image: Image, at: tuple[float, float], words: str, height: float, colour: ArrayLike) -> None:
    """Draws text on a darkened ground with its corner at x, y, or as close as it must be to lie in the picture."""
    pad = max(height * 0.4, 2)
    size = np.array([text_width(words, height), height]) + 2 * pad
    room = np.array(image.shape[1::-1]) - size - 1
    x, y = np.clip(np.round(at), 0, np.maximum(room, 0))
    darken(image, (x, y, x + size[0], y + size[1]))
    text(image, (x + pad, y + pad), words, height, colour)


def _stroke_width(height: float) -> float:
    return max(height / 7, 1.1)


@lru_cache(maxsize=512)
def _strokes(words: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns starts (N, 2) and ends (N, 2) of all strokes of a line of text, in grid steps."""
    pieces, x = [np.zeros((0, 2, 2))], 0
    for character in words:
        pieces.extend(_segments(stroke) + [x, 0] for stroke in _glyph(character).split())
        x += _width(character) + _GAP
    joined = np.concatenate(pieces)
    return joined[:, 0], joined[:, 1]


def _segments(stroke: str) -> np.ndarray:
    """Returns (k, 2, 2): from where to where each segment of a stroke goes."""
    points = np.array([int(digit) for digit in stroke], np.float64).reshape(-1, 2)
    return np.stack([points[:-1], points[1:]], axis=1)


def _glyph(character: str) -> str:
    return GLYPHS.get(character, _UNKNOWN)


def _width(character: str) -> int:
    strokes = _glyph(character).replace(" ", "")
    return max((int(x) for x in strokes[::2]), default=_SPACE)
