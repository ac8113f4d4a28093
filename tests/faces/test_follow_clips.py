"""Following real faces with the shipped detector, in clips of the folder that REDTRACK_DATA names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from worlds import frames_of, join

from redtrack import checkpoint
from redtrack.faces import FaceBoxes, FaceFollower, NetworkDetector

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(data: Path) -> Path:
    """The folder of plain clips."""
    return data / "clips" / "plain"


@pytest.fixture(scope="module")
def detector() -> NetworkDetector:
    """The shipped detector."""
    return NetworkDetector(checkpoint.load(kind="detector"))


def read(path: Path, most: int = 10**9) -> list[np.ndarray]:
    """The frames of a clip, uint8 (H, W, 3)."""
    from redtrack.video import Video

    found = []
    with Video(path) as video:
        for frame in video.frames():
            found.append(frame.image.copy())
            if len(found) == most:
                break
    return found


def follow(detector: NetworkDetector, frames: list[np.ndarray], cuts: Iterable[int] = ()) -> FaceBoxes:
    """All rows of frames of one size."""
    follower = FaceFollower(detector)
    marks = np.isin(np.arange(len(frames)), list(cuts))
    parts = []
    for start in range(0, len(frames), 50):
        stop = start + 50
        parts.append(follower.push(torch.from_numpy(np.stack(frames[start:stop])), marks[start:stop]))
    return join([*parts, follower.finish()])


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture of that size, its sides cut off or filled black."""
    scale = min(height / image.shape[0], width / image.shape[1])
    size = round(image.shape[0] * scale), round(image.shape[1] * scale)
    picture = torch.from_numpy(image).permute(2, 0, 1)[None]
    small = torch.nn.functional.interpolate(picture, size=size, mode="bilinear", antialias=True)
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: size[0], : size[1]] = small[0].permute(1, 2, 0).numpy()
    return canvas


def test_no_face_no_rows(detector: NetworkDetector, clips: Path) -> None:
    """A cartoon's title is no face."""
    assert len(follow(detector, read(clips / "no_face.mp4"))) == 0


@pytest.mark.parametrize(("name", "first", "last"), [("face_noface.mov", 0, 71), ("noface_face.mov", 96, 167)])
def test_a_face_starts_and_ends_where_an_eye_sees_it(
    detector: NetworkDetector, clips: Path, name: str, first: int, last: int
) -> None:
    """The frames were found by looking at them."""
    assert frames_of(follow(detector, read(clips / name)), 0) == list(range(first, last + 1))


@pytest.mark.parametrize("pattern", ["single_face.mp4", "Wolfgang*", "grid_*", "live_*"])
def test_one_face_one_id_all_frames(detector: NetworkDetector, clips: Path, pattern: str) -> None:
    """In every clip of one person, on at least 99 % of the frames."""
    for path in sorted(clips.glob(pattern)):
        frames = read(path)
        rows = follow(detector, frames)
        assert set(rows.face) == {0}, path.name
        assert len(rows) >= 0.99 * len(frames), path.name


def test_four_clips_side_by_side_are_four_faces(detector: NetworkDetector, clips: Path) -> None:
    """Each id stays in its quarter from the first frame to the last."""
    names = ["live_d10.mp4", "live_d9.mp4", "WolfgangLanger_Pexels.mp4", "live_d14.mp4"]
    parts = [[fit(image, 270, 480) for image in read(clips / name, 100)] for name in names]
    frames = [
        np.concatenate([np.concatenate(row, axis=1) for row in (four[:2], four[2:])])
        for four in zip(*parts, strict=True)
    ]
    rows = follow(detector, frames)
    assert set(rows.face) == {0, 1, 2, 3}
    for k in range(4):
        own = rows.face == k
        middle = (rows.boxes[own, :2] + rows.boxes[own, 2:]) / 2
        assert own.sum() == 100
        assert len({(x > 480, y > 270) for x, y in middle}) == 1


def test_clips_cut_hard_do_not_mix(detector: NetworkDetector, clips: Path) -> None:
    """Ids end at the cuts, and begin with them."""
    names = ["live_d10.mp4", "grid_swiz3n.mpg", "single_face.mp4"]
    frames = [fit(image, 360, 480) for name in names for image in read(clips / name, 47)]
    rows = follow(detector, frames, cuts=[47, 94])
    assert [frames_of(rows, k) for k in range(3)] == [list(range(47 * k, 47 * k + 47)) for k in range(3)]


@pytest.mark.parametrize("speed", [4, 8])
def test_real_faces_that_cross_keep_their_ids(detector: NetworkDetector, clips: Path, speed: int) -> None:
    """Two talking heads glide past each other, one in front."""
    heads = [[fit(image, 200, 200) for image in read(clips / name, 60)] for name in ("live_d10.mp4", "live_d9.mp4")]
    frames = []
    for i in range(480 // speed):
        canvas = np.full((360, 720, 3), 110, np.uint8)
        for (head, top), x in zip(((heads[0], 60), (heads[1], 100)), (500 - speed * i, 20 + speed * i), strict=True):
            canvas[top : top + 200, x : x + 200] = head[i % 60]
        frames.append(canvas)
    rows = follow(detector, frames)
    assert set(rows.face) == {0, 1}
    for k in (0, 1):
        x = rows.boxes[rows.face == k, 0]
        assert abs(x[-1] - x[0]) > 350, "it turned back where they met"
