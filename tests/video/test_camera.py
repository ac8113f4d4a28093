"""The known camera is smooth, keeps the face in view, and is the one that the example clip was made with."""

import make_clip
import numpy as np
from camera import FACE, camera, frames, move, read_camera, steady, unsteadiness


def test_the_camera_file_is_the_camera_of_the_script(clip):
    """The file beside the clip holds the script's camera to the millionth of a pixel it is rounded to."""
    np.testing.assert_allclose(read_camera(clip.with_name("astronaut_camera.csv")), camera(), atol=1e-6)


def test_the_face_is_in_view_throughout():
    """All corners of the face's box stay inside every frame."""
    x0, y0, x1, y1 = FACE
    corners = move(np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]]), camera())
    assert corners.min() >= 0
    assert (corners.max(axis=(0, 1)) < [make_clip.WIDTH, make_clip.HEIGHT]).all()


def test_the_camera_is_smooth():
    """No corner of the face changes its speed by more than a pixel a frame."""
    x0, y0, x1, y1 = FACE
    corners = move(np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]]), camera())
    assert np.linalg.norm(np.diff(corners, 2, axis=0), axis=-1).max() < 1


def test_steady_undoes_move():
    """Points that go with the camera stand still in the photograph, and are perfectly steady."""
    points = np.random.default_rng(0).uniform(100, 300, (68, 2))
    moved = move(points, camera())
    np.testing.assert_allclose(steady(moved, camera()), np.broadcast_to(points, moved.shape), atol=1e-9)
    assert unsteadiness(moved, camera()) < 1e-9


def test_unsteadiness_is_noise_over_eye_distance():
    """Noise of 1 px in the photograph has second differences of sqrt(6) px times the mean of a Rayleigh (1.253)."""
    random = np.random.default_rng(0)
    points = random.uniform(0, 100, (68, 2))
    points[[36, 45]] = [[0, 0], [1000, 0]]
    noisy = move(points, camera()) + np.einsum(
        "fij,fpj->fpi", camera()[:, :, :2], random.normal(size=(len(camera()), 68, 2))
    )
    assert abs(unsteadiness(noisy, camera()) / (np.sqrt(6) * 1.2533 / 1000) - 1) < 0.05


def test_frames_show_the_photograph_where_the_camera_says():
    """A frame's pixel is the photograph's at the place that the camera maps to it, half pixels included."""
    still = make_clip.photograph().astype(float)
    picture = frames(1)[0].astype(float)
    y, x = np.mgrid[100:200:5, 250:400:5]
    seen = np.stack([x, y], axis=-1).reshape(1, -1, 2).astype(float)
    place = steady(seen, camera()[:1])[0]
    corner = np.floor(place).astype(int)
    part = (place - corner)[:, :, None]
    rows = [still[corner[:, 1] + dy, corner[:, 0] + dx] for dy in (0, 1) for dx in (0, 1)]
    top = rows[0] * (1 - part[:, 0]) + rows[1] * part[:, 0]
    bottom = rows[2] * (1 - part[:, 0]) + rows[3] * part[:, 0]
    bilinear = top * (1 - part[:, 1]) + bottom * part[:, 1]
    assert np.abs(picture[y.ravel(), x.ravel()] - bilinear).mean() < 3
