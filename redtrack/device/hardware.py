"""A device as everything else sees it: its name, precision, memory and threads. `cpu` and `gpu` are the kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from redtrack.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = ["PRECISIONS", "DeviceGone", "Hardware", "Precision", "is_gone"]

PRECISIONS = ("auto", "fp32", "bf16", "half", "int8")
_TYPES = {"fp32": "float32", "bf16": "bfloat16", "half": "float16"}

T = TypeVar("T")


class DeviceGone(Exception):
    """A GPU failed: nothing more can be done on it in this process, so no further video is to be tried."""


def is_gone(error: Exception) -> bool:
    """Returns whether an error says that the device has failed: CUDA answers every later call with the same error."""
    return type(error).__name__ == "AcceleratorError" or str(error).startswith("CUDA error")  # torch 2.8; before it


@dataclass(frozen=True)
class Precision:
    """Names of what the body of the landmark network is computed with, and what is around it, the detector included."""

    name: str = "fp32"
    around: str = "fp32"

    @property
    def dtype(self) -> torch.dtype:
        """What is around the body."""
        import torch

        dtype: torch.dtype = getattr(torch, _TYPES[self.around])
        return dtype

    def context(self, device: torch.device) -> AbstractContextManager[Any]:
        """Returns the context in which networks compute so; the maps' last layer stays at 32 bits."""
        import torch

        return nullcontext() if self.around == "fp32" else torch.autocast(device.type, self.dtype)


class Hardware:
    """A device. `resizes_bytes`: whether torch resizes bytes on it; `computes_alone`: whether a thread of the network's
    is to compute without the help of others.
    """

    resizes_bytes = False
    computes_alone = False

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @property
    def name(self) -> str:
        """What a person calls it."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises DeviceError where it cannot be used."""

    def precision(self, name: str, *, ranged: bool = False) -> Precision:
        """Returns what one of `PRECISIONS` means; raises DeviceError where it cannot be had.

        ranged: whether the network has been measured for 8 bits.
        """
        raise NotImplementedError

    @property
    def computes_bfloat16(self) -> bool:
        """Whether it has bfloat16, at whatever pace."""
        raise NotImplementedError

    @property
    def is_faster_in_bfloat16(self) -> bool:
        """Whether bfloat16 gains time."""
        raise NotImplementedError

    def prepare(self, precision: Precision) -> None:
        """Makes the process ready for this precision."""

    def decoder(self, choice: str) -> str | None:
        """Returns the device that decodes videos, None for the CPU; choice is auto, cpu or cuda. Raises DeviceError."""
        raise NotImplementedError

    def crops_at_once(self, window: int, look: Callable[[], object]) -> int:
        """Returns how many crops a call of the network takes; `look` is a call with one window of so many crops."""
        raise NotImplementedError

    @property
    def hold_bytes(self) -> int:
        """The memory that frames may take while they wait; beyond it a smaller batch runs."""
        raise NotImplementedError

    def sampled_together(self, count: int, nbytes: float) -> int:
        """Returns how many of `count` pictures, each of so many bytes, are sampled in one go."""
        return count

    @property
    def threads(self) -> int:
        """How many threads call the network, each with calls of its own."""
        return 1

    def in_turn(self, call: Callable[[], T]) -> Callable[[], T]:
        """Returns the call as a thread of the network's makes it: after all that was asked of the device so far."""
        return call

    def finish(self) -> None:
        """Waits until the device has done all that was asked of it."""

    @contextmanager
    def fits(self) -> Iterator[None]:
        """Makes a DeviceError of a device that is full before anything has begun."""
        import torch

        try:
            yield
        except torch.OutOfMemoryError as error:
            remedy = "free it, or use --device cpu"
            raise DeviceError(f"{self.device} has no memory for the networks", remedy=remedy) from error
