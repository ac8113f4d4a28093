"""The network: spatial steps, both directions, and its switches."""

import numpy as np
import pytest
import torch

from redtrack.fuse import fuse
from redtrack.points import SEVEN
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet, feedback
from redtrack.rednet.predict import predict_windows
from redtrack.rednet.small import SmallBody
from redtrack.rednet.tie import alone


def make_net(**choices) -> RedNet:
    """A small random network whose temporal part does something."""
    torch.manual_seed(0)
    net = RedNet(RedNetConfig(**choices)).eval()
    if net.config.temporal:
        torch.nn.init.normal_(net.temporal.expand.weight, std=0.3)
    return net


@pytest.fixture(scope="module")
def net() -> RedNet:
    """With an LSTM."""
    return make_net(temporal=True)


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    """Two windows of four frames."""
    return torch.rand(2, 4, 3, 128, 128, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def test_two_steps_give_seven_then_68_maps(net, crops):
    """Detection of 7 comes first, regression of 68 second (section 4.2), at a quarter of the crop."""
    first, second = net.image_steps(crops[0])
    assert first.logits.shape == (4, 7, 32, 32) and second.logits.shape == (4, 68, 32, 32)
    assert feedback(second).shape == (4, 7, 32, 32)
    assert torch.equal(feedback(second), second.logits[:, list(SEVEN)].sigmoid())


@torch.inference_mode()
def test_feedback_changes_the_next_step(net, crops):
    """The second step depends on the first one's maps (eq. 7)."""
    seen = net.look(crops[0])
    z = net.first_feedback(4)
    maps, others = (net.step(1, net.config.steps, seen, fed).logits for fed in (z, z + 1))
    assert not torch.equal(maps, others)


@pytest.mark.parametrize("steps", [("det68",), ("reg68",), ("det7", "det68"), ("det7", "reg68", "reg68")])
@torch.inference_mode()
def test_the_papers_experiments_can_be_built(steps, crops):
    """One-shot, detection twice, and more steps than two all give 68 points."""
    net = make_net(steps=steps)
    estimate = predict_windows(net, crops[:1], torch.tensor([4]))
    assert estimate.points.shape == (1, 4, 68, 2)


@torch.inference_mode()
def test_a_cascade_has_a_body_for_each_step(crops):
    """Without sharing there are twice the weights (table 7)."""
    shared, cascade = make_net(), make_net(shared=False)
    count = [sum(p.numel() for p in n.bodies.parameters()) for n in (shared, cascade)]
    assert count[1] == 2 * count[0]
    assert cascade.image_steps(crops[0])[-1].logits.shape == (4, 68, 32, 32)
    assert [cascade.body_of_step(k, n) for n in (1, 2, 3) for k in range(n)] == [1, 0, 1, 0, 1, 1]
    assert [shared.body_of_step(k, 2) for k in range(2)] == [0, 0]


def test_z0_may_be_the_mean_shape():
    """The first feedback is nothing, or discs at the mean shape's seven points."""
    assert make_net().first_feedback(2).sum() == 0
    mean = make_net(z0="mean").first_feedback(2)
    assert mean.shape == (2, 7, 32, 32) and (mean.flatten(2).sum(2) >= 3).all()


def test_fewer_steps_drop_the_first_and_more_repeat_the_last(net):
    """What `--spatial-steps` does."""
    assert net.config.tasks(1) == ("reg68",)
    assert net.config.tasks(None) == net.config.tasks(2) == ("det7", "reg68")
    assert net.config.tasks(4) == ("det7", "reg68", "reg68", "reg68")


@torch.inference_mode()
def test_fused_network_gives_the_same_points(crops):
    """Folding the batch norms moves no point by more than a hundredth of a pixel."""
    plain, fused = make_net(), make_net()
    for module in [*plain.modules()]:
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    fused.load_state_dict(plain.state_dict())
    lengths = torch.tensor([4, 4])
    a, b = predict_windows(plain, crops, lengths), predict_windows(fuse(fused), crops, lengths)
    assert np.abs(a.points - b.points).max() < 0.01


def test_a_window_is_the_same_alone_and_in_a_batch(net, crops):
    """Neither other windows nor padding change a window's points."""
    both = predict_windows(net, crops, torch.tensor([4, 3]))
    alone = predict_windows(net, crops[1:, :3], torch.tensor([3]))
    assert np.abs(both.points[1:, :3] - alone.points).max() < 0.01
    assert np.abs(both.disagreement[1:, :3] - alone.disagreement).max() < 0.01


def test_backward_is_forward_on_the_reversed_window(net, crops):
    """Time turned round gives the other direction's points."""
    lengths = torch.tensor([4, 4])
    backward = predict_windows(net, crops, lengths, "backward").points
    forward = predict_windows(net, crops.flip(1), lengths, "forward").points
    assert np.abs(backward - forward[:, ::-1]).max() < 1e-3


@torch.inference_mode()
def test_both_directions_lie_between_the_two(net, crops):
    """The merged point is on the line between the estimates of one decoded window, and the disagreement is its
    length."""
    lengths = torch.tensor([4, 4])
    both = predict_windows(net, crops, lengths)
    evidence = torch.from_numpy(both.evidence)
    ways = [
        alone(net.recurrence, evidence[:, :, d, None], lengths, name).points.numpy() * 128
        for d, name in enumerate(("forward", "backward"))
    ]
    length = np.linalg.norm(ways[0] - ways[1], axis=-1)
    assert np.allclose(both.disagreement, length, atol=1e-3) and length.max() > 1e-4
    sides = [np.linalg.norm(both.points - way, axis=-1) for way in ways]
    assert np.allclose(sides[0] + sides[1], length, atol=1e-3)


def test_the_decoder_runs_once_for_both_directions(net, crops, monkeypatch):
    """Both directions cost one decoding of each frame, as one direction does."""
    decoded = []
    decode = SmallBody.decode
    monkeypatch.setattr(SmallBody, "decode", lambda body, e, skips: decoded.append(len(e)) or decode(body, e, skips))
    predict_windows(net, crops, torch.tensor([4, 4]))
    assert sum(decoded) == 8 + 2  # every frame, and the first step of the frame in the middle of each window


def test_known_points_take_the_place_of_the_first_step(net, crops, monkeypatch):
    """With the seven points of neighbours the step that finds them is not run; windows without any find their own."""
    lengths, found = torch.tensor([4, 4]), []
    looked = RedNet.seven_points
    monkeypatch.setattr(RedNet, "seven_points", lambda net, *what: found.append(len(what[0])) or looked(net, *what))
    seven = torch.full((2, 4, 7, 2), 64.0)
    fed = predict_windows(net, crops, lengths, seven=seven)
    assert not found
    others = predict_windows(net, crops, lengths, seven=seven + 20)
    assert np.abs(fed.points - others.points).max() > 1e-3
    seven[1] = np.nan
    half = predict_windows(net, crops, lengths, seven=seven)
    assert found == [2], "of one window alone twice the same: pictures alone are added up in another order"
    assert np.abs(half.points[0] - fed.points[0]).max() < 0.01


@torch.inference_mode()
def test_seven_points_and_their_discs_belong_together(net):
    """Discs drawn at seven points have their mass there."""
    seven = torch.rand(2, 7, 2) * 80 + 24
    discs = net.feedback_of(seven)
    rows = torch.arange(32.0)
    x = (discs.sum(2) * rows).sum(-1) / discs.sum((2, 3))
    assert torch.allclose((x + 0.5) * 4 - 0.5, seven[..., 0], atol=0.7) and discs.min() >= 0 and discs.max() <= 1


@torch.inference_mode()
def test_state_carries_over_windows(net, crops):
    """A window cut in two, with the state passed on, is the whole window."""
    whole, _, _ = net(crops)
    first, _, state = net(crops[:, :2])
    second, _, _ = net(crops[:, 2:], state)
    assert torch.allclose(torch.cat((first, second), 1), whole, atol=1e-3)


def test_without_temporal_the_directions_agree(net, crops):
    """The LSTM switched off leaves single frames: no disagreement, points independent of their neighbours."""
    lengths = torch.tensor([4, 4])
    seven = torch.full((2, 4, 7, 2), 64.0)
    off = predict_windows(net, crops, lengths, temporal=False, seven=seven)
    assert off.disagreement.max() == 0
    alone = predict_windows(net, crops[:, 2:3], torch.tensor([1, 1]), temporal=False, seven=seven[:, 2:3])
    assert np.abs(off.points[:, 2:3] - alone.points).max() < 0.01


def test_config_survives_a_dictionary():
    """What a weights file keeps builds the same config."""
    config = RedNetConfig(steps=("det68",), temporal=True, identities=3)
    assert RedNetConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    "bad", [{"body": "vgg19"}, {"steps": ("det7",)}, {"steps": ()}, {"z0": "ones"}, {"crop_scale": 0.5}]
)
def test_senseless_configs_are_refused(bad):
    """A network that could not give 68 points is not built."""
    with pytest.raises(AssertionError):
        RedNetConfig(**bad)
