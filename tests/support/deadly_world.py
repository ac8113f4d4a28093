"""The world of squares for several processes: networks that a green square makes go wrong, as DEADLY_GREEN says.

`die` kills the process at every green square, `once:FILE` only at the first; `slow:SECONDS` makes every call wait.
`gone:FILE` ends the device at the first, as CUDA does: every call from then on has its error, until a new process.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import torch
from annotating import SquareModels, masks, square_models

from redtrack.errors import DeviceError
from redtrack.rednet.predict import WindowEstimate
from redtrack.run.networks import Networks

_gone: list[bool] = []  # whether this process has lost its device


class Deadly(SquareModels):
    """Squares, of which green ones are deadly."""

    def predict(self, crops: torch.Tensor, *how: Any) -> WindowEstimate:
        what, _, more = os.environ.get("DEADLY_GREEN", "").partition(":")
        if what == "slow":
            time.sleep(float(more))
        elif what == "gone":
            if not _gone and masks(crops)[..., 1, :, :].any() and not Path(more).exists():
                Path(more).touch()
                _gone.append(True)
            if _gone:
                raise RuntimeError("CUDA error: unspecified launch failure\nCompile with `TORCH_USE_CUDA_DSA` …")
        elif what and bool(masks(crops)[..., 1, :, :].any()):
            if what == "once":
                if Path(more).exists():
                    return super().predict(crops, *how)
                Path(more).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(crops, *how)


class DeadlyNetworks(Networks):
    """Networks that other processes find by this name; devices `auto`, `cpu` and `cuda:0` are this machine's CPU."""

    def identity(self) -> dict[str, Any]:
        return dict(square_models().about)

    def load(self) -> Deadly:
        device = self.resources.device
        if device not in ("auto", "cpu", "cuda:0"):
            raise DeviceError(f"no device {device}")
        made = square_models()
        return Deadly(**{name: getattr(made, name) for name in made.__dataclass_fields__})
