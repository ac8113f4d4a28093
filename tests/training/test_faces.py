"""Reading labelled faces: points stay on their pixels, the split apart, wrong labels are told."""

import numpy as np
import pytest
import torch
from dotted_faces import dotted_faces
from labelled_faces import write_folders, write_pts

from redtrack.errors import FormatError, UsageError
from redtrack.points import MEAN_SHAPE
from redtrack.training.landmarks.faces import (
    FaceSet,
    held_out,
    join,
    labelled_pictures,
    read_faces,
    stored_size,
    turned,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A 300-W folder `faces` and an identity folder `people`, of dotted faces."""
    return write_folders(tmp_path_factory.mktemp("data"))


def test_reading_keeps_points_on_their_pixels_and_the_split_apart(folder):
    """Faces are cut with room around them; held-out names are in the second set alone."""
    inside, outside = read_faces(folder / "faces")
    assert len(inside) == 6 and len(outside) == 2
    assert not any(held_out(n.removesuffix(".png")) for n in inside.names)
    assert all(held_out(n.removesuffix(".png")) for n in outside.names)
    x, y = inside.points[0, 30].round().astype(int)
    assert inside.images[0, 0, y, x] > 150


def test_people_are_split_by_person(folder):
    """No person is on both sides, and every one has a class of their own."""
    inside, outside = read_faces(folder / "people", 0.3)
    assert {n.split("/")[0] for n in inside.names}.isdisjoint(n.split("/")[0] for n in outside.names)
    assert len(set(inside.identity)) == 2 and (inside.weight == np.float32(0.3)).all()


def test_joined_sets_keep_people_apart(folder):
    """Classes of the second set start after those of the first; faces without a person have none."""
    people, _ = read_faces(folder / "people")
    faces, _ = read_faces(folder / "faces")
    both = join([people, faces, people])
    assert both.identity[2:8].max() == -1 and set(both.identity[:2]).isdisjoint(both.identity[8:])


def test_a_folder_without_labels_is_told(tmp_path):
    """No .pts, no training."""
    with pytest.raises(UsageError, match="no pictures with .pts"):
        labelled_pictures(tmp_path)


def test_face_sets_can_be_cut(folder):
    """A subset keeps everything of its faces together."""
    faces, _ = read_faces(folder / "faces")
    some = faces.subset(np.array([3, 1]))
    assert isinstance(some, FaceSet) and some.names == [faces.names[3], faces.names[1]]
    assert torch.equal(some.images[0], faces.images[3])


def test_faces_are_stored_as_large_as_the_crops_need():
    """Crops of 256 px are cut from at least as many pixels; those of 128 px from what they were."""
    assert stored_size(128) == 224 and stored_size(256) >= 348
    assert all(stored_size(256, scale) * scale / 1.9 >= 256 for scale in (1.2, 1.4))


def test_faces_are_read_at_the_size_asked_for(folder):
    """The points lie on the same pixels of a larger picture."""
    small, large = (read_faces(folder / "faces", size=size)[0] for size in (224, 352))
    assert large.images.shape[-1] == 352
    there = (small.points + 0.5) * 352 / 224 - 0.5
    assert np.allclose(large.points, there, atol=0.01)


@pytest.mark.parametrize(
    "points, said",
    [
        (MEAN_SHAPE * 100 + 1000, "has 68 of 68 points outside its picture of 224 x 224"),
        (MEAN_SHAPE * 0 + 50, "has both eyes' outer corners .* at one place"),
    ],
)
def test_labels_that_cannot_be_the_pictures_are_told(folder, tmp_path, points, said):
    """With the file's name and what to do."""
    picture = next((folder / "faces").glob("*.png"))
    (tmp_path / "a.png").symlink_to(picture)
    write_pts(tmp_path / "a.pts", points)
    with pytest.raises(FormatError, match=f"a.pts: {said}; mend or remove the file"):
        read_faces(tmp_path)


def test_a_label_that_is_no_number_is_told(folder, tmp_path):
    """NaN is no place."""
    (tmp_path / "a.png").symlink_to(next((folder / "faces").glob("*.png")))
    write_pts(tmp_path / "a.pts", MEAN_SHAPE * np.nan)
    with pytest.raises(FormatError, match="a.pts: does not hold pairs of finite numbers"):
        read_faces(tmp_path)


def test_turned_faces_are_drawn_up_to_twice_as_often():
    """By how far the nose lies to one side of the jaw, to either side alike."""
    _, points = dotted_faces(3)
    points[1, 30, 0] = points[1, 2, 0]
    points[2, 30, 0] = points[2, 14, 0]
    chances = turned(points)
    assert chances[0] == pytest.approx(1, abs=0.02) and 1.5 < chances[1] <= 2
    assert chances[2] == pytest.approx(chances[1], abs=0.01)
