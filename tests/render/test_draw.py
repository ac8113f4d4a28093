"""What is drawn lies where it should: dots, lines, letters, at fractions of a pixel and at the picture's edge."""

from __future__ import annotations

import av
import numpy as np
import pytest

from redtrack.errors import OutputError
from redtrack.render import colours
from redtrack.render.draw import capsules, darken, dots, polyline, rectangle, rings
from redtrack.render.png import encode_png, write_png
from redtrack.render.text import GLYPHS, label, text, text_width
from redtrack.video import read_picture

WHITE = (255, 255, 255)


def black(height: int = 40, width: int = 60) -> np.ndarray:
    """Returns a black picture."""
    return np.zeros((height, width, 3), np.uint8)


def centroid(image: np.ndarray) -> np.ndarray:
    """Returns x, y of the centre of all light in a picture."""
    light = image.astype(float).sum(axis=-1)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum()


@pytest.mark.parametrize("radius", [0.8, 1.25, 3.0, 6.5])
@pytest.mark.parametrize("at", [(20.0, 20.0), (20.5, 19.5), (23.21, 17.84), (30.99, 20.01)])
def test_dot_is_centred_on_its_point(at: tuple[float, float], radius: float) -> None:
    """The light of a dot is centred within a twentieth of a pixel of where it was asked for."""
    image = black()
    dots(image, [at], radius, WHITE)
    assert np.abs(centroid(image) - at).max() < 0.05


@pytest.mark.parametrize("radius", [1.5, 3.0, 8.0])
def test_dot_has_the_area_of_its_circle(radius: float) -> None:
    """Coverage adds up to pi r squared: the edge is antialiased."""
    image = black()
    dots(image, [(30.3, 20.6)], radius, WHITE)
    assert image[..., 0].sum() / 255 == pytest.approx(np.pi * radius**2, rel=0.05)


@pytest.mark.parametrize("end", [(50.0, 10.0), (50.0, 30.0), (12.0, 33.0), (10.0, 5.0), (35.0, 35.0)])
@pytest.mark.parametrize("width", [1.0, 2.0, 5.0])
def test_line_has_its_width_in_every_direction(end: tuple[float, float], width: float) -> None:
    """A line covers length times width, and its round ends, whichever way it runs."""
    image = black()
    polyline(image, [(10.0, 10.0), end], width, WHITE)
    area = np.hypot(end[0] - 10, end[1] - 10) * width + np.pi * (width / 2) ** 2
    assert image[..., 0].sum() / 255 == pytest.approx(area, rel=0.15 if width == 1 else 0.08)
    assert np.abs(centroid(image) - (np.array([10, 10]) + end) / 2).max() < 0.1


def test_line_has_no_holes() -> None:
    """Along a diagonal every step from end to end is fully covered."""
    image = black()
    polyline(image, [(5.0, 5.0), (50.0, 32.0)], 3, WHITE)
    for t in np.linspace(0, 1, 100):
        x, y = 5 + 45 * t, 5 + 27 * t
        assert image[round(y), round(x), 0] > 200


def test_closed_line_joins_its_ends() -> None:
    """A closed triangle has its third side."""
    image, opened = black(), black()
    corners = [(10.0, 5.0), (40.0, 5.0), (40.0, 30.0)]
    polyline(image, corners, 2, WHITE, closed=True)
    polyline(opened, corners, 2, WHITE)
    assert image[17, 25, 0] > 200 and opened[17, 25, 0] == 0


def test_crossing_lines_of_one_call_do_not_add_up() -> None:
    """A translucent cross is nowhere brighter than its lines."""
    image = black()
    capsules(image, [(10, 20), (30, 5)], [(50, 20), (30, 35)], 1.5, WHITE, 0.5)
    assert image.max() == 128


def test_opacity_blends_with_the_ground() -> None:
    """Half a white over a grey of 100 is 178."""
    image = np.full((40, 60, 3), 100, np.uint8)
    dots(image, [(30, 20)], 5, WHITE, 0.5)
    assert (image[20, 30] == 178).all() and (image[5, 5] == 100).all()


@pytest.mark.parametrize("at", [(-2.0, 20.0), (30.0, -1.0), (60.5, 20.0), (30.0, 41.0)])
def test_dots_are_cut_off_at_the_edge(at: tuple[float, float]) -> None:
    """A dot across the edge is drawn as far as there is a picture, and does not come in on the other side."""
    image = black()
    dots(image, [at], 4, WHITE)
    drawn = np.argwhere(image[..., 0])
    assert len(drawn)
    assert (np.abs(drawn - [at[1], at[0]]).max(axis=1) <= 5).all()


