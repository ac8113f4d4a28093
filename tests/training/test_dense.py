"""Dense features are trained on looks at faces on which the same places are known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from heads import heads, poses, seen

from redtrack import checkpoint
from redtrack.cli import cli
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.dense import DenseHead
from redtrack.rednet.model import RedNet
from redtrack.render.face import draw_face
from redtrack.shape3d.basis import default_basis
from redtrack.training.dense.contrast import PLACES, contrast, drawn
from redtrack.training.dense.looks import carried, look_at, places_of
from redtrack.training.dense.transfer import carry, dense_to_views, to_views
from redtrack.training.landmarks.augment import NONE
from redtrack.training.landmarks.faces import FaceSet, make_set


@pytest.fixture(scope="module")
def net() -> RedNet:
    torch.manual_seed(0)
    return RedNet(RedNetConfig()).eval()


def drawn_faces(count: int) -> FaceSet:
    """Returns faces of people with expressions, drawn from their points."""
    points = (seen(heads(count), poses(np.zeros((count, 3)), 1.0)) - [320, 240] + [112, 90]).astype(np.float32)
    images = []
    for own in points:
        picture = np.full((224, 224, 3), 90, np.uint8)
        draw_face(picture, own)
        images.append(torch.from_numpy(picture).permute(2, 0, 1))
    return make_set(images, list(points), [f"n{k}" for k in range(count)], "drawn", size=224)


def test_looks_know_the_same_places(net: RedNet) -> None:
    """Vertices and triangles of the 3D face: most are seen on a photograph, and fewer on a turned view."""
    looks = look_at(net, drawn_faces(2), 1, np.random.default_rng(0), turn=(40, 0), how=NONE)
    basis = default_basis()
    assert looks.features.shape == (2, 2, 144, 32, 32) and looks.features.dtype == torch.float16
    assert looks.cells.shape == (2, 2, 468 + 872, 2) and looks.points.shape == (2, 2, 68, 2)
    assert torch.allclose(looks.places[:468], torch.from_numpy(basis.mean)) and len(places_of(basis)) == 468 + 872
    there = torch.isfinite(looks.cells[..., 0])
    assert (there[:, 0].float().mean(1) > 0.7).all() and (there[:, 1].float().mean(1) > 0.4).all()
    off = (looks.cells[:, 0, 17:68] - looks.points[:, 0, 17:]).norm(dim=-1)
    assert off.nanmean() < 0.3  # cells of 4 px: vertices that are landmarks lie on their labels
    moved = (looks.cells[:, 1, 17:68] - looks.points[:, 1, 17:]).norm(dim=-1)
    assert moved.nanmean() < 0.6


def test_places_are_carried_by_where_pixels_are_from() -> None:
    """A view that is the photograph moved by 5 px shows each place 5 px away; what it does not show is unknown."""
    y, x = np.mgrid[:40, :40].astype(float)
    origin = np.stack([x - 5, y], axis=-1)
    origin[:, :5] = np.nan
    found = carried(np.array([[10.0, 20.0], [20.4, 3.0], [38.0, 9.0], [np.nan, np.nan], [60.0, 5.0]]), origin)
    assert np.allclose(found[:2], [[15, 20], [25, 3]]) and np.isnan(found[2:]).all()


def test_the_loss_is_least_where_places_are_alike_and_others_not() -> None:
    """Neighbours within 5 mm do not count: they may be alike."""
    places = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [50.0, 0, 0], [0, 50.0, 0]])
    told = torch.eye(4)[[0, 0, 1, 2]]  # the first two are neighbours, and alike
    assert contrast(told, told, places) < 1e-4
    assert contrast(told, told[[2, 3, 0, 1]], places) > 5
    apart = contrast(told, told, places * 100)
    assert apart > 0.3


def test_places_are_drawn_from_those_that_both_looks_show() -> None:
    shared = torch.zeros(3, 1340, dtype=torch.bool)
    shared[0, :700] = True
    shared[1, 5:9] = True
    chosen = drawn(shared, np.random.default_rng(0))
    assert chosen.shape == (3, PLACES) and (chosen[0] < 700).all() and len(set(chosen[0].tolist())) == PLACES
    assert set(chosen[1].tolist()) == {5, 6, 7, 8} and (chosen[2] == 0).all()


def test_errors_are_in_percent_of_the_eye_distance() -> None:
    """Of places that are seen; those of another map that is the same are carried without one."""
    maps = torch.nn.functional.interpolate(torch.randn(1, 16, 8, 8), size=32, mode="bilinear")
    cells = torch.tensor([[[8.0, 9.0], [16.0, 20.0], [torch.nan, torch.nan]]])
    off = carry(maps, cells, maps, cells + torch.tensor([1.0, 0.0]), torch.tensor([10.0]))
    assert (off[0, :2] - 10).abs().max() < 4 and torch.isnan(off[0, 2])


def test_transfer_is_measured_from_photographs_to_their_views(net: RedNet) -> None:
    """By any features: a row of landmarks and one of all places for each face."""
    looks = look_at(net, drawn_faces(2), 1, np.random.default_rng(0))
    with torch.inference_mode():
        assert to_views(looks, lambda read: read).shape == (2, 68)
        assert dense_to_views(looks, lambda read: read).shape == (2, 1340)


def test_the_command_trains_a_head(tmp_path: Path, net: RedNet) -> None:
    """It ends with weights that say what they are of, and can be resumed; a folder in use and few faces are refused."""
    from redtrack.formats.pts import write_points
    from redtrack.render.png import write_png

    checkpoint.save(tmp_path / "net.safetensors", net, "rednet", {})
    faces = drawn_faces(10)
    (tmp_path / "data").mkdir()
    for name, image, points in zip(faces.names, faces.images, faces.points, strict=True):
        write_png(tmp_path / "data" / f"{name}.png", image.permute(1, 2, 0).numpy())
        write_points(points, tmp_path / "data" / f"{name}.pts")
    command = ["train", "dense", "--data", str(tmp_path / "data"), "--start", str(tmp_path / "net.safetensors"), "-q"]
    first = [*command, "-o", str(tmp_path / "run"), "--steps", "1"]
    done = CliRunner().invoke(cli, first)
    assert done.exit_code == 0, (done.output, done.exception)
    assert isinstance(checkpoint.load(tmp_path / "run" / "weights.safetensors", "dense", fused=False), DenseHead)
    card = checkpoint.describe(tmp_path / "run" / "weights.safetensors")["card"]
    assert card["stage"] == "dense" and card["start"] == "net.safetensors" and card["steps"] == 1
    again = CliRunner().invoke(cli, first)
    assert again.exit_code != 0 and "holds a run already" in again.stderr
    assert CliRunner().invoke(cli, [*first[:-1], "2", "--resume"]).exit_code == 0
    assert checkpoint.describe(tmp_path / "run" / "weights.safetensors")["card"]["steps"] == 2
    for name in faces.names[3:]:
        (tmp_path / "data" / f"{name}.png").unlink()
    few = CliRunner().invoke(cli, [*command, "-o", str(tmp_path / "few"), "--steps", "1"])
    assert few.exit_code != 0 and "faces are too few" in few.stderr
