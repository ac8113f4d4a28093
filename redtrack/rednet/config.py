"""The choices that make a RED-Net, as one frozen value that travels with the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

BODIES = ("small", "large", "vgg16", "resnet152")
TASKS = ("det7", "det68", "reg68", "var68")
INPUT_SIZE = {"small": 128, "large": 128, "vgg16": 256, "resnet152": 256}


@dataclass(frozen=True)
class RedNetConfig:
    """The network's shape and the paper's experimental switches.

    body: encoder-decoder, `vgg16` (table 1), `resnet152` (tables 2, 3), `small` or `large` (ours).
    steps: the task of every spatial recurrent step (section 3.2). The paper's tables 6 and 7 are
        ("det68",) one-shot detection, ("reg68",) one-shot regression, ("det7", "det68") detection twice,
        ("det7", "reg68") detection followed by regression: the default.
    shared: one body for all steps (recurrent), or a body each (the cascade of table 7).
        ("var68", "reg68") is EVAE-CNN's (`rednet.variational`); its code is sampled in training unless not `sampled`.
    temporal: the LSTM on e_pe (section 3.3). identities: classes of the identity head (section 3.4), 0 for none.
    z0: the first feedback maps, "zeros" or the "mean" shape (section 3.2 names the latter).
    crop_scale: side of a crop over the longer side of the tight box around the landmarks.
    certainty: a head that gives each point a covariance; aligned: the recurrence of the points follows the face as a
        whole. Both ours, not the paper's.
    ranges: the largest value that each convolution reads, for 8-bit arithmetic (`rednet.int8`); () where not measured.
    """

    body: str = "small"
    steps: tuple[str, ...] = ("det7", "reg68")
    shared: bool = True
    temporal: bool = False
    identities: int = 0
    z0: str = "zeros"
    sampled: bool = True
    crop_scale: float = 1.4
    certainty: bool = False
    aligned: bool = False
    ranges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        assert self.body in BODIES, f"body {self.body!r} is none of {BODIES}"
        assert self.steps and all(s in TASKS for s in self.steps), f"steps {self.steps} are not of {TASKS}"
        assert self.steps[-1] != "det7", "the last step must give all 68 points"
        assert "var68" not in self.steps[1:], "var68 is the first step or none"
        assert self.steps[0] != "var68" or "det7" not in self.steps, "det7 feeds seven maps back, var68 all 68"
        assert 1.0 <= self.crop_scale <= 4.0, f"crop scale {self.crop_scale} is not between 1 and 4"
        assert self.z0 in ("zeros", "mean"), f"z0 {self.z0!r} is neither zeros nor mean"
        assert all(0 < largest < 1e4 for largest in self.ranges), f"ranges {self.ranges} are not of a trained network"

    @property
    def feedback_maps(self) -> int:
        """Maps that a step is fed: the seven of section 3.2, or all 68 local responses of a `var68` step."""
        return 68 if "var68" in self.steps else 7

    @property
    def size(self) -> int:
        """Side of the square input crop in pixels."""
        return INPUT_SIZE[self.body]

    def tasks(self, spatial_steps: int | None = None) -> tuple[str, ...]:
        """The tasks of so many steps: fewer drop the first ones, more repeat the last."""
        if spatial_steps is None or spatial_steps == len(self.steps):
            return self.steps
        if spatial_steps < len(self.steps):
            return self.steps[len(self.steps) - spatial_steps :]
        return self.steps + self.steps[-1:] * (spatial_steps - len(self.steps))

    def samples(self, spatial_steps: int | None = None) -> bool:
        """Whether one of so many steps has a code that is sampled."""
        return self.sampled and "var68" in self.tasks(spatial_steps)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "steps": list(self.steps), "ranges": list(self.ranges)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RedNetConfig:
        known = {f.name for f in fields(cls)}
        kept = {k: v for k, v in values.items() if k in known}
        return cls(**{**kept, "steps": tuple(kept["steps"]), "ranges": tuple(kept.get("ranges", ()))})
