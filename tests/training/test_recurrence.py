"""The stage of the recurrence alone: it learns from what the network said, and nothing else changes."""

import numpy as np
import pytest
import torch
from dotted_faces import dotted_faces
from labelled_faces import write_folders
from train_command import run_command

from redtrack import checkpoint
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import both_ways
from redtrack.training.landmarks import recurrence, video
from redtrack.training.landmarks.faces import FaceSet


@pytest.fixture(scope="module")
def stills() -> FaceSet:
    """Two dotted faces."""
    images, points = dotted_faces(2)
    return FaceSet(images, points, np.ones(2, np.float32), np.arange(2), ["a"] * 2, ["x"] * 2, np.zeros(2, np.float32))


@pytest.fixture
def net() -> RedNet:
    """An untrained network with all that the one that ships has."""
    torch.manual_seed(0)
    return RedNet(RedNetConfig(temporal=True, certainty=True, aligned=True))


def test_what_is_kept_is_what_the_network_says(net: RedNet, stills: FaceSet) -> None:
    """The evidence of a clip that was looked at is that of the same clip, drawn and looked at again."""
    clips, frames = video.ClipSet(stills), 3
    kept = recurrence.look_once(net.train(), clips, np.random.default_rng(4), frames=frames, count=2)
    assert net.training and len(kept.truth) == 2
    net.eval()
    size, scale = net.config.size, net.config.crop_scale
    given = video.random_batch(clips, 2, 6, size, np.random.default_rng(4), scale, how=recurrence.HOW)
    with torch.no_grad():
        encoded, _ = video.encode(net, given.crops.flatten(0, 1), True)
        hidden = both_ways(net, encoded, torch.full((4,), frames), frames, "both")
        out = net.decode_remembered(encoded, hidden)
        evidence = net.evidence(out, hidden, net.sigma_of(out)).unflatten(0, (2, 2)).flatten(1, 2)
        again = kept.evidence(net, torch.tensor([1, 0]))
    assert torch.equal(kept.truth, given.truth)
    assert torch.allclose(again, evidence[[1, 0]], atol=1e-4)


def test_nothing_but_the_recurrence_learns(net: RedNet, stills: FaceSet) -> None:
    """It gets a gradient in all its layers."""
    kept = recurrence.look_once(net, video.ClipSet(stills), np.random.default_rng(4), frames=3, count=2)
    recurrence.set_learning(net)
    total, parts = recurrence.recurrence_loss(kept, batch=2)(net, np.random.default_rng(0))
    total.backward()
    assert set(parts) == {"coordinate", "unsteady", "opening"}
    learning = {name.split(".")[0] for name, parameter in net.named_parameters() if parameter.grad is not None}
    assert learning == {"recurrence"}


def test_the_command_changes_the_recurrence_alone(tmp_path) -> None:
    """Its weights file has all the rest as it was, and its card says what came before."""
    folder = write_folders(tmp_path)
    torch.manual_seed(0)
    start = RedNet(RedNetConfig(temporal=True, certainty=True, aligned=True))
    checkpoint.save(tmp_path / "start.safetensors", start, "rednet", {"stage": "certainty"}, half=True)
    given = ["--data", folder / "faces", "--start", tmp_path / "start.safetensors", "-o", tmp_path / "run", "--quiet"]
    run_command("recurrence", *given, "--count", 2, "--frames", 3, "--batch", 2, "--steps", 2, "--warmup", 1)
    weights = tmp_path / "run" / "weights.safetensors"
    card = checkpoint.describe(weights)["card"]
    assert card["stage"] == "recurrence" and card["before"]["stage"] == "certainty"
    files = tmp_path / "start.safetensors", weights
    before, after = (checkpoint.load(path, fused=False).state_dict() for path in files)
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"recurrence"}
