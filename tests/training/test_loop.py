"""The loop: learns, stops in time, resumes to the same numbers, keeps the best, says when the loss is no number."""

import math
import signal

import numpy as np
import pytest
import torch
from torch import nn

from redtrack.errors import UsageError
from redtrack.training import loop, parallel
from redtrack.training.loop import Run, update_average
from redtrack.training.schedule import Schedule


def tiny_run(folder, steps: int) -> tuple[Run, list[float]]:
    """A run of a small linear network; returns it and its losses."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    run = Run(net, Schedule(steps=steps, rate=0.01, warmup=2), folder)
    losses = []

    def batch_loss(model, rng):
        x = torch.from_numpy(rng.standard_normal((16, 4)).astype(np.float32))
        loss = (model(x)[:, 0] - x.sum(1)).square().mean()
        losses.append(float(loss.detach()))
        return loss, {}

    run.batch_loss = batch_loss  # type: ignore[attr-defined]
    return run, losses


def test_resumed_training_goes_on_to_the_same_numbers(tmp_path):
    """Six steps, stopped after three and resumed, have the losses of six at once."""
    whole, expected = tiny_run(tmp_path / "whole", 6)
    loop.train(whole, whole.batch_loss, lambda net: {"error": 1.0}, show=False)
    first, losses = tiny_run(tmp_path / "parts", 6)
    for _ in range(3):
        loop.one_step(first, first.batch_loss, first.progress())
    first.save()
    second, more = tiny_run(tmp_path / "parts", 6)
    assert second.resume() and second.step == 3
    loop.train(second, second.batch_loss, lambda net: {"error": 1.0}, show=False)
    assert np.allclose(losses + more, expected, rtol=1e-6)


def test_a_training_that_is_interrupted_goes_on_to_the_same_numbers(tmp_path):
    """Ctrl-C in the middle of a step ends the run after that step, and loses no batch."""
    whole, expected = tiny_run(tmp_path / "whole", 6)
    loop.train(whole, whole.batch_loss, lambda net: {"error": 1.0}, show=False)
    first, losses = tiny_run(tmp_path / "parts", 6)

    def interrupted(model, rng):
        loss = first.batch_loss(model, rng)
        if len(losses) == 3:
            signal.raise_signal(signal.SIGINT)
        return loss

    with pytest.raises(KeyboardInterrupt):
        loop.train(first, interrupted, lambda net: {"error": 1.0}, show=False)
    second, more = tiny_run(tmp_path / "parts", 6)
    assert second.resume() and second.step == 3
    loop.train(second, second.batch_loss, lambda net: {"error": 1.0}, show=False)
    assert np.allclose(losses + more, expected, rtol=1e-6)


def test_training_stops_in_time(tmp_path):
    """A budget of minutes ends the run, whatever the steps."""
    run, losses = tiny_run(tmp_path, 10**6)
    run.schedule = Schedule(minutes=0.01)
    loop.train(run, run.batch_loss, lambda net: {"error": 1.0}, show=False)
    assert losses and 0.6 <= run.seconds < 5


def test_training_learns(tmp_path):
    """The loss of a solvable task falls."""
    run, losses = tiny_run(tmp_path, 300)
    loop.train(run, run.batch_loss, lambda net: {"error": 1.0}, show=False)
    assert np.mean(losses[-20:]) < 0.3 * np.mean(losses[:20])


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_both_optimisers_can_be_had(name):
    """The paper's momentum of 0.9 and AdamW; norms and biases do not decay."""
    optimizer = loop.make_optimizer(nn.Linear(2, 2), Schedule(optimizer=name))
    assert [g["weight_decay"] for g in optimizer.param_groups] == [{"adamw": 0.02, "sgd": 5e-4}[name], 0.0]
    assert name == "adamw" or optimizer.param_groups[0]["momentum"] == 0.9


def test_the_identity_head_learns_faster_than_the_rest():
    """It starts from nothing beside trained layers: ten times their rate."""
    from redtrack.rednet.config import RedNetConfig
    from redtrack.rednet.model import RedNet

    net = RedNet(RedNetConfig(identities=3))
    groups = loop.make_optimizer(net, Schedule()).param_groups
    fast = {id(p) for g in groups if g["scale"] == 10 for p in g["params"]}
    assert fast == {id(p) for p in net.identity.parameters()}


def test_accumulated_batches_are_one_step_of_their_mean(tmp_path):
    """Two halves of a batch, accumulated, move the weights as the whole batch does."""
    data = torch.from_numpy(np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32))
    learnt = []
    for accumulate in (1, 2):
        torch.manual_seed(0)
        schedule = Schedule(steps=9, optimizer="sgd", accumulate=accumulate)
        run = Run(nn.Linear(4, 1), schedule, tmp_path / str(accumulate))
        parts = iter(data.chunk(accumulate))

        def batch_loss(net, rng, parts=parts):
            x = next(parts)
            return (net(x)[:, 0] - x.sum(1)).square().mean(), {}

        loop.one_step(run, batch_loss, 0.0)
        assert run.step == 1
        learnt.append([p.detach().clone() for p in run.net.parameters()])
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*learnt, strict=True))


def test_a_loss_that_is_no_number_ends_the_run_and_spoils_no_checkpoint(tmp_path):
    """One sentence tells the step and what to do."""
    run, _ = tiny_run(tmp_path, 40)

    def broken(net, rng):
        return net(torch.zeros(2, 4)).sum() * math.nan, {}

    with pytest.raises(UsageError, match="no number any more at step 20; lower --rate, now 0.01"):
        loop.train(run, broken, lambda net: {}, show=False)
    assert not run.checkpoint.exists()


def test_losses_come_from_the_device_only_now_and_then(tmp_path):
    """A step gives tensors; their means come as numbers with the log line, a part that some steps lack too."""
    sums = loop.Sums()
    for k in range(4):
        sums.add({"loss": torch.tensor(float(k))} | ({"detection": torch.tensor(6.0)} if k % 2 else {}))
    assert sums.means() == {"loss": 1.5, "detection": 6.0}
    run, _ = tiny_run(tmp_path, 5)
    assert isinstance(loop.one_step(run, run.batch_loss, 0.0)["loss"], torch.Tensor)


def test_of_several_processes_the_first_alone_writes_the_checkpoint(tmp_path, monkeypatch):
    """Ctrl-C reaches all of them, and all save."""
    run, _ = tiny_run(tmp_path, 5)
    monkeypatch.setattr(parallel, "rank", lambda: 1)
    run.save()
    assert not list(tmp_path.iterdir())


def test_the_average_follows_the_weights_and_copies_counts():
    """Faster at the start; what is no floating-point number is taken as it is."""
    torch.manual_seed(0)
    mean, net = (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2))
    before = mean[0].weight.detach().clone()
    net[1].num_batches_tracked += 7
    update_average(mean, net, 0.999, 89)
    assert torch.allclose(mean[0].weight, before + (net[0].weight - before) * (1 - 90 / 99), atol=1e-6)
    assert mean[1].num_batches_tracked == 7
