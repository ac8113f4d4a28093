"""Stills moved by a made-up camera have exact truth."""

from dataclasses import replace

import numpy as np
import torch
from dotted_faces import dotted_faces

from redtrack.training.landmarks.augment import NONE, OURS
from redtrack.training.landmarks.clips import (
    Bulges,
    camera_path,
    clip_crops,
    eye_opening,
    mirrored,
    pass_occluder,
    pushed,
    random_clip,
    still_clip,
    talk,
    wobble,
)


def a_clip(frames: int = 6):
    """A still of a dotted face as a clip."""
    images, points = dotted_faces(1)
    return still_clip(images[0], points[0], frames)


def bright(crops: torch.Tensor, truth: torch.Tensor, index: int) -> float:
    """The lowest brightness at a point over the frames."""
    x, y = truth[:, index].round().long().unbind(-1)
    return float(torch.stack([c[0, b, a] for c, a, b in zip(crops, x, y, strict=True)]).min())


def test_points_follow_the_camera():
    """In every frame of a moved still the landmark is where the truth says."""
    clip = a_clip()
    crops, truth = clip_crops(clip, camera_path(clip, 128, NONE, np.random.default_rng(2)), None)
    assert (truth[0] - truth[-1]).abs().max() > 0.2
    for index in (8, 30, 36, 45):
        assert bright(crops, truth, index) > 0.5


def test_points_follow_a_bulge():
    """A part of the face pushed aside takes its landmark along, and the others stay."""
    clip = a_clip()
    push = np.zeros((6, 1, 2))
    push[3:, 0] = (3.0, -2.0)
    bulges = Bulges(clip.points[0, [30]].astype(float), np.array([8.0]), push)
    path = camera_path(clip, 128, NONE, np.random.default_rng(2))
    still, plain = clip_crops(clip, path, None)
    crops, truth = clip_crops(clip, path, bulges)
    assert (truth - plain)[3:, 30].norm(dim=-1).min() > 1.0 and (truth - plain)[:, 8].abs().max() < 0.01
    assert bright(crops, truth, 30) > 0.5 and not torch.equal(crops, still)


def test_pushed_points_solve_their_equation():
    """A pushed point q has q - push(q) where the still has it."""
    clip = a_clip()
    bulges = Bulges(clip.points[0, [30, 8]].astype(float), np.array([9.0, 12.0]), np.full((6, 2, 2), 3.0))
    q = pushed(clip.points, bulges)
    assert np.abs(q - bulges.at(q) - clip.points).max() < 0.01


def test_mirrored_clips_keep_their_points_on_their_pixels():
    """A clip in a mirror has its right eye where the left one was."""
    clip = mirrored(a_clip())
    value = clip.images[0, 0][tuple(clip.points[0, 36].round().astype(int)[::-1])]
    assert value > 127


def test_an_occluder_passes_over_some_frames():
    """It changes pixels, in no frame all of them."""
    crops = torch.zeros(6, 3, 64, 64)
    covered = (pass_occluder(crops, np.random.default_rng(1)) != 0).any(1).float().mean((1, 2))
    assert covered.max() > 0 and covered.max() < 0.9


def test_random_clips_are_what_the_network_takes():
    """Pictures in 0..1 of the right shape, repeatable from the seed."""
    a = random_clip(a_clip(), 128, np.random.default_rng(4), still=True)
    b = random_clip(a_clip(), 128, np.random.default_rng(4), still=True)
    assert a[0].shape == (6, 3, 128, 128) and a[1].shape == (6, 68, 2)
    assert a[0].min() >= 0 and a[0].max() <= 1 and torch.equal(a[0], b[0])


def test_wobble_is_about_one():
    """The camera's shake has the amplitude that it is scaled by."""
    assert 0.4 < wobble(200, 40, np.random.default_rng(0)).std() < 1.6


def test_lids_fall_faster_than_they_rise():
    """On average over many blinks: frames from open to shut, and from shut to open."""
    fall, rise = [], []
    for k in range(200):
        opening = eye_opening(60, np.random.default_rng(k))
        half = np.flatnonzero((opening > 0.1) & (opening < 0.9))
        shut = np.flatnonzero(opening <= 0.1)
        if len(shut) and shut[0] > 0 and shut[-1] < 59:
            fall.append((half < shut[0]).sum())
            rise.append((half > shut[-1]).sum())
    assert len(fall) > 50 and np.mean(fall) < 0.8 * np.mean(rise)


def test_eyes_shut_and_open_again():
    """In one go: shut in the middle, open at an end that is far enough."""
    openings = np.stack([eye_opening(20, np.random.default_rng(k)) for k in range(50)])
    assert openings.min() == 0 and openings.max() <= 1 and (openings.min(1) < 0.2).all()
    assert (openings.max(1) > 0.9).mean() > 0.7
    for opening in openings:
        shut = opening.argmin()
        assert (np.diff(opening[: shut + 1]) <= 0).all() and (np.diff(opening[shut:]) >= 0).all()


def test_a_blinking_still_has_its_lids_points_where_its_lids_are(monkeypatch):
    """The upper lids' points go down and come back with the picture's own skin, and no others move."""
    monkeypatch.setattr("redtrack.training.landmarks.clips.random_bulges", lambda points, frames, rng: None)
    images, points = dotted_faces(1)
    points = (points - 112) * 1.6 + 112
    points[:, [37, 38, 43, 44], 1] -= 4
    points[:, [40, 41, 46, 47], 1] += 4
    still, how = still_clip(images[0], points[0], 20), replace(OURS, shut=1.0)
    _, truth = random_clip(still, 128, np.random.default_rng(5), still=True, how=how)
    opening = (truth[:, 41] - truth[:, 37]).norm(dim=-1) / (truth[:, 36] - truth[:, 45]).norm(dim=-1)
    lip = (truth[:, 57] - truth[:, 51]).norm(dim=-1) / (truth[:, 36] - truth[:, 45]).norm(dim=-1)
    assert opening.min() < 0.3 * opening.max() and lip.std() < 0.01 * lip.mean()


def test_talk_moves_the_lower_lip_and_not_the_eyes():
    """Up and down along the face, by up to a seventh of the mouth's width and a half; the points say so."""
    _, points = dotted_faces(1)
    width = np.hypot(*(points[0, 54] - points[0, 48]))
    for seed in range(5):
        moved = pushed(np.repeat(points[:1], 20, 0), talk(points[0], 20, np.random.default_rng(seed))) - points[0]
        lip, eyes = np.linalg.norm(moved[:, 57], axis=-1), np.linalg.norm(moved[:, 36:48], axis=-1)
        assert 0.01 * width < lip.max() < 0.22 * width and eyes.max() < 0.3 * lip.max()


def test_two_motions_at_once_are_the_sum_of_their_pushes():
    """Where both reach."""
    _, points = dotted_faces(1)
    one, other = (talk(points[0], 4, np.random.default_rng(seed)) for seed in (1, 2))
    here = np.repeat(points[:1], 4, 0)
    assert np.allclose(one.and_also(other).at(here), one.at(here) + other.at(here))
