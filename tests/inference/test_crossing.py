"""Where two faces meet, each keeps its id, a hidden one is interrupted, and no two are ever on one face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotating import BLUE, RED, Square, Way, clip_of, drift, square_models, still, true_points

from redtrack.inference.annotate import annotate_with
from redtrack.inference.options import Options
from redtrack.tracks import Tracks


def annotated(path: Path, squares: tuple[Square, ...], frames: int) -> Tracks:
    return annotate_with(square_models(), clip_of(path, squares, frames), Options())


def frames_of(tracks: Tracks, face: int) -> list[int]:
    return tracks.frame[tracks.face == face].tolist()


def sides(tracks: Tracks, squares: tuple[Square, ...]) -> set[tuple[int, int]]:
    """The pairs of face id and square for which a row of the face lies on the square, where that is all to be seen."""
    found = set()
    for frame, face, points in zip(tracks.frame, tracks.face, tracks.points, strict=True):
        corners = np.array([square.at(int(frame)) for square in squares])
        if np.abs(corners[0] - corners[1]).max() < 20:  # on both
            continue
        for number, square in enumerate(squares):
            apart = np.linalg.norm(points - true_points(square, int(frame)), axis=-1).mean()
            if apart < 4:
                found.add((int(face), number))
    return found


@pytest.mark.parametrize("speed", [2.0, 4.0])
def test_faces_that_cross_keep_their_ids(tmp_path: Path, speed: float) -> None:
    """The one behind has no rows while it is hidden, and is itself again where it comes out."""
    behind, front = Square(BLUE, 60, drift(230, 80, -speed)), Square(RED, 60, drift(30, 80, speed))
    count = int(200 / speed)
    tracks = annotated(tmp_path / "cross.mkv", (behind, front), count)
    assert list(tracks.faces) == [0, 1]
    on = sides(tracks, (behind, front))
    assert len(on) == 2 and {number for _, number in on} == {0, 1}, "a face on both squares"
    of_front = next(face for face, number in on if number == 1)
    assert frames_of(tracks, of_front) == list(range(count))
    hidden = [frame for frame in range(count) if abs(230 - 30 - 2 * speed * frame) < 12]
    assert hidden and not set(hidden) & set(frames_of(tracks, 1 - of_front))
    for frame in range(count):
        rows = tracks.points[tracks.frame == frame].mean(axis=1)
        assert len(rows) < 2 or np.linalg.norm(rows[0] - rows[1]) > 15, frame


def gone(first: int, last: int, way: Way) -> Way:
    """A square that is not to be seen from frame `first` to `last`."""
    return lambda frame: None if first <= frame <= last else way(frame)


@pytest.mark.parametrize("frames", [20, 60, 120])
def test_a_face_that_comes_back_has_its_id(tmp_path: Path, frames: int) -> None:
    """And no rows while it is away."""
    square = Square(RED, 60, gone(30, 29 + frames, still(100, 80)))
    tracks = annotated(tmp_path / "back.mkv", (square,), 60 + frames)
    assert frames_of(tracks, 0) == [*range(30), *range(30 + frames, 60 + frames)]
    assert list(tracks.faces) == [0]
