"""`redtrack.annotate` from Python: tracks in memory, the same as the command line's."""

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from annotating import ONE, clip_of, square_models, true_points

import redtrack
from redtrack.errors import VideoError
from redtrack.inference import annotate as in_memory
from redtrack.inference.options import Options, Resources


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "one.mkv", (ONE,), 34)


@pytest.fixture(autouse=True)
def squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "Landmarker", lambda *_: square_models())


def test_video_becomes_tracks_without_a_file(video: Path) -> None:
    before = set(video.parent.iterdir())
    tracks = redtrack.annotate(video)
    assert tracks.frames == 34 and tracks.faces == [0] and tracks.complete
    assert np.abs(tracks.dense(0)[20] - true_points(ONE, 20)).max() < 2
    assert tracks.info["codec"] == "ffv1" and set(video.parent.iterdir()) == before


def test_annotate_is_a_plain_function_with_every_option_by_name() -> None:
    """`help` and `inspect.signature` show the real parameters, with their types and defaults."""
    parameters = inspect.signature(redtrack.annotate).parameters
    assert inspect.isfunction(redtrack.annotate)
    assert not {p.kind for p in parameters.values()} & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    assert all(p.annotation not in (inspect.Parameter.empty, "Any") for p in parameters.values())
    for option in (*fields(Options), *fields(Resources)):
        assert parameters[option.name].default == option.default, option.name


def test_options_are_those_of_the_command_line(video: Path) -> None:
    tracks = redtrack.annotate(video, window=5, start=0.4, max_faces=1)
    assert tracks.info["options"]["window"] == 5 and tracks.frame.min() == 10


def test_path_of_boxes_may_be_text(video: Path, tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text("3,40,80,99,139\n")
    assert redtrack.annotate(video, boxes=str(tmp_path / "boxes.csv")).frame.tolist() == [3]


def test_unknown_option_is_refused(video: Path) -> None:
    with pytest.raises(TypeError, match="widow"):
        redtrack.annotate(video, widow=5)  # type: ignore[call-arg]


def test_what_the_progress_callback_raises_is_raised_as_it_is(video: Path) -> None:
    """It is no fault of redtrack's own."""

    def broken(_: int) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        redtrack.annotate(video, progress=broken)


def test_progress_is_called_with_the_frames_so_far(video: Path) -> None:
    seen: list[int] = []
    redtrack.annotate(video, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 34


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_what_is_no_video_raises(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(VideoError):
        redtrack.annotate(tmp_path / "x.mp4")


def test_truncated_video_gives_what_there_is_and_says_so(video: Path, tmp_path: Path) -> None:
    whole = video.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 6 // 10])
    tracks = redtrack.annotate(tmp_path / "cut.mkv")
    assert not tracks.complete and tracks.info["reason"] and 5 < tracks.frames < 34


def test_video_without_a_face_has_its_times(tmp_path: Path) -> None:
    tracks = redtrack.annotate(clip_of(tmp_path / "empty.mkv", (), 7))
    assert len(tracks) == 0 and np.allclose(tracks.times, np.arange(7) / 25)


def test_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    from annotating import picture
    from PIL import Image

    Image.fromarray(picture((ONE,), 0)).save(tmp_path / "face.png")
    tracks = redtrack.annotate(tmp_path / "face.png")
    assert tracks.frames == 1 and np.abs(tracks.points[0] - true_points(ONE, 0)).max() < 2


def test_unknown_public_name_is_an_attribute_error() -> None:
    for module in (redtrack,):
        with pytest.raises(AttributeError, match="nonsense"):
            module.nonsense  # noqa: B018


def test_public_names_are_there() -> None:
    module: Any
    for module in (redtrack,):
        assert all(getattr(module, name) is not None for name in module.__all__)
    assert set(redtrack.__all__) <= set(dir(redtrack))


def test_shot_cuts_are_told(tmp_path: Path) -> None:
    """The frames where a shot begins, counted in the whole video."""
    tracks = redtrack.annotate(videos.shots(tmp_path / "shots.mp4", (20, 15, 30)), start=0.4)
    assert tracks.info["cuts"] == [20, 35]


def test_every_option_of_annotate_reaches_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """No parameter that `Options` has is taken and left out."""
    taken: dict[str, object] = {}
    monkeypatch.setattr(in_memory, "Options", lambda **options: taken.update(options))
    for name in ("Landmarker", "annotate_with"):
        monkeypatch.setattr(in_memory, name, lambda *args: None)
    in_memory.annotate("clip.mp4")
    asked = inspect.signature(in_memory.annotate).parameters.keys()
    assert taken.keys() == {field.name for field in fields(Options)} & asked
