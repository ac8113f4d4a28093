"""The world of squares for several processes: networks that a green square makes go wrong, as CREW_GREEN says.

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

_gone: list[bool] = []  # whether this process has lost its device


class Deadly(SquareModels):
    """Squares, of which green ones are deadly."""

    def predict(self, crops: torch.Tensor, *how: Any) -> WindowEstimate:
        what, _, more = os.environ.get("CREW_GREEN", "").partition(":")
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


def load(_: str | None, device: str, *__: Any) -> Deadly:
    """Takes the place of `load_models`; devices are `auto`, `cpu` and `cuda:0`: all this machine's CPU."""
    if device not in ("auto", "cpu", "cuda:0"):
        raise DeviceError(f"no device {device}")
    made = square_models()
    return Deadly(**{name: getattr(made, name) for name in made.__dataclass_fields__})
