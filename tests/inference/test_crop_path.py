"""Crops move smoothly along a face, over the borders of its windows."""

import numpy as np

from redtrack.faces.rows import FaceBoxes
from redtrack.geometry import CropTransform
from redtrack.inference.crop_path import found_key, plan_crops, through
from redtrack.inference.windows import FaceRuns, Window, WindowEntry
from redtrack.points import MEAN_SHAPE, SEVEN


def crop(x: float, side: float = 100.0, angle: float = 0.0) -> CropTransform:
    """One crop whose centre is at (x, 50)."""
    return CropTransform(np.array([[x, 50.0]]), np.array([side]), np.array([angle]), 32)


def face_at(frame: int) -> np.ndarray:
    """Points (1, 68, 2) of a face that moves 3 px a frame."""
    return (MEAN_SHAPE * 80 + (3.0 * frame, 20.0))[None]


def windows_of(spans: list[tuple[int, int]], frames: int, face: int = 0) -> tuple[list[WindowEntry], FaceRuns]:
    """The windows of a face that is there in [first, end) spans, and its runs."""
    frame = np.concatenate([np.arange(a, b) for a, b in spans])
    boxes = np.stack([3.0 * frame, 0 * frame, 3.0 * frame + 80, 0 * frame + 100.0], -1).astype(np.float32)
    n = len(frame)
    rows = FaceBoxes(frame, np.full(n, face, np.int32), boxes, np.zeros(n, np.uint8), np.ones(n, np.float32))
    runs = FaceRuns(10, 32)
    return runs.push(rows, frames), runs


def answer(runs: FaceRuns, planned: list[Window]) -> list[Window]:
    """Answers every look with the face's points; returns the windows that became ready."""
    ready = []
    while planned:
        window = planned.pop(0)
        if window.peek:
            planned += found_key(window, face_at(window.first), runs)
        else:
            ready.append(window)
    return ready


def test_the_curve_goes_through_its_keys():
    """At a key frame the crop is the key."""
    made = through(np.array([0, 10, 20]), [crop(0), crop(30), crop(90, 200)], np.array([0, 10, 20]))
    assert np.allclose(made.centre[:, 0], [0, 30, 90]) and np.allclose(made.side, [100, 100, 200])


def test_steady_motion_gives_steady_crops():
    """Keys on a line give a line, whatever their distance."""
    at = np.array([0, 10, 17])
    made = through(at, [crop(2.0 * a) for a in at], np.arange(18))
    assert np.allclose(made.centre[:, 0], 2.0 * np.arange(18))


def test_one_key_is_a_crop_that_stays():
    """A face of one frame has one crop."""
    made = through(np.array([5]), [crop(7)], np.array([5]))
    assert np.allclose(made.centre, [[7, 50]]) and np.allclose(made.side, 100)


def test_angles_take_the_short_way():
    """From 170 to -170 degrees it is 20, not 340."""
    made = through(np.array([0, 2]), [crop(0, angle=np.radians(170)), crop(0, angle=np.radians(-170))], np.array([1]))
    assert np.allclose(np.degrees(made.angle) % 360, 180)


def test_every_window_becomes_ready_once_and_crops_join_over_borders():
    """A face of 35 frames: four windows, whose crops move evenly with the face from first frame to last."""
    windows, runs = windows_of([(0, 35)], 40)
    ready = answer(runs, plan_crops(windows, runs))
    assert [(w.first, len(w)) for w in ready] == [(0, 10), (10, 10), (20, 10), (30, 5)]
    x = np.concatenate([w.crop.centre[:, 0] for w in ready])
    assert np.allclose(np.diff(x), 3)


def test_a_window_waits_for_the_keys_after_it():
    """While the face goes on, a window is not ready before the two that follow have been seen."""
    windows, runs = windows_of([(0, 29)], 29)
    assert answer(runs, plan_crops(windows, runs)) == []
    assert len(answer(runs, plan_crops(runs.finish(), runs))) == 3


def test_a_gap_ends_the_way():
    """A face that is gone and comes back has two ways; the first window does not wait for the second run."""
    windows, runs = windows_of([(0, 10), (14, 24)], 30)
    looks = plan_crops(windows, runs)
    assert sorted(w.first for w in looks) == [0, 9, 14, 23]
    assert [w.first for w in answer(runs, looks)] == [0, 14] and len(list(runs)) == 2


def test_a_look_that_is_not_believed_leaves_the_detectors_crop():
    """Where the landmarks fail, the box has to do."""
    windows, runs = windows_of([(0, 6)], 10)
    boxed = windows[0].window.crop
    first, last = plan_crops(windows, runs)
    assert found_key(first, None, runs) == []
    (ready,) = found_key(last, None, runs)
    assert np.allclose(ready.crop.centre, boxed.centre) and np.allclose(ready.crop.side, boxed.side)


def test_windows_know_the_seven_points_that_looks_have_shown():
    """In each window's own crops, where they lie on the face of its frames."""
    planned, runs = windows_of([(0, 27)], 40)
    for window in answer(runs, plan_crops(planned, runs)):
        assert window.seven is not None and window.seven.shape == (len(window), 7, 2)
        wanted = np.concatenate([face_at(frame)[:, list(SEVEN)] for frame in window.frames])
        assert np.allclose(window.crop.to_frame(window.seven), wanted, atol=0.5)


def test_a_look_that_is_not_believed_shows_no_points():
    """Windows that hang on it find their own."""
    planned, runs = windows_of([(0, 30)], 40)
    ready, looks = [], plan_crops(planned, runs)
    while looks:
        window = looks.pop(0)
        looks += found_key(window, None if window.first == 10 else face_at(window.first), runs) if window.peek else []
        ready += [] if window.peek else [window]
    assert [window.first for window in ready if window.seven is None] == [0, 10]
    assert [window.first for window in ready if window.seven is not None] == [20]


def test_crops_keep_the_scale_that_the_network_wants():
    """From the detector's box to the last window, and through a second look."""
    frame = np.arange(20)
    boxes = np.tile(np.array([0, 0, 80, 100], np.float32), (20, 1))
    rows = FaceBoxes(frame, np.zeros(20, np.int32), boxes, np.zeros(20, np.uint8), np.ones(20, np.float32))
    runs = FaceRuns(10, 32, crop_scale=1.2)
    ready = answer(runs, plan_crops(runs.push(rows, 40), runs))
    assert {window.crop.scale for window in ready} == {1.2}
    side = np.ptp(face_at(0)[0], axis=0).max() * 1.2
    assert np.allclose(ready[0].crop.side, side, rtol=0.01)
    again = ready[0].look_again(ready[0].crop, np.concatenate([face_at(f) for f in range(10)]))
    assert again.crop.scale == 1.2 and again.seven is not None
