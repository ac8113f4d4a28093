"""The training loop that every stage shares: budget, schedule, average of weights, checkpoints, log.

A stage is a function `batch_loss(net, rng) -> (loss, parts)` and a function `validate(net) -> figures`; all else is
here. Numbers come from the device every `SHOWN` steps only: a GPU is not made to wait for them. A checkpoint holds
network, average, optimiser, generators, log and the time used: a run that is resumed comes to the same numbers as one
that was never stopped.
"""

from __future__ import annotations

import copy
import json
import math
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from redtrack.errors import UsageError, WeightsError
from redtrack.training import parallel
from redtrack.training.schedule import Schedule
from redtrack.training.undivided import undivided

Figures = dict[str, float]

CHECKPOINT = "checkpoint.pt"  # in the run's folder
FASTER = 10.0  # rate of the identity head over that of the rest
SHOWN = 20  # steps between two looks at the loss


@dataclass
class Run:
    """A training run: the network, its average, and all that a checkpoint holds.

    recipe: JSON values that say what was asked for. best: the lowest validation error so far. began: the recipe of a
    run that is resumed.
    """

    net: nn.Module
    schedule: Schedule
    folder: Path
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    step: int = 0
    seconds: float = 0.0
    log: list[Figures] = field(default_factory=list)
    recipe: dict[str, Any] = field(default_factory=dict)
    best: float = math.inf
    began: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optimizer = make_optimizer(self.net, self.schedule)

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    @property
    def device(self) -> str:
        return str(next(self.net.parameters()).device)

    def progress(self) -> float:
        """How much of the budget is used, 0..1."""
        return self.schedule.progress(self.step, self.seconds)

    def save(self) -> None:
        """Writes the checkpoint, whole or not at all; of torchrun's processes the first does."""
        if parallel.rank():
            return
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all(),
            "step": self.step,
            "seconds": self.seconds,
            "log": self.log,
            "recipe": json.dumps(self.recipe),
            "best": self.best,
        }
        new = self.checkpoint.with_suffix(".new")
        torch.save(state, new)
        new.replace(self.checkpoint)

    def resume(self) -> bool:
        """Goes on from the checkpoint in the folder; False where there is none.

        Raises WeightsError for one that is broken, or of a network of another shape.
        """
        if not self.checkpoint.exists():
            return False
        state = read_checkpoint(self.checkpoint)
        try:
            self.net.load_state_dict(state["net"])
        except RuntimeError as error:
            remedy = "resume with the stage, body and data that it began with"
            raise WeightsError("is of a network of another shape", self.checkpoint, remedy) from error
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = json.loads(state["rng"])
        torch.set_rng_state(state["torch_rng"])
        torch.cuda.set_rng_state_all(state.get("cuda_rng", [])[: torch.cuda.device_count()])
        self.step, self.seconds, self.log = state["step"], state["seconds"], state["log"]
        self.best, self.began = state.get("best", math.inf), json.loads(state.get("recipe", "{}"))
        if parallel.rank():  # the checkpoint is the first process's: the others draw other batches
            self.rng = np.random.default_rng([parallel.rank(), self.step])
        return True


