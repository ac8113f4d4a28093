"""Crops along the video: steady, in step with their frames, and told where they end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import filmed_faces
import numpy as np
import pytest
import videos
from drawn_tracks import moving_face
from filmed_faces import DOTS, filmed, picture, seen, shaken

import redtrack
from redtrack.cropping import PRESETS, make_alignment
from redtrack.cropping.path import crop_paths, smoothed
from redtrack.errors import RedtrackError, UsageError, VideoError
from redtrack.tracks import Tracks


def dot(image: np.ndarray, near: np.ndarray, reach: int = 7) -> np.ndarray:
    """Returns x, y of the middle of the light around a place in a crop (S, S, 3)."""
    x0, y0 = np.round(near).astype(int) - reach
    part = np.clip(image[y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1, 0].astype(float) - 90, 0, None)
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    return np.array([(x * part).sum(), (y * part).sum()]) / part.sum() + [x0, y0]


@pytest.mark.parametrize("preset", ["openface", "arcface"])
def test_a_still_face_under_a_moving_camera_stands_still_in_its_crops(tmp_path: Path, preset: str) -> None:
    """Points err by a quarter of a pixel; what moves in the crops' pictures is below 0.2 px of 112, in every frame."""
    tracks = filmed(tmp_path / "film.mkv")
    first = make_alignment(preset)
    found = list(redtrack.crops(tmp_path / "film.mkv", tracks, first))
    assert [crop.frame for crop in found] == list(range(50)) and found[0].image.shape == (112, 112, 3)
    truth = [crop.matrix[:, :2] @ seen(shaken, crop.frame, filmed_faces.face()).T for crop in found]
    truth = [(places + crop.matrix[:, 2:]).T for places, crop in zip(truth, found, strict=True)]
    places = np.stack([[dot(c.image, t[i]) for i in (30, 36, 45)] for c, t in zip(found, truth, strict=True)])
    assert np.abs(places - np.median(places, axis=0)).max() < 0.2


def test_pixels_are_where_the_matrix_says(tmp_path: Path) -> None:
    """A dot of the frame is seen in the crop where the matrix takes its landmark, within a tenth of a pixel."""
    tracks = filmed(tmp_path / "film.mkv", frames=3, noise=0)
    crop = next(redtrack.crops(tmp_path / "film.mkv", tracks, "face"))
    for landmark in DOTS:
        place = crop.matrix @ [*tracks.points[0, landmark], 1]
        assert np.abs(dot(crop.image, place, 12) - place).max() < 0.1


def test_smoothing_is_never_late() -> None:
    """What moves evenly, or speeds up evenly, stays as it is, to both ends; noise is halved."""
    t = np.arange(40.0)[:, None]
    for way in (3 * t, 0.2 * t**2 - t):
        assert np.abs(smoothed(way, 4) - way).max() < 1e-6
    noise = np.random.default_rng(0).normal(0, 1, (2000, 1))
    assert smoothed(noise, 4).std() < 0.55 and (smoothed(noise, 0) == noise).all()


def test_a_short_gap_is_crossed_and_a_long_one_begins_a_new_part() -> None:
    """Crops in a short gap are marked as not seen; across a long one there are none."""
    frames = [*range(10), *range(14, 30), *range(60, 70)]
    points = np.stack([filmed_faces.face() + [frame, 0] for frame in frames])
    tracks = Tracks.from_rows(frames, [0] * len(frames), points, np.arange(80) / 25)
    first, second = crop_paths(tracks, 0, PRESETS["face"])
    assert (first.first, first.last, first.part) == (0, 29, 0) and (second.first, second.last, second.part) == (
        60,
        69,
        1,
    )
    assert np.flatnonzero(~first.seen).tolist() == [10, 11, 12, 13] and second.seen.all()
    steps = np.diff(first.transform.centre[:, 0])
    assert np.abs(steps - 1).max() < 1e-6


def test_two_faces_have_crops_of_their_own(tmp_path: Path) -> None:
    """In order of frames, then faces; `faces` chooses."""
    source = videos.clip(tmp_path / "in.mp4", 6)
    points = moving_face(6).points
    two = Tracks.from_rows(np.repeat(np.arange(6), 2), [0, 1] * 6, np.repeat(points, 2, axis=0), np.arange(6) / 25)
    found = [(crop.frame, crop.face) for crop in redtrack.crops(source, two)]
    assert found == [(frame, face) for frame in range(6) for face in (0, 1)]
    assert {crop.face for crop in redtrack.crops(source, two, faces=[1])} == {1}


def test_what_lies_outside_of_the_picture_is_black(tmp_path: Path) -> None:
    """A face half out of the frame, eyes and all, is cropped; a face of 15 px is enlarged."""
    source = videos.clip(tmp_path / "in.mp4", [picture(filmed_faces.face())] * 2)
    points = np.stack([filmed_faces.face() - [0, 150]] * 2)
    for face in (points, points * (15 / 144)):
        crop = next(redtrack.crops(source, Tracks.from_rows([0, 1], [0, 0], face, [0, 0.04]), "eyes"))
        assert crop.image.shape == (128, 128, 3)
    above = next(redtrack.crops(source, Tracks.from_rows([0, 1], [0, 0], points, [0, 0.04]), "eyes")).image
    assert (above[:40] == 0).all()


def test_no_face_is_no_crop(tmp_path: Path) -> None:
    source = videos.clip(tmp_path / "in.mp4", 3)
    assert list(redtrack.crops(source, Tracks.empty([0, 0.04, 0.08]))) == []


def test_wrong_tracks_and_faces_are_told(tmp_path: Path) -> None:
    """Another picture size, a shorter video, a face that is not there, a preset that does not exist."""
    tracks = filmed(tmp_path / "film.mkv", frames=4)
    wrong: list[tuple[Tracks, dict[str, object], type[RedtrackError], str]] = [
        (replace(tracks, info={"width": 64, "height": 48}), {}, UsageError, "tracks are of a video of 64 x 48"),
        (
            Tracks.from_rows([9], [0], tracks.points[:1], np.arange(12)),
            {},
            VideoError,
            "it has 4 frames, the tracks are",
        ),
        (tracks, {"faces": [5]}, UsageError, "no face 5; the faces are 0"),
        (tracks, {"preset": "nose"}, UsageError, "no preset 'nose'"),
    ]
    for given, options, kind, told in wrong:
        with pytest.raises(kind, match=told):
            list(redtrack.crops(tmp_path / "film.mkv", given, **options))


def test_a_video_that_was_turned_to_be_annotated_is_turned_to_be_cropped(tmp_path: Path) -> None:
    """As the tracks tell."""
    tracks = filmed(tmp_path / "film.mkv", frames=2, camera=filmed_faces.still, noise=0)
    lying = videos.clip(tmp_path / "lying.mkv", [np.rot90(picture(filmed_faces.face()))] * 2, codec="ffv1",
                        pixel_format="yuv444p")  # fmt: skip
    turned = replace(tracks, info={"reading": {"rotate": 90}, "width": 320, "height": 240})
    upright, again = (next(redtrack.crops(path, tracks)) for path, tracks in
                      ((tmp_path / "film.mkv", tracks), (lying, turned)))  # fmt: skip
    assert np.abs(upright.image.astype(int) - again.image).mean() < 3
