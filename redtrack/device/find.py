"""Which device a name means, and what is particular about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redtrack.device.cpu import Cpu
from redtrack.device.gpu import Gpu
from redtrack.device.hardware import Hardware
from redtrack.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = ["KINDS", "find_device", "hardware"]

KINDS: dict[str, type[Hardware]] = {"cpu": Cpu, "cuda": Gpu}
"""By torch's name of the kind."""


def find_device(name: str) -> torch.device:
    """Returns the device of a name; `auto` is the first GPU, else the CPU. Raises DeviceError where it is not there."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}", remedy="use auto, cpu, cuda or cuda:N") from error
    if device.type not in KINDS:
        raise DeviceError(f"{name!r} is not supported", remedy="use auto, cpu, cuda or cuda:N")
    hardware(device).check()
    return device


def hardware(device: torch.device) -> Hardware:
    """Returns what is particular about a device."""
    return KINDS[device.type](device)
