"""Shot cuts are found where they are, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import videos

from redtrack.video import ShotDetector, Video, thumbnail

CLIPS = Path(os.environ.get("REDTRACK_DATA", "")) / "clips"
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="REDTRACK_DATA does not lead to real clips")
# Two clips that are not one shot: a black frame and a change of scene are spliced into them.
SPLICED = {"face_noface.mov": [73], "noface_face.mov": [96]}


def cuts(pictures: list[videos.Image]) -> list[int]:
    detector = ShotDetector()
    return [index for index, picture in enumerate(pictures) if detector.push(picture)]


def clip_frames(name: str) -> list[videos.Image]:
    return [frame.image for frame in Video(CLIPS / name).frames()]


def natural(picture: videos.Image) -> videos.Image:
    """The picture with its colours as pale as a photo's."""
    grey = picture.mean(axis=-1, keepdims=True)
    return (grey + 0.3 * (picture - grey)).astype(np.uint8)


def test_hard_cuts_are_found_at_their_frame(tmp_path: Path) -> None:
    """A cut is told at the first frame of the new shot."""
    path = videos.shots(tmp_path / "cuts.mp4", (20, 15, 30))
    assert cuts([frame.image for frame in Video(path).frames()]) == [20, 35]


@pytest.mark.parametrize("speed", [0, 1, 4, 8])
def test_a_moving_camera_is_no_cut(speed: int) -> None:
    """A camera that stands or pans steadily makes one shot."""
    assert cuts(videos.drifting(40, seed=3, speed=speed)) == []


@pytest.mark.parametrize("gain", [0.4, 1.5, 2.5])
@pytest.mark.parametrize("length", [1, 3])
def test_a_flash_is_no_cut(gain: float, length: int) -> None:
    """Frames in another light, and the way back, do not end the shot."""
    pictures = [natural(picture) for picture in videos.drifting(30, seed=4)]
    for index in range(12, 12 + length):
        pictures[index] = np.clip(pictures[index] * gain, 0, 255).astype(np.uint8)
    assert cuts(pictures) == []


def test_a_black_frame_is_passed_over() -> None:
    """A black frame inside a shot does not end it; one between two shots puts the cut at the second's first frame."""
    first, second = videos.drifting(10, seed=5), videos.drifting(10, seed=6)
    black = [np.zeros_like(first[0])]
    assert cuts(first[:5] + black + first[5:]) == []
    assert cuts(first + black + second) == [11]


def test_a_fade_to_black_and_back_is_one_cut_at_most() -> None:
    """Fading out to another scene and in again gives one cut, not one a frame."""
    first, second = videos.drifting(10, seed=7), videos.drifting(10, seed=8)
    out = [(first[-1] * share).astype(np.uint8) for share in np.linspace(1, 0, 8)]
    back = [(second[0] * share).astype(np.uint8) for share in np.linspace(0, 1, 8)]
    assert len(cuts(first + out + back + second)) == 1


@pytest.mark.parametrize("speed", [2, 8, 16, 24])
def test_a_cut_is_found_while_the_camera_moves(speed: int) -> None:
    """However fast it pans: by 24 px a frame, a seventh of the picture, too."""
    first, second = videos.drifting(20, seed=9, speed=speed), videos.drifting(10, seed=10, speed=speed)
    found = cuts(first + second)
    assert 20 in found


@pytest.mark.parametrize("tiles", [2, 3])
def test_a_tile_of_a_video_call_is_no_cut(tiles: int) -> None:
    """Where a camera is switched on, and off again, the other tiles go on as they are."""
    height, width = videos.HEIGHT // tiles, videos.WIDTH // tiles
    people = [[natural(one)[:height, :width] for one in videos.drifting(40, seed=20 + n)] for n in range(tiles**2)]
    for person in people[1:]:  # who sit still before a wall
        person[:] = [person[0]] * 40
    pictures = []
    for index in range(40):
        picture = np.full((videos.HEIGHT, videos.WIDTH, 3), 30, np.uint8)
        for number, person in enumerate(people):
            if number or 15 <= index < 30:
                y, x = number // tiles * height, number % tiles * width
                picture[y : y + height, x : x + width] = person[index]
        pictures.append(picture)
    assert cuts(pictures) == []


def test_a_cut_between_black_bars_is_found() -> None:
    """The bars are the same on both sides."""
    bars = np.zeros((videos.HEIGHT, 2 * videos.WIDTH, 3), np.uint8)
    first, second = (
        [np.concatenate([bars[:, :150], one, bars[:, :150]], axis=1) for one in videos.drifting(10, seed=seed)]
        for seed in (11, 12)
    )
    assert cuts(first + second) == [10]


def test_the_first_frame_is_no_cut() -> None:
    """A video starts in its first shot."""
    assert cuts([videos.numbered(1)]) == []


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (18, 32), (121, 161), (1920, 1080)])
def test_thumbnails_of_any_size(height: int, width: int) -> None:
    """A thumbnail is 18 rows of 32, with the picture's mean colour, whatever the picture's size."""
    image = np.full((height, width, 3), (10, 20, 30), np.uint8)
    image[:, width // 2 :] = (20, 40, 60)
    small = thumbnail(image)
    assert (small.shape, small.dtype) == ((18, 32, 3), np.float32)
    assert small.mean(axis=(0, 1)) == pytest.approx(image.mean(axis=(0, 1)), rel=0.35)


@needs_clips
@pytest.mark.slow
def test_real_clips_of_one_shot_have_no_cut() -> None:
    """8,300 frames of people talking, nodding and being filmed from the hand: no cut but the splices."""
    for path in sorted([*CLIPS.glob("plain/*"), *CLIPS.glob("tracked/*/vid.*")]):
        assert cuts([frame.image for frame in Video(path).frames()]) == SPLICED.get(path.name, []), path


@needs_clips
def test_joined_real_clips_have_one_cut() -> None:
    """Where one real clip is followed by another, there is a cut, and no other."""
    names = ["plain/live_d0.mp4", "plain/single_face.mp4", "plain/grid_bbaf2n.mpg", "tracked/jet_li/vid.avi"]
    clips = [clip_frames(name)[:30] for name in names]
    assert cuts([frame for clip in clips for frame in clip]) == [30, 60, 90]