def test_far_and_unknown_points_draw_nothing() -> None:
    """Points at the end of the world, infinite ones and NaN cost nothing and draw nothing."""
    image = black()
    dots(image, [(1e9, 0), (np.nan, 3), (0, -np.inf), (-500, -500)], 4, WHITE)
    polyline(image, [(np.nan, 0), (30, 20)], 3, WHITE)
    dots(image, np.zeros((0, 2)), 4, WHITE)
    assert not image.any()


def test_each_dot_has_its_own_colour_and_size() -> None:
    """Radius and colour may be given point by point."""
    image = black()
    dots(image, [(10, 20), (40, 20)], [2, 6], [(255, 0, 0), (0, 0, 255)])
    assert image[20, 10].tolist() == [255, 0, 0] and image[20, 40].tolist() == [0, 0, 255]
    assert not image[24, 10].any() and image[24, 40].any()


def test_rectangle_and_rings_are_hollow() -> None:
    """Lines go around, the inside stays as it was."""
    image = black()
    rectangle(image, (10, 10, 30, 30), 1, WHITE)
    rings(image, [(45, 20)], 8, 1.5, WHITE)
    assert image[10, 20, 0] == image[20, 30, 0] == 255 and not image[20, 20].any()
    assert image[20, 53, 0] > 200 and image[12, 45, 0] > 200 and not image[20, 45].any()


def test_darken_stays_inside() -> None:
    """Only the box is darkened, cut off where the picture ends."""
    image = np.full((40, 60, 3), 200, np.uint8)
    darken(image, (50, 30, 90, 90), 0.5)
    assert image[35, 55, 0] == 100 and image[29, 55, 0] == 200
    darken(image, (-30, -30, -5, -5))
    assert image[0, 0, 0] == 200


def test_every_printable_ascii_letter_and_digit_has_a_glyph() -> None:
    """Letters, digits and the marks that captions need are there, each drawn by more than nothing."""
    wanted = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-+=/%()[]#_'\"?!<>"
    assert not set(wanted) - set(GLYPHS)
    shapes = {glyph for name, glyph in GLYPHS.items() if name not in "O0"}
    assert len(shapes) == len(GLYPHS) - 2, "two letters look alike"
    for strokes in GLYPHS.values():
        assert all(len(stroke) % 2 == 0 and len(stroke) >= 4 and stroke.isdigit() for stroke in strokes.split())


def test_text_is_as_wide_as_told() -> None:
    """What is drawn lies between the left edge and the width, and between the top and the descenders."""
    image = black(60, 400)
    width = text(image, (20, 20), "frame 12gy", 18, WHITE)
    assert width == text_width("frame 12gy", 18)
    y, x = np.nonzero(image[..., 0])
    assert 17 <= x.min() <= 22 and 20 + width - 3 <= x.max() <= 20 + width + 3
    assert y.min() >= 18 and y.max() <= 20 + 18 * 8 / 6 + 3


def test_unknown_letters_are_an_empty_frame() -> None:
    """A letter that the font lacks leaves a mark, not a hole."""
    image = black()
    text(image, (10, 10), "漢", 12, WHITE)
    assert image.any()


def test_label_is_moved_into_the_picture() -> None:
    """A label that would begin outside is shown whole."""
    for at in [(-50.0, -50.0), (500.0, 500.0), (30.0, -3.0)]:
        image = np.full((60, 200, 3), 255, np.uint8)
        label(image, at, "0  0.91", 9, (0, 0, 0))
        assert (image < 250).sum() > 0.8 * 3 * (text_width("0  0.91", 9) + 6) * 16


def test_confidence_colours_run_from_red_to_cyan() -> None:
    """Low confidence is reddish, high is blue-green, and values outside 0 to 1 are taken as the nearest."""
    low, high = colours.confidence_colours(np.array([-1.0, 2.0]))
    assert low[0] > 200 > low[1] and high[2] > 200 > high[0]
    assert (colours.confidence_colours(np.array([0.0]))[0] == low).all()


def test_face_colours_come_round() -> None:
    """Neighbouring ids differ, and any id has a colour."""
    seen = {tuple(colours.face_colour(face)) for face in range(8)}
    assert len(seen) == 8
    assert tuple(colours.face_colour(1_000_003)) in seen


def test_png_comes_back_as_it_was(tmp_path) -> None:
    """PNG is without loss, odd sizes included."""
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    write_png(tmp_path / "a.png", image)
    assert (read_picture(tmp_path / "a.png") == image).all()
    assert encode_png(image)[:8] == b"\x89PNG\r\n\x1a\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    with av.open(str(tmp_path / "a.png")) as container:
        assert container.streams.video[0].width == 53


def test_png_that_cannot_be_written_says_so(tmp_path) -> None:
    """A folder that is not there is an OutputError with the path."""
    with pytest.raises(OutputError, match="a.png"):
        write_png(tmp_path / "no" / "a.png", black())
