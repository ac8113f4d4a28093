"""Several processes that train one network together (`torchrun --nproc-per-node N -m redtrack train …`).

Each process draws batches of its own; gradients are averaged over all before each step, so the batch is N times larger.
Without torchrun every function here does nothing.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping

import torch
from torch import distributed, nn

from redtrack.errors import UsageError


def start(device: str) -> str:
    """Joins the other processes that torchrun started, if any, unless it has; returns this process's device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    cuda = device.startswith("cuda")
    if cuda:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if cuda else "gloo")
        atexit.register(stop)
    return device


def check_alone(what: str) -> None:
    """Raises UsageError where torchrun has started several processes for what one process does."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(f"{what} is trained in one process", remedy="start it without torchrun")


def stop() -> None:
    """Leaves the other processes; done at the process's end if it was not before.

    gloo's threads let go of tensors, for which they take the interpreter's lock. One that does so while the interpreter
    ends kills the process by SIGABRT (pytorch issue 190489), so that they have to be gone before.
    """
    if distributed.is_initialized():
        distributed.destroy_process_group()


def rank() -> int:
    """Which process this is; 0 keeps the log and the checkpoints."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def check_same(device: str, values: Mapping[str, int]) -> None:
    """Raises UsageError, in every process, where a value is not the same in all.

    Where processes send each other gradients of different sizes, gloo ends them by SIGABRT.
    """
    if not distributed.is_initialized():
        return
    ours = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    extremes = torch.cat([ours, -ours])
    distributed.all_reduce(extremes, distributed.ReduceOp.MAX)
    highest, lowest = extremes.tolist()[: len(ours)], (-extremes).tolist()[len(ours) :]
    differ = [name for name, high, low in zip(values, highest, lowest, strict=True) if high != low]
    if differ:
        remedy = "give all of them the same data, options and folder"
        raise UsageError(f"the processes differ in {' and '.join(differ)}", remedy=remedy)


def average_gradients(net: nn.Module) -> None:
    """Makes every process's gradients the mean of all; a layer that took no part in one process counts as 0 there."""
    if not distributed.is_initialized():
        return
    trained = [p for p in net.parameters() if p.requires_grad]
    took_part = torch.tensor([float(p.grad is not None) for p in trained]).to(trained[0].device)
    distributed.all_reduce(took_part)
    for parameter, count in zip(trained, took_part.tolist(), strict=True):
        if parameter.grad is None and count:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [p.grad for p in trained if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def agreed(value: float, device: str) -> float:
    """The first process's value, so that clocks that differ do not part the processes."""
    if not distributed.is_initialized():
        return value
    shared = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.broadcast(shared, 0)
    return float(shared)
