"""Pose and shape of tracked faces: known heads come back, and what is no face gets no pose."""

import warnings

import numpy as np
import pytest
from heads import SCALE, heads, poses, random_turns, seen

from redtrack.points import MIRROR
from redtrack.shape3d.basis import default_basis
from redtrack.shape3d.fit import certainties, fit_person, fit_rows, fit_track
from redtrack.shape3d.pose import angles, project

NOBODY = default_basis().mean[:68]
OTHER_SIDE = np.array([-1, 1, 1])


def sweep(frames: int = 80) -> np.ndarray:
    """Returns (frames, 3) degrees of a head that turns from side to side, nods and tilts."""
    t = np.linspace(0, 2 * np.pi, frames)
    return np.stack([15 * np.sin(2 * t), 50 * np.sin(t), 15 * np.cos(3 * t)], axis=1)


def person(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(20)


def test_known_turns_come_back() -> None:
    """Yaw to 60, pitch to 30, roll to 45 degrees, 200 people with expressions: off by at most 3 degrees an axis."""
    turns = random_turns(200)
    found = fit_rows(seen(heads(200), poses(turns), noise=1.0), None, NOBODY, default_basis())
    assert np.abs(angles(found.pose) - turns).mean(axis=0).max() < 3


def test_a_tracks_identity_makes_its_poses_better() -> None:
    """Over a track the pose is off by less than when each frame is fitted to the mean face."""
    turns = sweep()
    points = seen(heads(80, identity=person(3)), poses(turns), noise=1.0)
    alone = fit_rows(points, None, NOBODY, default_basis())
    together = fit_track(points)
    off = [np.abs(angles(found.pose) - turns).mean() for found in (alone, together)]
    assert off[1] < off[0] and off[1] < 1.5


def test_roll_and_yaw_change_sign_in_the_mirror() -> None:
    """A mirrored track has the same pitch, and the opposite roll and yaw."""
    points = seen(heads(80, identity=person(4)), poses(sweep()), noise=0.5)
    mirrored = points[:, MIRROR] * [-1, 1] + [640, 0]
    found, other = (angles(fit_track(track).pose) for track in (points, mirrored))
    assert np.abs(other - found * [-1, -1, 1]).max() < 0.1


def test_scale_and_place_come_back() -> None:
    """The projection of the fitted points is where the points were seen, and the scale is the camera's."""
    pose = poses(sweep())
    points = seen(heads(80, identity=person(5)), pose, noise=0.5)
    found = fit_track(points)
    assert np.abs(found.pose[:, 5] / SCALE - 1).mean() < 0.03
    assert np.linalg.norm(project(found.points3d, found.pose) - points, axis=2).mean() < 1.0


def test_frames_that_the_identity_was_not_fitted_to_fit_as_well() -> None:
    """Their points are off by at most 1.2 times as much as in those it was fitted to."""
    points = seen(heads(400, identity=person(6)), poses(sweep(400)), noise=1.0)
    face = fit_person(points[::8], None, default_basis())
    residual = fit_rows(points, None, face, default_basis()).residual
    others = np.arange(400) % 8 != 0
    assert residual[others].mean() < 1.2 * residual[~others].mean()


def test_a_turning_heads_eyes_keep_their_distance() -> None:
    """The distance of the outer eye corners in 3D varies by less than 2 % over a turning head without expression."""
    basis = default_basis()
    still = basis.shapes(person(7), np.zeros((80, 28)), 68)
    found = fit_track(seen(still, poses(sweep()), noise=0.5)).points3d
    distance = np.linalg.norm(found[:, 36] - found[:, 45], axis=1)
    assert distance.std() / distance.mean() < 0.02


def test_symmetric_faces_have_symmetric_shapes() -> None:
    """Within 1 % of the eye distance, seen from any side."""
    basis = default_basis()
    symmetric = np.array([np.allclose(m[basis.mirror] * OTHER_SIDE, m, atol=1e-6) for m in basis.identity])
    still = basis.shapes(person(8) * symmetric, np.zeros((80, 28)), 68)
    found = fit_track(seen(still, poses(sweep()))).points3d
    other = found[:, MIRROR] * OTHER_SIDE
    assert np.linalg.norm(found - other, axis=2)[:, 17:].mean() / 89.9 < 0.01


def test_asymmetry_is_recovered() -> None:
    """A mouth that droops on one side by known amounts: the slope is 0.95 at least."""
    moves, drops = np.linspace(0, 8, 9), []  # mm
    for move in moves:
        head = default_basis().shapes(np.zeros(20), np.zeros((1, 28)), 68)
        for part, share in (([54, 64], 1.0), ([53, 55, 63, 65], 0.6), ([52, 56], 0.3)):
            head[:, part, 1] += move * share
        found = fit_track(seen(np.repeat(head, 10, axis=0), poses(sweep(10) * 0.4), noise=0.3)).points3d
        drops.append((found[:, 54, 1] - found[:, 48, 1]).mean())
    assert np.polyfit(moves, drops, 1)[0] >= 0.95


def test_what_no_face_could_be_gets_no_pose_and_some_doubt() -> None:
    """Scattered points, points of three faces in one, points in one place, not finite: NaN, without a warning."""
    draw = np.random.default_rng(0)
    mixed = seen(heads(1), poses(np.zeros((1, 3))))[0]
    mixed[20:40] += 400
    mixed[40:] -= 300
    bad = np.stack([draw.uniform(0, 500, (68, 2)), mixed, np.full((68, 2), 7.0), np.full((68, 2), np.nan)])
    good = seen(heads(1), poses(np.zeros((1, 3))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_track(np.concatenate([bad, good]).astype(np.float32))
    assert np.isnan(found.pose[:4]).all() and np.isnan(found.points3d[:4]).all() and np.isfinite(found.pose[4]).all()
    assert (found.residual[:2] > 20).all() and found.residual[4] < 2


def test_a_track_of_three_people_still_has_poses() -> None:
    """Where ids were mixed up, every pose is off by little more, and the doubt is larger."""
    turns = sweep(90)
    one = seen(heads(90, identity=person(1)), poses(turns), noise=0.3)
    parts = [seen(heads(30, identity=person(k) * 2), poses(turns[30 * k :][:30])) for k in range(3)]
    three = np.concatenate(parts)
    found, mixed = fit_track(one), fit_track(three)
    assert np.abs(angles(mixed.pose) - turns).mean() < 5
    assert mixed.residual.mean() > found.residual.mean()


def blinking(rows: int, shut: slice, down: float) -> np.ndarray:
    """Points (R, 68, 2) px of a head that holds still and shuts its eyes, at so much pitch in degrees."""
    head = heads(1, identity=person(3))[0]
    pose = poses(np.tile([0.0, 5.0, down], (rows, 1)))
    points = seen(head, pose)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[shut, upper] += 0.85 * (points[shut, lower] - points[shut, upper])
    return points


@pytest.mark.parametrize("down", [-8.0, 0.0, 8.0])
def test_a_blink_is_no_nod(down: float) -> None:
    """The pose of found points changes by less than half a degree while lids shut; in 3D the lids come nearer, too."""
    shut = slice(20, 26)
    points = blinking(60, shut, down)
    found = fit_track(points, certainties(points, np.ones((60, 68))))
    turns = angles(found.pose)
    assert np.abs(turns[shut] - turns[:10].mean(axis=0)).max() < 0.5
    opening = np.linalg.norm(found.points3d[:, 37] - found.points3d[:, 41], axis=1)
    assert opening[shut].max() < 0.6 * opening[:10].min()


def test_one_visible_eye_is_enough() -> None:
    """Half of the face without certainty, its points anywhere near: the pose is off by less than 8 degrees."""
    turns = sweep()
    points = seen(heads(80, identity=person(2)), poses(turns), noise=0.5)
    certainty = np.ones((80, 68))
    covered = default_basis().mean[:68, 0] > 5
    certainty[:, covered] = 0.01
    points[:, covered] += np.random.default_rng(0).normal(0, 12, points[:, covered].shape)
    assert np.abs(angles(fit_track(points, certainty).pose) - turns).mean() < 8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_face_of_20_px(dtype: type) -> None:
    """20 px wide, off by half a pixel: a pose that is off by less than 8 degrees."""
    turns = sweep() * 0.5
    points = seen(heads(80, identity=person(2)), poses(turns, scale=0.14), noise=0.4)
    assert np.abs(angles(fit_track(points.astype(dtype)).pose) - turns).mean() < 8


def test_no_rows_are_no_fit() -> None:
    """An empty track has no poses."""
    found = fit_track(np.zeros((0, 68, 2)))
    assert found.pose.shape == (0, 6) and found.points3d.shape == (0, 68, 3)


def test_rows_do_not_depend_on_their_neighbours() -> None:
    """Batched as one by one: each row's pose is the same to the solver's precision."""
    points = seen(heads(5), poses(random_turns(5)), noise=1.0)
    together = fit_rows(points, None, NOBODY, default_basis()).pose
    for row in range(5):
        alone = fit_rows(points[row : row + 1], None, NOBODY, default_basis()).pose
        assert np.allclose(alone, together[row], atol=1e-3)


def test_a_partly_labelled_face_has_a_pose() -> None:
    """Points that are NaN do not count, as long as twenty are there."""
    turns = sweep(10)
    points = seen(heads(10), poses(turns), noise=0.5)
    points[:5, :36] = np.nan
    points[5:, :60] = np.nan
    found = fit_rows(points, None, NOBODY, default_basis()).pose
    assert np.isfinite(found[:5]).all() and np.isnan(found[5:]).all()
    assert np.abs(angles(found[:5]) - turns[:5]).mean() < 10
