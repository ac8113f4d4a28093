"""Windows wait for their neighbours, and their points do not depend on the order in which they come."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from evidence import made_evidence, untrained

from redtrack.geometry import CropTransform
from redtrack.inference.options import Options
from redtrack.inference.stitch import Ties, in_frame
from redtrack.inference.windows import Window

SIZE = 128


def window(first: int, n: int = 10, face: int = 0, fresh: bool = False, slant: float = 0.0) -> Window:
    """A window whose crops move evenly through the frames; `slant` turns them aside, as a second look does."""
    frames = np.arange(first, first + n)
    crop = CropTransform(
        np.stack([200.0 + 2 * frames, 100.0 + frames], 1) + 3 * slant, np.full(n, 90.0), np.full(n, slant), SIZE
    )
    return Window(face, first, np.zeros((n, 4), np.float32), np.zeros(n, np.uint8), crop, fresh=fresh)


def seen(of: Window, evidence: np.ndarray, score: float = 0.9) -> tuple:
    """What `add` takes: the window, what the network says at first, and its evidence."""
    evidence = evidence.copy()
    evidence[..., 2] = score
    points = evidence[..., :2].mean(1) * SIZE
    return of, in_frame(of, points, evidence[..., 2].mean(1), np.zeros(points.shape[:2])), evidence


def made(options: Options | None = None) -> Ties:
    return Ties(SimpleNamespace(recurrence=untrained(), crop_size=SIZE), options or Options())  # type: ignore[arg-type]


def track() -> list[Window]:
    return [window(0, fresh=True), window(10), window(20), window(30, 6)]


def goes_on(_: int, frame: int) -> bool:
    return frame < 36


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_the_order_of_arrival_changes_nothing(order):
    """Every window comes back once, with the same points, whichever came first."""
    evidence, windows = made_evidence(36), track()
    straight, turned = {}, {}
    for out, way in ((straight, range(4)), (turned, order)):
        ties = made()
        ties.expect(windows)
        for k in way:
            ties.add(*seen(windows[k], evidence[windows[k].frames]))
            for back, found in ties.ready(goes_on):
                assert back.first not in out
                out[back.first] = found.points
    assert set(turned) == {0, 10, 20, 30}
    assert all(np.array_equal(straight[first], turned[first]) for first in straight)


def test_a_window_waits_until_its_neighbours_are_known():
    """It comes back when the one after it was seen, or when the face is known to have ended."""
    ties, evidence = made(), made_evidence(36)
    first, second = window(0, fresh=True), window(10)
    ties.expect([first])
    ties.add(*seen(first, evidence[:10]))
    assert ties.ready(lambda *_: None) == [] and ties.ready(lambda *_: True) == []
    ties.expect([second])
    assert ties.ready(lambda *_: True) == []
    ties.add(*seen(second, evidence[10:20]))
    assert [w.first for w, _ in ties.ready(lambda *_: True)] == [0]
    assert [w.first for w, _ in ties.ready(lambda *_: False)] == [10]


def test_no_border_is_seen_in_frame_pixels():
    """Points in the frame move as evenly over the borders as inside the windows, second look or not."""
    evidence = made_evidence(36)
    evidence[..., :2] = made_evidence(36)[:1, :1, :, :2]  # a face that is still in its crops
    for slant in (0.0, 0.1):
        windows = track()
        windows[1] = window(10, slant=slant)
        seen_from = evidence.copy()
        plain = window(10).crop
        inside = windows[1].crop.to_crop(plain.to_frame(evidence[10:20, 0, :, :2] * SIZE)) / SIZE
        seen_from[10:20, :, :, :2] = inside[:, None]
        ties = made()
        ties.expect(windows)
        for each in windows:
            ties.add(*seen(each, seen_from[each.frames]))
        back = sorted(ties.ready(goes_on), key=lambda pair: pair[0].first)
        points = np.concatenate([found.points for _, found in back])
        assert np.abs(np.diff(points, 2, axis=0)).max() < 0.01


def test_a_neighbour_that_is_no_face_tells_nothing():
    """Beside a window that is not believed, points are those of a track's end."""
    evidence = made_evidence(20)
    ends = []
    for score in (0.2, None):
        ties = made()
        windows = [window(0, fresh=True), window(10)][: 2 if score else 1]
        ties.expect(windows)
        for each in windows:
            ties.add(*seen(each, evidence[each.frames], score if each.first else 0.9))
        back = dict((w.first, found.points) for w, found in ties.ready(lambda *_: False))
        ends.append(back[0])
    assert np.array_equal(*ends)


def test_what_does_not_recur_does_not_wait():
    """Single frames, the tracking protocol and networks without LSTM come back at once as they were."""
    for options, ways in ((Options(protocol="tracking"), 2), (Options(), 0)):
        ties = made(options)
        ties.expect([window(0)])
        of, found, evidence = seen(window(0), made_evidence(10))
        ties.add(of, found, evidence[:, :ways])
        assert [w.first for w, _ in ties.ready(lambda *_: None)] == [0]


def test_memory_stays_small():
    """Of a long track only the windows are kept that a window to come can need."""
    ties = made()
    for first in range(0, 500, 10):
        each = window(first, fresh=first == 0)
        ties.expect([each])
        ties.add(*seen(each, made_evidence(10)))
        ties.ready(lambda *_: True)
        assert len(ties._seen) <= 3
