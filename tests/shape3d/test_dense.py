"""Dense points: vertices of the 3D face between the 68 points."""

import numpy as np
from heads import poses, random_turns

from redtrack.shape3d.basis import default_basis
from redtrack.shape3d.dense import MOST, dense_points, dense_shape, dense_triangles, order
from redtrack.shape3d.pose import project, rotation
from redtrack.shape3d.visible import HIDDEN, SEEN, UNKNOWN, visible

BASIS = default_basis()


def people(rows: int, degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns all vertices (R, V, 3) of people with expressions, their 68 points as a fit has them, and poses."""
    draw, pose = np.random.default_rng(0), poses(degrees)
    whole = BASIS.shapes(draw.standard_normal((rows, 20)), draw.standard_normal((rows, 28)))
    points3d = whole[:, :68].copy()
    points3d[:, :17] += BASIS.slid(rotation(pose[:, :3]))
    return whole, points3d, pose


def test_vertices_follow_from_the_points() -> None:
    """People and expressions move the mesh by 8 mm on average; told the 68 points, it is off by less than 1."""
    whole, points3d, pose = people(100, random_turns(100))
    off = np.linalg.norm(dense_shape(points3d, pose, BASIS) - whole, axis=2)
    assert np.linalg.norm(whole - BASIS.mean, axis=2).mean() > 7
    assert off[:, 68:].mean() < 1.0 and off[:, :68].max() < 1e-4


def test_what_no_mode_knows_moves_the_cheek_around_it() -> None:
    """A lip corner drawn down by 8 mm takes the vertices next to it along, no one farther, and hardly the brows."""
    points3d = BASIS.mean[None, :68].astype(np.float64)
    points3d[0, 48, 1] += 8
    moved = np.linalg.norm(dense_shape(points3d, poses(np.zeros((1, 3))), BASIS)[0] - BASIS.mean, axis=1)
    away = np.linalg.norm(BASIS.mean - BASIS.mean[48], axis=1)
    assert moved[48] > 7.9 and moved[68:][away[68:] < 14].mean() > 4 and moved.max() < 8.1
    assert moved[68:][away[68:] > 80].max() < 2


def test_points_are_in_the_picture_where_the_face_is() -> None:
    """The first N of any number are the same; all of them project as the mesh does."""
    whole, points3d, pose = people(5, random_turns(5))
    places, seen = dense_points(points3d, pose)
    assert places.shape == (5, MOST, 2) and places.dtype == np.float32 and seen.shape == (5, MOST)
    few, few_seen = dense_points(points3d, pose, 25)
    assert (few == places[:, :25]).all() and (few_seen == seen[:, :25]).all()
    assert np.linalg.norm(places - project(whole, pose)[:, order(BASIS)], axis=2).mean() < 1


def test_the_first_points_are_spread_evenly() -> None:
    """Whatever their number, no part of the face is farther from one than twice the distance of close neighbours."""
    assert sorted(order(BASIS)) == list(range(MOST)) and len(BASIS.mean) == MOST
    for count in (20, 50, 100, 200):
        chosen = BASIS.mean[order(BASIS)[:count]]
        to_all = np.linalg.norm(BASIS.mean[:, None] - chosen, axis=2).min(axis=1).max()
        apart = np.linalg.norm(chosen[:, None] - chosen, axis=2) + 1e3 * np.eye(count)
        assert np.quantile(apart.min(axis=1), 0.1) > to_all / 2


def test_a_point_is_followed_by_its_mirror_image() -> None:
    numbers = order(BASIS)
    place = np.argsort(numbers)
    assert (np.abs(place - place[BASIS.mirror]) <= 1).all()


def test_visibility_is_that_of_the_points_and_of_the_far_cheek() -> None:
    """The 68 points have what `visible` says; of a head turned far, half of the cheeks' points are hidden."""
    _, points3d, pose = people(3, np.array([[0, 0, 0], [0, 70, 0], [0, -70, 0]]))
    seen = dense_points(points3d, pose)[1]
    place = np.argsort(order(BASIS))
    assert (seen[:, place[:68]] == visible(pose, BASIS)).all()
    left, right = BASIS.mean[order(BASIS), 0] > 40, BASIS.mean[order(BASIS), 0] < -40
    assert (seen[0] == SEEN).mean() > 0.8
    assert (seen[1, left] == HIDDEN).mean() > 0.9 and (seen[1, right] == SEEN).mean() > 0.9
    assert (seen[2, right] == HIDDEN).mean() > 0.9 and (seen[2, left] == SEEN).mean() > 0.9


def test_without_a_pose_there_are_none() -> None:
    places, seen = dense_points(np.full((2, 68, 3), np.nan), np.full((2, 6), np.nan), 10)
    assert np.isnan(places).all() and (seen == UNKNOWN).all()
    assert dense_points(np.zeros((0, 68, 3)), np.zeros((0, 6)), 10)[0].shape == (0, 10, 2)


def test_triangles_are_of_dense_points() -> None:
    """They are the basis's, renumbered; on a face that looks ahead nearly all show their outer side."""
    triangles = dense_triangles(BASIS)
    assert (order(BASIS)[triangles] == BASIS.triangles).all()
    _, points3d, pose = people(1, np.zeros((1, 3)))
    a, b, c = (dense_points(points3d, pose)[0][0][triangles[:, k]] for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert max((area > 0).mean(), (area < 0).mean()) > 0.9
