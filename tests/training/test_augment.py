"""Augmentation moves the points with the picture."""

from dataclasses import replace

import numpy as np
import torch
from dotted_faces import dotted_faces

from redtrack.cli.train_options import AUGMENTATIONS
from redtrack.points import MIRROR
from redtrack.training.landmarks.augment import (
    NAMED,
    NONE,
    OURS,
    Augmentation,
    cut,
    mirror,
    occlude,
    random_crops,
    relight,
    training_crops,
)


def brightness_at(crops: torch.Tensor, points: torch.Tensor, index: int) -> torch.Tensor:
    """The crop's value at the pixel nearest to a point."""
    x, y = points[:, index].round().long().unbind(-1)
    return torch.stack([c[0, b, a] for c, a, b in zip(crops, x, y, strict=True)])


def test_points_stay_on_their_pixels_through_crop_turn_and_mirror():
    """Each marked landmark is still bright after rotation, scale, shift and flip."""
    images, points = dotted_faces(8)
    geometric = Augmentation(light=0, grey=0, blur=0, noise=0, occlude=0, shut=0, glasses=0)
    crops, truth, _ = training_crops(images, points, 128, geometric, np.random.default_rng(3))
    for index in (8, 30, 36, 45):
        assert brightness_at(crops, truth, index).min() > 0.5


def test_mirroring_twice_is_nothing():
    """The mirror image's mirror image is the picture, and its points keep their meaning."""
    images, points = dotted_faces(2)
    which, axis = np.array([True, False]), np.zeros(2)
    once, there = mirror(images, points, which, axis)
    twice, back = mirror(once, there, which, axis)
    assert torch.equal(twice, images) and np.allclose(back, points)
    assert np.allclose(there[0, MIRROR[36]], [223 - points[0, 36, 0], points[0, 36, 1]])


def test_without_augmentation_crops_are_exact():
    """NONE gives the landmark crop itself, unturned."""
    _, points = dotted_faces(2)
    crops = random_crops(points, 128, NONE, np.random.default_rng(0))
    assert np.allclose(crops.angle, 0) and np.allclose(crops.side, np.ptp(points[0], axis=0).max() * 1.4)


def test_the_same_seed_gives_the_same_crops():
    """Training draws nothing but from its generator."""
    images, points = dotted_faces(4)
    a = training_crops(images, points, 128, OURS, np.random.default_rng(5))
    b = training_crops(images, points, 128, OURS, np.random.default_rng(5))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert a[0].min() >= 0 and a[0].max() <= 1


def test_light_and_occluders_change_pictures():
    """With chance 1 every picture is changed, with chance 0 none."""
    images, points = dotted_faces(3)
    crops = cut(images, random_crops(points, 64, NONE, np.random.default_rng(0))) * 0.8 + 0.1
    for change in (relight, occlude):
        always = change(crops, Augmentation(light=1, grey=0, occlude=1), np.random.default_rng(1))
        never = change(crops, Augmentation(light=0, grey=0, occlude=0), np.random.default_rng(1))
        assert torch.equal(never, crops) and (always - crops).abs().flatten(1).amax(1).min() > 0.01


def test_labels_keep_to_their_side_in_the_mirror():
    """Labels that lie to the right of the face's middle do so in the mirror image too; twice mirrored they are back."""
    images, points = dotted_faces(2)
    eyes = points[:, 45] - points[:, 36]
    axis = np.array([0.05, 0.0], np.float32)
    labels = points + (axis[:, None] * eyes)[:, None]
    both = np.array([True, True])
    _, mirrored = mirror(images, labels, both, axis)
    _, middle = mirror(images, points, both, np.zeros(2))
    there = middle[:, 45] - middle[:, 36]
    assert np.allclose(mirrored, middle + (axis[:, None] * there)[:, None], atol=1e-3)
    assert np.allclose(mirror(images, mirrored, both, axis)[1], labels, atol=1e-3)


def test_crops_follow_the_scale_asked_for():
    """Smaller ones show the face larger."""
    _, points = dotted_faces(2)
    wide, narrow = (random_crops(points, 128, NONE, np.random.default_rng(0), scale) for scale in (1.4, 1.27))
    assert np.allclose(narrow.side / wide.side, 1.27 / 1.4)


def test_each_named_augmentation_can_be_asked_for() -> None:
    """The command offers all of them; that for eyes shuts more and puts on more glasses, and all else is eased."""
    assert list(AUGMENTATIONS) == list(NAMED)
    eyes, eased = NAMED["eyes"], NAMED["eased"]
    assert eyes.shut > eased.shut and eyes.glasses > eased.glasses
    assert replace(eyes, shut=eased.shut, glasses=eased.glasses) == eased
    images, points = dotted_faces(4)
    batch = training_crops(images, points, 128, replace(eyes, glasses=1.0), np.random.default_rng(0))
    assert not torch.equal(batch.crops, batch.clean) and batch.crops.shape == (4, 3, 128, 128)
