"""With how many bits the networks compute.

The points do not depend on it by more than a tenth of a pixel (`tests/test_precision.py`). By default a GPU computes
with 16 bits; a CPU with 32, but where it multiplies bfloat16 it does so for what matters less: the search for faces,
and the looks that only say where to crop.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redtrack.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = ["PRECISIONS", "Precision", "arithmetic", "computes_bfloat16", "has_bfloat16", "round_nothing"]

PRECISIONS = ("auto", "fp32", "bf16", "half")
_TYPES = {"bf16": "bfloat16", "half": "float16"}


@dataclass(frozen=True)
class Precision:
    """Names of what the points, and what the looks that only say where to crop are computed with."""

    points: str = "fp32"
    peeks: str = "fp32"

    @classmethod
    def of(cls, name: str, device: torch.device) -> Precision:
        """Returns what one of `PRECISIONS` means on a device; raises DeviceError where it cannot be had."""
        if name != "auto":
            if name == "half" and device.type == "cpu":
                raise DeviceError("half precision needs a GPU", remedy="use --precision bf16, or auto")
            if name == "bf16" and not computes_bfloat16(device):
                raise DeviceError("this GPU does not compute in bfloat16", remedy="use --precision half, or auto")
            return cls(name, name)
        if device.type == "cuda":
            return cls("half", "half")
        return cls("fp32", "bf16" if has_bfloat16() else "fp32")


def arithmetic(name: str, device: torch.device) -> AbstractContextManager[Any]:
    """Returns the context in which a network computes with this precision; the maps' last layer stays at 32 bits."""
    import torch

    if name == "fp32":
        return nullcontext()
    return torch.autocast(device.type, getattr(torch, _TYPES[name]))


def round_nothing() -> None:
    """Keeps GPUs from multiplying but 19 bits of 32 (TF32) in convolutions, as torch has them do; in the whole process:
    what is switched on and off around a call would meet the detector's calls, in another thread, by chance.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False


def computes_bfloat16(device: torch.device) -> bool:
    """Returns whether a device has bfloat16: every CPU, at whatever pace, and GPUs since Ampere by themselves."""
    import torch

    return device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def has_bfloat16() -> bool:
    """Returns whether the CPU multiplies bfloat16; where it does not, bfloat16 is three times slower than 32 bits."""
    import torch

    told = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(told and told())
