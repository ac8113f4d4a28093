"""A video is read as the options ask for: its stream, its rate, its turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import video_streams
import videos
from annotating import square_models

from redtrack.errors import UsageError
from redtrack.inference.opening import find_turn, open_chosen
from redtrack.inference.options import Options


class MarkDetector:
    """Finds a face, surely, where the left half of a picture is bright; otherwise less surely, or not at all."""

    def __init__(self, otherwise: float = 0.0) -> None:
        self.otherwise = otherwise

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        width = frames.shape[2]
        sure = [float(frame[:, : width // 2].float().mean()) > 150 for frame in frames]
        scores = [0.95 if upright else self.otherwise for upright in sure]
        return [np.array([[0, 0, 9, 9, score]] if score else [], np.float32).reshape(-1, 5) for score in scores]


def marked(turn: int = 0) -> np.ndarray:
    """A picture that is upright once it has been turned clockwise by so many degrees."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :30] = 255
    return np.ascontiguousarray(np.rot90(picture, turn // 90))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_picture_is_turned_for_its_faces_to_stand_upright(turn: int) -> None:
    assert find_turn([marked(turn)] * 3, MarkDetector()) == turn


def test_a_turned_face_that_is_not_clearly_better_turns_nothing() -> None:
    assert find_turn([marked(90)], MarkDetector(otherwise=0.88)) == 0
    assert find_turn([np.zeros((40, 60, 3), np.uint8)], MarkDetector(otherwise=0.5)) == 0
    assert find_turn([], MarkDetector()) == 0


def test_auto_opens_the_video_turned(tmp_path: Path) -> None:
    """What is decoded, the size that is told and what the result keeps are those of the turned picture."""
    path = videos.clip(tmp_path / "side.mkv", [marked(90)] * 12, codec="ffv1", pixel_format="bgr0")
    models = square_models(detector=MarkDetector())
    video = open_chosen(path, models, Options(rotate="auto"))
    assert (video.info.width, video.info.height, video.info.rotation, video.info.reading.rotate) == (60, 40, 90, 90)
    frames = [frame.image.copy() for frame in video.frames()]
    assert len(frames) == 12 and all(np.array_equal(frame, marked()) for frame in frames)


def test_auto_needs_the_detector(tmp_path: Path) -> None:
    path = videos.clip(tmp_path / "a.mp4", 3)
    with pytest.raises(UsageError, match="rotate auto needs the face detector"):
        open_chosen(path, square_models(detector=None), Options(rotate="auto"))


def test_options_choose_stream_and_rate(tmp_path: Path) -> None:
    path = video_streams.two_streams(tmp_path / "two.mkv")
    assert open_chosen(path, square_models(), Options(stream=0)).info.width == videos.WIDTH
    bare = videos.clip(tmp_path / "bare.mjpeg", 12, codec="mjpeg", pixel_format="yuvj420p")
    times = [frame.time for frame in open_chosen(bare, square_models(), Options(fps=50)).frames()]
    assert times == pytest.approx([index / 50 for index in range(12)])


@pytest.mark.parametrize("wrong", [{"rotate": 45}, {"rotate": "up"}, {"fps": 0}, {"fps": -1}, {"stream": -1}])
def test_choices_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Options(**wrong)  # type: ignore[arg-type]


def test_a_turn_is_kept_as_a_number() -> None:
    assert Options(rotate="90").rotate == 90 and Options(rotate=90) == Options(rotate="90")
    assert Options(rotate="auto").rotate == "auto" and Options().rotate is None
