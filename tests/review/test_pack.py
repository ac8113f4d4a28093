"""Packed rows hold what the tracks do, to the rounding that they tell, in few bytes."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
from drawn_tracks import face, tracks_of

from redtrack.edits import apply_edits
from redtrack.points import MEAN_SHAPE
from redtrack.review.pack import LEVELS, columns, order, pack, point_step
from redtrack.tracks import Tracks


def unpacked(table: list[dict[str, Any]], text: str) -> dict[str, np.ndarray]:
    """Returns the columns (R, width) by name, as the page's script unpacks them."""
    data = iter(zlib.decompress(base64.b64decode(text)))
    found = {}
    for column in table:
        rows = np.zeros((column["rows"], column["width"]), np.int64)
        for place in range(column["width"]):
            value = 0
            for row in range(column["rows"]):
                byte = next(data)
                number, shift = byte & 127, 7
                while byte > 127:
                    byte = next(data)
                    number += (byte & 127) << shift
                    shift += 7
                value += -(number + 1) // 2 if number % 2 else number // 2
                rows[row, place] = value
        found[column["name"]] = rows
    assert next(data, None) is None
    return found


def walking(frames: int = 30) -> Tracks:
    """Returns tracks of two faces that move and differ in their scores; the second has no disagreement."""
    rng = np.random.default_rng(0)
    points = np.stack([face(x=20 + k, y=30 + k % 7) + 200 * (k % 2) for k in range(frames)])
    scores, apart = rng.uniform(0, 1, (frames, 68)), rng.uniform(0, 3, (frames, 68))
    apart[1::2] = np.nan
    return tracks_of(points, ids=[0, 1] * (frames // 2), scores=scores, disagreement=apart)


def test_columns_come_back_as_they_were_packed() -> None:
    """Numbers of any size and sign, in columns of any width, none among them."""
    rng = np.random.default_rng(1)
    given = {
        "wide": rng.integers(-(2**40), 2**40, (50, 3)),
        "narrow": rng.integers(-2, 3, (70, 2)),
        "empty": np.zeros((0, 5), np.int64),
    }
    back = unpacked(*pack(given))
    assert all(np.array_equal(back[name], array) for name, array in given.items())


def test_points_are_where_they_were_to_half_a_step() -> None:
    """Also those of faces far from the corner; scores to 3/4 of a level; what is unknown stays so."""
    tracks = walking()
    step = point_step(tracks)
    packed = columns(apply_edits(tracks, []), step, np.zeros(len(tracks)))
    points = (packed["points"].reshape(-1, 68, 2) + packed["centre"][:, None]) * step
    assert np.abs(points - tracks.points).max() <= step / 2 + 1e-4
    assert np.abs(packed["score"] / LEVELS - tracks.scores).max() <= 0.75 / LEVELS + 1e-6
    assert (packed["disagreement"][1::2] == -32768).all() and (packed["disagreement"][::2] >= 0).all()


def test_unknown_points_stay_unknown() -> None:
    """Those of a partly labelled face; the others are where they were."""
    points = walking().points.copy()
    points[4, 40:50] = np.nan
    tracks = replace(walking(), points=points)
    packed = columns(apply_edits(tracks, []), point_step(tracks), np.zeros(len(tracks)))
    rows = packed["points"].reshape(-1, 68, 2)
    assert (rows[4, 40:50] == -32768).all() and (np.delete(rows[4], range(40, 50), axis=0) > -32768).all()


def test_a_step_is_small_for_the_faces() -> None:
    """At most 1 in 200 of the eye distance, within a sixteenth and half a pixel."""
    for size, step in ((10, 1 / 16), (60, 1 / 8), (300, 1 / 2), (3000, 1 / 2)):
        assert point_step(tracks_of(face(size=size)[None])) == step
    assert point_step(Tracks.empty([0.0])) > 0


def test_rows_are_in_order_of_face_then_frame() -> None:
    """So that neighbours are a frame apart."""
    tracks = walking(6)
    assert tracks.face[order(tracks)].tolist() == [0, 0, 0, 1, 1, 1]
    assert tracks.frame[order(tracks)].tolist() == [0, 2, 4, 1, 3, 5]


def test_an_hour_of_a_face_fits_in_ten_megabytes() -> None:
    """At 25 frames/s, by a minute of a face that turns, speaks and jitters by 0.3 % of its eye distance."""
    rng = np.random.default_rng(2)
    frames, width = 1500, 90.0
    time = np.arange(frames) / 25
    turned = 0.1 * np.sin(time * 1.7)
    turn = np.stack([np.cos(turned), -np.sin(turned), np.sin(turned), np.cos(turned)], -1).reshape(-1, 2, 2)
    points = np.einsum("fij,pj->fpi", turn, (MEAN_SHAPE - 0.5) * width * 1.8)
    points += np.stack([320 + 30 * np.sin(time), 180 + 20 * np.sin(time * 1.3)], -1)[:, None]
    points[:, 55:60, 1] += np.abs(6 * np.sin(time * 9))[:, None]
    points += rng.normal(size=points.shape) * 0.003 * width
    scores = np.clip(0.85 + 0.03 * rng.normal(size=(frames, 68)), 0, 1)
    known = {"scores": scores, "disagreement": np.abs(rng.normal(size=(frames, 68)))}
    known["sigma"] = rng.gamma(4, 0.2, (frames, 68, 1)) * [1, 0, 1]
    tracks = Tracks.from_rows(np.arange(frames), np.zeros(frames), points, time, **known)
    packed = columns(apply_edits(tracks, []), point_step(tracks), rng.uniform(size=frames))
    assert len(pack(packed)[1]) * 60 < 10e6