def read_checkpoint(path: Path, device: str = "cpu") -> dict[str, Any]:
    """Returns what a checkpoint holds; raises WeightsError where it cannot be read."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError) as error:
        raise WeightsError("is no checkpoint that can be read", path, "start again in another folder") from error
    return state


def make_optimizer(net: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """AdamW, without decay of biases and norms; or the paper's SGD with momentum 0.9.

    The identity head starts from nothing beside layers that are trained already, and goes faster than they do.
    """
    named = [(name.startswith("identity."), p) for name, p in net.named_parameters() if p.requires_grad]
    groups = []
    for head in sorted({head for head, _ in named}):
        own, scale = [p for of_head, p in named if of_head == head], FASTER if head else 1.0
        groups += [
            {"params": [p for p in own if p.ndim > 1], "weight_decay": schedule.decay, "scale": scale},
            {"params": [p for p in own if p.ndim <= 1], "weight_decay": 0.0, "scale": scale},
        ]
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=schedule.rate, momentum=0.9)
    return torch.optim.AdamW(groups, lr=schedule.rate)


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """Moves the exponential average of weights towards the network; faster at the start, when it is worthless."""
    decay = min(decay, (1 + step) / (10 + step))
    pairs = list(zip(average.state_dict().values(), net.state_dict().values(), strict=True))
    floating = [(mean, new) for mean, new in pairs if mean.dtype.is_floating_point]
    torch._foreach_lerp_([mean for mean, _ in floating], [new for _, new in floating], 1 - decay)
    for mean, new in pairs:
        if not mean.dtype.is_floating_point:
            mean.copy_(new)


BatchLoss = Callable[[nn.Module, np.random.Generator], tuple[Tensor, dict[str, Tensor]]]


def train(run: Run, batch_loss: BatchLoss, validate: Callable[[nn.Module], Figures], *, show: bool = True) -> Figures:
    """Trains to the end of the budget and returns the last figures of the averaged network.

    batch_loss(net, rng) gives the loss of the next batch and its parts, validate(net) figures for the log.
    """
    bar = tqdm(total=1000, disable=not show, bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}")
    try:
        for figures in steps(run, batch_loss, validate):
            bar.n = int(1000 * figures["progress"])
            bar.set_postfix({k: f"{figures[k]:.4g}" for k in ("loss", "error") if k in figures}, refresh=True)
    except KeyboardInterrupt:
        run.save()
        raise
    finally:
        bar.close()
    return run.log[-1] if run.log else {}


def steps(run: Run, batch_loss: BatchLoss, validate: Callable[[nn.Module], Figures]) -> Iterator[Figures]:
    """The loop itself: one step after another, and now and then validation, checkpoint and log line.

    Yields progress, loss and the last figures every `SHOWN` steps. Raises UsageError where the loss is no number, or
    other processes train another network.
    """
    trained = sum(p.numel() for p in run.net.parameters() if p.requires_grad)
    parallel.check_same(run.device, {"the size of the network": trained, "the step that they begin at": run.step})
    started, checked = time.monotonic() - run.seconds, run.seconds
    sums = Sums()
    figures: Figures = {}
    while (progress := run.progress()) < 1:
        with undivided():
            sums.add(one_step(run, batch_loss, progress))
            run.seconds = parallel.agreed(time.monotonic() - started, run.device)
        at_end = run.progress() >= 1
        if run.step % SHOWN == 0 or at_end:
            yield {"progress": progress, "loss": finite(sums.last["loss"], run), **figures}
        if run.seconds - checked > 60 * run.schedule.validate_every or at_end:
            checked = run.seconds
            if parallel.rank() == 0:
                finite(sums.last["loss"], run)
                figures = validate(run.average)
                write_figures(run, {"step": run.step, "minutes": run.seconds / 60, **sums.means(), **figures})
            sums = Sums()


class Sums:
    """The losses of several steps, added up on their device."""

    def __init__(self) -> None:
        self.totals: dict[str, tuple[Tensor, int]] = {}
        self.last: dict[str, Tensor] = {}

    def add(self, parts: dict[str, Tensor]) -> None:
        """One step's losses; a part may be missing from some steps."""
        self.last = parts
        for name, value in parts.items():
            total, count = self.totals.get(name, (torch.zeros_like(value), 0))
            self.totals[name] = (total + value, count + 1)

    def means(self) -> Figures:
        """The mean of each part over the steps that had it."""
        return {name: float(total) / count for name, (total, count) in self.totals.items()}


def finite(loss: Tensor, run: Run) -> float:
    """The loss as a number; raises UsageError where it is none."""
    value = float(loss)
    if not math.isfinite(value):
        remedy = f"lower --rate, now {run.schedule.rate:g}, and begin again"
        raise UsageError(f"the loss is no number any more at step {run.step}", run.folder, remedy)
    return value


def one_step(run: Run, batch_loss: BatchLoss, progress: float) -> dict[str, Tensor]:
    """One step, of as many batches as the schedule accumulates: losses, gradient, weights, average."""
    rate = run.schedule.rate_at(run.step, progress)
    for group in run.optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    run.net.train()
    run.optimizer.zero_grad(set_to_none=True)
    sums: dict[str, Tensor] = {}
    for _ in range(run.schedule.accumulate):
        loss, parts = batch_loss(run.net, run.rng)
        (loss / run.schedule.accumulate).backward()
        for name, value in {"loss": loss, **parts}.items():
            share = value.detach() / run.schedule.accumulate
            sums[name] = sums[name] + share if name in sums else share
    parallel.average_gradients(run.net)
    nn.utils.clip_grad_norm_(run.net.parameters(), 5.0)
    run.optimizer.step()
    run.step += 1
    update_average(run.average, run.net, run.schedule.average, run.step)
    return sums


def write_figures(run: Run, figures: Figures) -> None:
    """Appends to the log, and saves the checkpoint."""
    run.log.append({k: float(v) for k, v in figures.items()})
    with open(run.folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(run.log[-1]) + "\n")
    run.save()
