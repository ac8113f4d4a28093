"""A photograph on its fitted 3D face, seen from another side: turned faces with exact labels; photographs have few.

DFF: "multi-view face images with ground-truth correspondence, synthesized from real photographs via an inverse
rendering procedure". Here the shape is that of `redtrack.shape3d`, fitted to the photograph's labels; the light stays
as it is on the photograph. Ours: the surroundings are stretched from the face's new outline to the picture's border,
and lie behind it.

V vertices of the basis, T triangles, S side of a square picture; pictures are uint8 (S, S, 3).
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np

from redtrack.formats.pts import read_68, write_points
from redtrack.points import N_POINTS
from redtrack.render.png import write_png
from redtrack.shape3d.basis import JAW, ShapeBasis, default_basis
from redtrack.shape3d.fit import fit_rows
from redtrack.shape3d.pose import rotation, rotation_vector, turned
from redtrack.shape3d.visible import SEEN, visible
from redtrack.training.landmarks.faces import cut_face, held_out, labelled_pictures
from redtrack.training.shape.learn import free
from redtrack.video import read_picture

__all__ = ["View", "render_mesh", "turn_face", "write_views"]

_BORDER = 8  # points along each side of the picture that stay where they are
_BEHIND = 120.0  # mm behind the head's origin: depth of the picture's border
HARDLY = 0.25  # share of a face: a view with more of it stretched is left out
_STRETCHED = 6.0  # times its area by which a triangle of the face may grow before its texture is no longer worth much


class View(NamedTuple):
    """A photograph from another side.

    The picture, the points (68, 2) px in it, which of them the face itself does not hide (68,) bool, the share of the
    face's pixels that the photograph hardly shows, of each pixel the place in the photograph that it came from
    (S, S, 2), NaN where there is none (DFF's correspondence), and the head's rotation (3, 3).
    """

    picture: np.ndarray
    points: np.ndarray
    seen: np.ndarray
    stretched: float
    origin: np.ndarray
    turn: np.ndarray


def turn_face(
    picture: np.ndarray, points: np.ndarray, yaw: float, pitch: float = 0.0, basis: ShapeBasis | None = None
) -> View | None:
    """Returns a photograph's face (68, 2) turned further by degrees; None where no 3D face fits the points."""
    basis = basis or default_basis()
    alone = free(basis)
    fit = fit_rows(points[None].astype(np.float64), None, basis.mean[:N_POINTS], alone)
    if not np.isfinite(fit.pose).all():
        return None
    vertices = basis.mean + np.tensordot(fit.expression[0], alone.expression, 1)
    vertices[:N_POINTS] = fit.points3d[0]
    before = rotation(fit.pose[:, :3])[0]
    after = rotation(turned(np.array([[0, yaw, pitch]])))[0] @ before
    place, scale = fit.pose[0, 3:5], float(fit.pose[0, 5])
    slid = np.zeros_like(vertices)
    slid[:JAW] = basis.slid(after[None])[0] - basis.slid(before[None])[0]
    middle = vertices[:N_POINTS].mean(axis=0)
    old = (vertices @ before.T) * scale
    new = ((vertices + slid - middle) @ after.T + before @ middle) * scale
    face = _Mesh(old[:, :2] + place, np.c_[new[:, :2] + place, new[:, 2]], basis.triangles)
    return _painted(picture, face, after, new[:N_POINTS, :2] + place, scale, basis)


class _Mesh(NamedTuple):
    """Places of vertices in the photograph (V, 2), in the view with their depth (V, 3), and triangles (T, 3)."""

    source: np.ndarray
    target: np.ndarray
    triangles: np.ndarray


def _painted(
    picture: np.ndarray, face: _Mesh, turn: np.ndarray, points: np.ndarray, scale: float, basis: ShapeBasis
) -> View:
    """Returns the view of a face among its stretched surroundings."""
    size = picture.shape[0]
    whole = _with_surroundings(face, size, _BEHIND * scale)
    places, drawn = render_mesh(whole, size)
    out = _sampled(picture, places)
    out[drawn < 0] = 0
    pose = np.concatenate([rotation_vector(turn[None])[0], [0, 0, 1]])[None]
    areas = [_areas(corners[face.triangles][..., :2]) for corners in (face.source, face.target)]
    grown = np.abs(areas[1]) > _STRETCHED * np.maximum(np.abs(areas[0]), 0.25)
    on_face = (drawn >= 0) & (drawn < len(face.triangles))
    share = float(grown[drawn[on_face]].mean()) if on_face.any() else 1.0
    return View(out, points.astype(np.float32), visible(pose, basis)[0] == SEEN, share, places, turn)


def _with_surroundings(face: _Mesh, size: int, depth: float) -> _Mesh:
    """Returns the mesh with triangles from its outline to the picture's border, where nothing moves."""
    outline, *holes = _rims(face.triangles)
    rim, face = np.unique(outline), _closed(face, holes)
    steps = np.linspace(0, size - 1, _BORDER, endpoint=False)
    low, high = np.zeros(_BORDER), np.full(_BORDER, size - 1)
    back = high - steps
    border = np.concatenate([np.c_[steps, low], np.c_[high, steps], np.c_[back, high], np.c_[low, back]])
    first = len(face.source)
    source = np.concatenate([face.source, border])
    target = np.concatenate([face.target, np.c_[border, np.full(len(border), depth)]])
    middle = face.source[rim].mean(axis=0)
    around = [np.arctan2(*(places - middle).T[::-1]) for places in (face.source[rim], border)]
    order = [np.argsort(a) for a in around]
    inner, outer = rim[order[0]], first + order[1]
    ring = _ring(inner, outer, np.sort(around[0]), np.sort(around[1]))
    return _Mesh(source, target, np.concatenate([face.triangles, ring]))


def _rims(triangles: np.ndarray) -> list[np.ndarray]:
    """Returns the closed lines of edges (E, 2) that belong to one triangle only, the one with most edges first."""
    edges = np.sort(np.concatenate([triangles[:, pair] for pair in ((0, 1), (1, 2), (2, 0))]), axis=1)
    found, count = np.unique(edges, axis=0, return_counts=True)
    rims = found[count == 1]
    label = np.arange(triangles.max() + 1)
    for _ in rims:  # what touches gets the lowest label
        low = label[rims].min(axis=1)
        np.minimum.at(label, rims, low[:, None])
    groups = label[rims[:, 0]]
    names, sizes = np.unique(groups, return_counts=True)
    return [rims[groups == name] for name in names[np.argsort(-sizes)]]


def _closed(face: _Mesh, holes: list[np.ndarray]) -> _Mesh:
    """Returns the mesh with its holes closed, each by triangles around its middle: the corners of an open mouth."""
    for edges in holes:
        inside = np.unique(edges)
        middle = len(face.source)
        fan = np.c_[edges, np.full(len(edges), middle)]
        face = _Mesh(
            np.r_[face.source, face.source[inside].mean(axis=0, keepdims=True)],
            np.r_[face.target, face.target[inside].mean(axis=0, keepdims=True)],
            np.r_[face.triangles, fan],
        )
    return face


def _ring(inner: np.ndarray, outer: np.ndarray, at_inner: np.ndarray, at_outer: np.ndarray) -> np.ndarray:
    """Returns triangles between two closed lines that are sorted by angle."""
    i = j = 0
    triangles = []
    n, m = len(inner), len(outer)
    while i < n or j < m:
        next_inner = at_inner[i + 1] if i + 1 < n else at_inner[0] + 2 * np.pi if i < n else np.inf
        next_outer = at_outer[j + 1] if j + 1 < m else at_outer[0] + 2 * np.pi if j < m else np.inf
        a, b = inner[i % n], outer[j % m]
        if next_inner <= next_outer:
            i += 1
            triangles.append((a, inner[i % n], b))
        else:
            j += 1
            triangles.append((a, b, outer[j % m]))
    return np.array(triangles)


def write_views(
    folder: Path, out: Path, views: int = 2, yaw: float = 45.0, pitch: float = 20.0, seed: int = 0
) -> tuple[int, int]:
    """Writes turned views of a folder's labelled faces as pictures with `.pts`, and returns how many, of how many.

    Each face is cut out and turned by random angles up to those given. Faces whose names are held out are left out, and
    so are views that show much of what the photograph hardly shows.
    """
    draw = np.random.default_rng(seed)
    pairs = [pair for pair in labelled_pictures(folder) if not held_out(pair[0].stem)]
    written = 0
    for photo, label in pairs:
        crop, points = cut_face(read_picture(photo), read_68(label))
        picture = crop.permute(1, 2, 0).numpy()
        for index in range(views):
            view = turn_face(picture, points, *(draw.uniform(-1, 1, 2) * [yaw, pitch]))
            if view is None or view.stretched > HARDLY:
                continue
            to = (out / photo.relative_to(folder)).with_name(_name(photo.stem, index))
            to.parent.mkdir(parents=True, exist_ok=True)
            write_png(to.with_suffix(".png"), view.picture)
            write_points(view.points, to.with_suffix(".pts"))
            written += 1
    return written, len(pairs) * views


def _name(stem: str, index: int) -> str:
    """Returns a name for a view that is not held out: its photograph is not either."""
    names = (f"{stem}_view{index}{'x' * more}" for more in count())
    return next(name for name in names if not held_out(name))


def render_mesh(mesh: _Mesh, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns of each pixel the place in the photograph (S, S, 2), NaN where nothing is drawn, and the triangle or -1.

    By a z-buffer: of the triangles over a pixel the nearest one is drawn.
    """
    triangle, x, y = _pixels_around(mesh.target[mesh.triangles][..., :2], size)
    corners = mesh.target[mesh.triangles[triangle]]  # (K, 3, 3)
    share = _shares(corners, x, y)
    inside = (share >= -1e-6).all(axis=1)
    triangle, pixel, share = triangle[inside], (y * size + x)[inside], share[inside]
    depth = (share * corners[inside, :, 2]).sum(axis=1)
    order = np.lexsort((triangle, depth, pixel))
    pixel, first = np.unique(pixel[order], return_index=True)
    nearest = order[first]
    places, drawn = np.full((size * size, 2), np.nan), np.full(size * size, -1)
    drawn[pixel] = triangle[nearest]
    places[pixel] = np.einsum("kc,kci->ki", share[nearest], mesh.source[mesh.triangles[triangle[nearest]]])
    return places.reshape(size, size, 2), drawn.reshape(size, size)


def _pixels_around(corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns triangle, x and y (K,) of each pixel in the box around each triangle (T, 3, 2) that has an area."""
    low = np.clip(np.ceil(corners.min(axis=1)), 0, size).astype(int)
    high = np.clip(np.floor(corners.max(axis=1)), -1, size - 1).astype(int)
    span = np.maximum(high - low + 1, 0) * (np.abs(_areas(corners)) >= 1e-9)[:, None]
    count = span.prod(axis=1)
    triangle = np.repeat(np.arange(len(corners)), count)
    k = np.arange(len(triangle)) - np.repeat(np.cumsum(count) - count, count)
    down, across = np.divmod(k, np.maximum(span[triangle, 0], 1))
    return triangle, low[triangle, 0] + across, low[triangle, 1] + down


def _areas(corners: np.ndarray) -> np.ndarray:
    """Returns twice the signed areas of triangles (T, 3, 2)."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area: np.ndarray = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return area


def _shares(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the barycentric coordinates (K, 3) of pixels x, y (K,), each in a triangle of its own (K, 3, 3)."""
    (ax, ay), (bx, by), (cx, cy) = np.moveaxis(corners[..., :2], 0, 2)
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    first = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
    second = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
    return np.stack([first, second, 1 - first - second], axis=-1)


def _sampled(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns the picture's colours at places (S, S, 2), between its pixels; what lies outside is its border."""
    size = np.array(picture.shape[1::-1])
    at = np.clip(np.nan_to_num(places), 0, size - 1)
    low = np.minimum(np.floor(at).astype(int), size - 2)
    x, y = low[..., 0], low[..., 1]
    u, v = np.moveaxis(at - low, -1, 0)[..., None]
    above = picture[y, x] * (1 - u) + picture[y, x + 1] * u
    below = picture[y + 1, x] * (1 - u) + picture[y + 1, x + 1] * u
    colours: np.ndarray = np.round(above * (1 - v) + below * v).astype(np.uint8)
    return colours
