"""Windows wait for their neighbours, and their points do not depend on the order in which they come."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from evidence import made_evidence, untrained

from redtrack.faces.rows import FaceBoxes
from redtrack.geometry import CropTransform
from redtrack.inference.options import Options
from redtrack.inference.rows import in_frame
from redtrack.inference.stitch import Stitcher
from redtrack.inference.windows import FaceRuns, Stage, Window, WindowEntry

SIZE = 128


def window(first: int, n: int = 10, slant: float = 0.0) -> Window:
    """A window whose crops move evenly through the frames; `slant` turns them aside, as a second look does."""
    frames = np.arange(first, first + n)
    crop = CropTransform(
        np.stack([200.0 + 2 * frames, 100.0 + frames], 1) + 3 * slant, np.full(n, 90.0), np.full(n, slant), SIZE
    )
    return Window(0, first, np.zeros((n, 4), np.float32), np.zeros(n, np.uint8), crop)


def see(entry: WindowEntry, of: Window, evidence: np.ndarray, score: float = 0.9) -> None:
    """Gives the entry what the network says of a window."""
    evidence = evidence.copy()
    evidence[..., 2] = score
    points = evidence[..., :2].mean(1) * SIZE if evidence.shape[1] else np.zeros((len(of), 68, 2))
    scores = np.full(points.shape[:2], score)
    entry.see(of, in_frame(of.crop, points, scores, np.zeros(points.shape[:2])), evidence)


def made(options: Options | None = None) -> Stitcher:
    return Stitcher(SimpleNamespace(recurrence=untrained(), crop_size=SIZE), options or Options())  # type: ignore[arg-type]


def track(frames: int = 36, ended: bool = True) -> tuple[list[WindowEntry], FaceRuns]:
    """The windows of a face of so many frames, and its runs; whether it is known to have ended."""
    runs = FaceRuns(10, SIZE)
    n = np.arange(frames)
    boxes = np.tile(np.array([0, 0, 9, 9], np.float32), (frames, 1))
    rows = FaceBoxes(n, np.zeros(frames, np.int32), boxes, np.zeros(frames, np.uint8), np.ones(frames, np.float32))
    return runs.push(rows, frames + ended), runs


def final(stitcher: Stitcher, runs: FaceRuns) -> dict[int, np.ndarray]:
    """The points of the windows that become final now, by first frame."""
    points = {}
    for entry, found in stitcher.final(runs):
        points[entry.window.first] = found.points
        entry.stage = Stage.FINAL
    runs.forget()
    return points


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_the_order_of_arrival_changes_nothing(order):
    """Every window becomes final once, with the same points, whichever came first."""
    evidence, ways = made_evidence(36), []
    for way in (range(4), order):
        stitcher, (entries, runs), out = made(), track(), {}
        for k in way:
            see(entries[k], window(10 * k, len(entries[k].window)), evidence[entries[k].window.frames])
            new = final(stitcher, runs)
            assert not out.keys() & new.keys()
            out |= new
        ways.append(out)
    assert set(ways[1]) == {0, 10, 20, 30}
    assert all(np.array_equal(ways[0][first], ways[1][first]) for first in ways[0])


def test_a_window_waits_until_its_neighbours_are_known():
    """It becomes final when the one after it was seen, or when the face is known to have ended."""
    stitcher, evidence = made(), made_evidence(20)
    (first, second), runs = track(20, ended=False)
    see(first, window(0), evidence[:10])
    assert final(stitcher, runs) == {}
    see(second, window(10), evidence[10:])
    assert set(final(stitcher, runs)) == {0}
    runs.finish()
    assert set(final(stitcher, runs)) == {10}


def test_no_border_is_seen_in_frame_pixels():
    """Points in the frame move as evenly over the borders as inside the windows, second look or not."""
    evidence = made_evidence(36)
    evidence[..., :2] = made_evidence(36)[:1, :1, :, :2]  # a face that is still in its crops
    for slant in (0.0, 0.1):
        entries, runs = track()
        turned = window(10, slant=slant)
        seen_from = evidence.copy()
        inside = turned.crop.to_crop(window(10).crop.to_frame(evidence[10:20, 0, :, :2] * SIZE)) / SIZE
        seen_from[10:20, :, :, :2] = inside[:, None]
        for entry, each in zip(entries, [window(0), turned, window(20), window(30, 6)], strict=True):
            see(entry, each, seen_from[each.frames])
        points = np.concatenate([found for _, found in sorted(final(made(), runs).items())])
        assert np.abs(np.diff(points, 2, axis=0)).max() < 0.01


def test_a_neighbour_that_is_no_face_tells_nothing():
    """Beside a window that is not believed, points are those of a track's end."""
    evidence, ends = made_evidence(20), []
    for frames in (20, 10):
        entries, runs = track(frames)
        for entry, score in zip(entries, (0.9, 0.2), strict=False):
            see(entry, window(entry.window.first), evidence[entry.window.frames], score)
        ends.append(final(made(), runs)[0])
    assert np.array_equal(*ends)


def test_what_does_not_recur_does_not_wait():
    """Single frames, the tracking protocol and networks without LSTM are final at once as they were."""
    for options, ways in ((Options(protocol="tracking"), 2), (Options(), 0)):
        (entry,), runs = track(10, ended=False)
        see(entry, window(0), made_evidence(10)[:, :ways])
        assert set(final(made(options), runs)) == {0}
