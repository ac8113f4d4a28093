"""Which key frames get a close look and which a glance: on drawn pictures whose faces are known exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from worlds import World, face, frames_of, join, world

from redtrack.faces import FaceBoxes, FaceFollower

HEIGHT, WIDTH = 180, 320
SMALLEST = 20.0  # px in the detector's picture: smaller faces are not found


class DrawnDetector:
    """Finds the faces of a world in pictures that hold its frames' numbers, as a detector would: large enough ones."""

    long_side, threshold = 640, 0.5

    def __init__(self, faces: World) -> None:
        self.faces = faces
        self.close: list[int] = []
        self.glances: list[int] = []

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        """Not asked: candidates are."""
        raise AssertionError

    def candidates(self, frames: torch.Tensor, long_side: int | None = None) -> list[np.ndarray]:
        """The faces that a picture of this size shows."""
        numbers = (frames[:, 0, 0].long() @ torch.tensor([65536, 256, 1])).tolist()
        (self.glances if long_side else self.close).extend(numbers)
        scale = (long_side or self.long_side) / WIDTH
        found = [self.faces[number] for number in numbers]
        return [rows[np.sqrt(np.prod(rows[:, 2:4] - rows[:, :2], axis=1)) * scale >= SMALLEST] for rows in found]


def drawn(faces: World, change: Callable[[np.ndarray, int], None] = lambda picture, frame: None) -> torch.Tensor:
    """The frames of a world, uint8 (F, H, W, 3): a grey wall, faces as bright boxes; change draws more on a frame."""
    frames = np.full((len(faces), HEIGHT, WIDTH, 3), 90, np.uint8)
    for index, (picture, rows) in enumerate(zip(frames, faces, strict=True)):
        for x0, y0, x1, y1 in rows[:, :4].astype(int):
            picture[y0:y1, x0:x1] = 200
        change(picture, index)
        picture[0, 0] = index // 65536, index // 256 % 256, index % 256
    return torch.from_numpy(frames)


def follow(detector: DrawnDetector, frames: torch.Tensor) -> FaceBoxes:
    """All rows, pushed 40 frames at a time."""
    follower = FaceFollower(detector)
    parts = [follower.push(part, np.zeros(len(part), bool)) for part in frames.split(40)]
    return join([*parts, follower.finish()])


def speaker(frame: int) -> list[float]:
    """A large face that sways."""
    return face(150 + 8 * np.sin(frame / 5), 80, 60)


def test_a_large_face_is_looked_at_closely_every_sixtieth_frame_only() -> None:
    """Glances find it again, and it has a row on every frame."""
    faces = world(200, speaker)
    detector = DrawnDetector(faces)
    rows = follow(detector, drawn(faces))
    assert frames_of(rows, 0) == list(range(200))
    assert detector.close == [0, 60, 120, 180, 199]
    assert set(range(0, 200, 10)) - set(detector.close) <= set(detector.glances)


def test_a_small_face_that_comes_for_twelve_frames_is_found_on_each_of_them() -> None:
    """Its picture changes where no face was, and the frames around are looked at closely."""
    faces = world(200, speaker, lambda i: face(280, 40, 15) if 93 <= i < 105 else None)
    detector = DrawnDetector(faces)
    rows = follow(detector, drawn(faces))
    assert frames_of(rows, 0) == list(range(200))
    assert frames_of(rows, 1) == list(range(93, 105))


def test_small_faces_are_always_looked_at_closely() -> None:
    """What a glance cannot show is no reason to think that it is gone."""
    faces = world(100, speaker, lambda i: face(280, 40, 15))
    detector = DrawnDetector(faces)
    rows = follow(detector, drawn(faces))
    assert frames_of(rows, 1) == list(range(100))
    assert not detector.glances


def test_a_face_that_leaves_is_missed_on_the_very_frame() -> None:
    """A glance that does not show it is followed by a close look."""
    faces = world(100, lambda i: speaker(i) if i < 47 else None)
    rows = follow(DrawnDetector(faces), drawn(faces))
    assert frames_of(rows, 0) == list(range(47))


def test_what_happens_below_a_face_or_in_another_light_is_no_reason_to_look() -> None:
    """Hands move, the sun comes out; only changes elsewhere may be another face."""

    def hands_and_light(picture: np.ndarray, frame: int) -> None:
        picture[140:170, 130 + frame % 30 : 150 + frame % 30] = 30
        picture += np.uint8(frame % 40)

    faces = world(100, speaker)
    detector = DrawnDetector(faces)
    follow(detector, drawn(faces, hands_and_light))
    assert detector.close == [0, 60, 99]


def test_an_empty_room_is_not_looked_at_until_something_comes() -> None:
    """No glance is needed where there is nobody to find again."""
    faces = world(150, lambda i: speaker(i) if i >= 87 else None)
    detector = DrawnDetector(faces)
    rows = follow(detector, drawn(faces))
    assert frames_of(rows, 0) == list(range(87, 150))
    assert not [frame for frame in detector.close + detector.glances if 0 < frame < 60]
