"""EVAE-CNN's step: a sampled code without skips, whose 68 maps guide the second step."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_faces import drawn_faces

from redtrack import checkpoint
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.variational import Code, divergence, spread
from redtrack.training.landmarks.image import run_steps, step_losses

STEPS = ("var68", "reg68")


def make_net(body: str = "small", sampled: bool = True) -> RedNet:
    torch.manual_seed(0)
    return RedNet(RedNetConfig(body=body, steps=STEPS, sampled=sampled))


def test_the_divergence_is_that_of_normal_distributions() -> None:
    """As torch.distributions has it, summed over units; a unit below the free bits costs these."""
    torch.manual_seed(0)
    code = Code(torch.randn(1, 3, 2, 2) * 2, torch.randn(1, 3, 2, 2) - 2)
    ours = torch.distributions.Normal(code.mean, (code.log_variance / 2).exp())
    wanted = torch.distributions.kl_divergence(ours, torch.distributions.Normal(0, 1)).sum()
    assert divergence(code, free=0.0).item() == pytest.approx(wanted.item(), rel=1e-5)
    nothing = Code(torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2))
    assert divergence(nothing, free=0.05).item() == pytest.approx(0.05 * 12)


def test_with_no_variance_it_is_the_fully_convolutional_network() -> None:
    """The same weights, sampled at the least variance and not sampled, give nearly the same maps in training."""
    net, plain = make_net(), make_net(sampled=False)
    plain.load_state_dict(net.state_dict())
    torch.nn.init.constant_(net.variational.log_variance.bias, -60.0)  # clamped to -8
    crops, _ = drawn_faces(2, 128)
    with torch.no_grad():
        torch.manual_seed(0)
        a, b = (n.train().image_steps(crops)[0].logits for n in (net, plain))
    assert (a - b).abs().max() < 0.1 * b.abs().max()


def test_at_inference_nothing_is_drawn() -> None:
    """The same crops give the same maps; in training they do not."""
    crops, _ = drawn_faces(2, 128)
    net = make_net()
    with torch.no_grad():
        assert torch.equal(net.eval().image_steps(crops)[-1].logits, net.image_steps(crops)[-1].logits)
        assert not torch.equal(net.train().image_steps(crops)[-1].logits, net.image_steps(crops)[-1].logits)


@pytest.mark.parametrize("body", ["small", "vgg16", "resnet152"])
def test_every_body_takes_the_step(body: str) -> None:
    """The second step is fed 68 maps, by either start, and the code has the bottleneck's shape."""
    side = 128 if body == "small" else 64  # fully convolutional: smaller crops do
    with torch.device("meta") if body == "resnet152" else torch.device("cpu"):
        net = make_net(body)
        if body == "resnet152":  # too large to run in a test: its layers are counted
            assert net.variational.mean.weight.shape[:2] == (2048, 2048) and len(net.variational.constants) == 3
            return
    net.eval()
    seen = net.look(torch.rand(1, 3, side, side))
    maps = side // (4 if body == "small" else 2)
    out = net.step(0, STEPS, seen, torch.zeros(1, 68, maps, maps))
    assert out.code is not None and out.code.mean.shape == out.code.log_variance.shape
    assert net.feedback(out).shape[1] == 68
    assert net.step(1, STEPS, seen, net.feedback(out)).code is None


def test_the_mean_shape_may_be_the_first_feedback() -> None:
    """With z0 the mean there are 68 discs."""
    net = RedNet(RedNetConfig(steps=STEPS, z0="mean"))
    assert net.first_feedback(2).shape == (2, 68, 32, 32) and net.first_feedback(2).sum() > 0


def test_nothing_goes_around_the_code() -> None:
    """With the code held, another picture gives the same maps."""
    net = make_net().eval()
    with torch.no_grad():
        net.variational.mean.weight.zero_()
        first, second = (net.image_steps(drawn_faces(3, 128)[0][k : k + 1])[0].logits for k in (0, 2))
    assert torch.equal(first, second)


def test_losses_have_the_divergence() -> None:
    """It counts by beta, and not for a code that is not sampled."""
    crops, truth = drawn_faces(2, 128)
    for sampled in (True, False):
        net = make_net(sampled=sampled).train()
        outputs = run_steps(net, crops, truth, np.random.default_rng(0), neighbour=1.0)
        parts = step_losses(net, outputs[0], truth, torch.ones(2), beta=0.5)
        assert set(parts) == ({"responses", "divergence"} if sampled else {"responses"})
        sum(parts.values()).backward()  # type: ignore[union-attr]
        assert net.variational.mean.weight.grad is not None


def test_samples_lie_apart_by_their_variance() -> None:
    """More variance, more spread; a network without a code has none."""
    crops, _ = drawn_faces(2, 128)
    net = make_net().eval()
    found = []
    for level in (-8.0, 0.0):
        torch.nn.init.constant_(net.variational.log_variance.bias, level)
        torch.manual_seed(0)
        found.append(spread(net, crops, 8))
    assert found[0].shape == (2, 68) and found[1].mean() > 2 * found[0].mean()
    with pytest.raises(AssertionError, match="has a code"):
        spread(RedNet(RedNetConfig()).eval(), crops, 2)


def test_it_is_saved_fused_and_loaded(tmp_path: Path) -> None:
    """A weights file of it gives the same points."""
    net, crops = make_net().eval(), drawn_faces(2, 128)[0]
    checkpoint.save(tmp_path / "x.safetensors", net, "rednet", {})
    again = checkpoint.load(tmp_path / "x.safetensors")
    assert isinstance(again, RedNet) and again.config.steps == STEPS
    with torch.no_grad():
        points = [n.points_of(n.image_steps(crops)[-1]) for n in (net, again)]
    assert (points[0] - points[1]).abs().max() < 0.01


@pytest.mark.parametrize("steps", [("reg68", "var68"), ("var68", "det7", "reg68")])
def test_steps_that_do_not_fit_are_refused(steps: tuple[str, ...]) -> None:
    """var68 comes first, and det7 feeds other maps."""
    with pytest.raises(AssertionError):
        RedNetConfig(steps=steps)
