"""The certainty stage: a head for a network that stays as it is, calibrated on the faces held out."""

import numpy as np
import torch
from click.testing import CliRunner
from dotted_faces import dotted_faces
from labelled_faces import write_folders

from redtrack import checkpoint
from redtrack.cli.train import train as train_command
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks.certainty import held_out, validator
from redtrack.training.landmarks.faces import FaceSet


def faces(n: int = 4) -> FaceSet:
    """Dotted faces, all alike."""
    images, points = dotted_faces(n)
    nobody = np.full(n, -1)
    return FaceSet(images, points, np.ones(n, np.float32), nobody, ["x"] * n, ["dots"] * n, np.zeros(n))


def test_only_the_head_learns(tmp_path):
    """The new weights have the head, and everything else is as it was."""
    folder = write_folders(tmp_path)
    checkpoint.save(tmp_path / "start.safetensors", RedNet(RedNetConfig(crop_scale=1.3)), "rednet", card={})
    words = ["certainty", "--data", folder / "faces", "--start", tmp_path / "start.safetensors", "-o", tmp_path / "run"]
    done = CliRunner().invoke(train_command, [*map(str, words), "--steps", "2", "--batch", "2", "--quiet"],
                              catch_exceptions=False)  # fmt: skip
    assert done.exit_code == 0, done.output
    new = checkpoint.load(tmp_path / "run" / "weights.safetensors", fused=False)
    old = checkpoint.load(tmp_path / "start.safetensors", fused=False).state_dict()
    assert new.config.certainty and new.config.crop_scale == 1.3
    for name, value in new.state_dict().items():
        if not name.startswith("certainty."):
            assert torch.allclose(value, old[name], atol=1e-2, rtol=1e-2), name  # kept in half precision
    assert float(new.certainty.factor) != 1


def test_the_factor_makes_ellipses_of_90_percent_hold_90_percent():
    """After validation the squared lengths of the errors are below the limit in nine of ten points."""
    torch.manual_seed(0)
    net = RedNet(RedNetConfig(certainty=True)).eval()
    figures = validator(faces())(net)
    assert abs(figures["coverage_90%"] - 0.9) < 0.01
    assert np.float32(figures["factor"]) == np.float32(net.certainty.factor)
    error, sigma, scale = held_out(net, faces(), "cpu")
    assert error.shape == (12, 68, 2) and sigma.shape == (12, 68, 3) and 0.3 < scale.mean() < 0.6


def test_without_held_out_faces_nothing_is_set():
    """There are no figures, and the factor stays."""
    net = RedNet(RedNetConfig(certainty=True)).eval()
    assert validator(faces().subset(np.arange(0)))(net) == {} and float(net.certainty.factor) == 1
