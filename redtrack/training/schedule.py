"""When a training run ends, and how fast it goes until then."""

from __future__ import annotations

import math
from dataclasses import dataclass

SHAPES = ("cosine", "constant", "step")
DECAY = {"adamw": 0.02, "sgd": 5e-4}  # AdamW's is decoupled from the gradient; SGD's is added to it, and far smaller
DROPS = (0.6, 0.85)  # of the budget: there the shape "step" divides the rate by ten


@dataclass(frozen=True)
class Schedule:
    """A run ends at `steps` or after `minutes`, whichever comes first; one of the two is given.

    weight_decay: None takes that of the optimizer in `DECAY`. accumulate: batches whose gradients are averaged for one
    step. average: decay of the exponential average of weights. validate_every: minutes.
    """

    minutes: float | None = None
    steps: int | None = None
    rate: float = 1.5e-3
    shape: str = "cosine"
    warmup: int = 200  # steps from nothing to the full rate
    optimizer: str = "adamw"  # or "sgd": momentum 0.9, as the paper (section 5.1)
    weight_decay: float | None = None
    accumulate: int = 1
    average: float = 0.999
    validate_every: float = 3.0

    def __post_init__(self) -> None:
        assert self.shape in SHAPES, f"shape {self.shape!r} is none of {SHAPES}"
        assert self.optimizer in DECAY, f"optimizer {self.optimizer!r} is none of {tuple(DECAY)}"

    @property
    def decay(self) -> float:
        """The weight decay that applies."""
        return DECAY[self.optimizer] if self.weight_decay is None else self.weight_decay

    def progress(self, step: int, seconds: float) -> float:
        """How much of the budget is used, 0..1."""
        shares = [
            step / self.steps if self.steps else 0.0,
            seconds / 60 / self.minutes if self.minutes else 0.0,
        ]
        return min(1.0, max(shares))

    def rate_at(self, step: int, progress: float) -> float:
        """The learning rate: a linear warm-up, times what the shape leaves of it."""
        return self.rate * min(1.0, (step + 1) / max(1, self.warmup)) * self.share(progress)

    def share(self, progress: float) -> float:
        """The share of the highest learning rate that is left at a progress of 0 to 1."""
        if self.shape == "cosine":
            return half_cosine(progress)
        return 1.0 if self.shape == "constant" else 0.1 ** sum(progress >= drop for drop in DROPS)


def half_cosine(progress: float) -> float:
    """From 1 down to a hundredth."""
    return 0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2
