"""Which device, or devices, a name means, and what is particular about one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redtrack.device.cpu import Cpu
from redtrack.device.gpu import Gpu
from redtrack.device.hardware import Hardware
from redtrack.errors import DeviceError, UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["KINDS", "find_device", "hardware", "parse_devices"]

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


def parse_devices(text: str) -> list[str]:
    """Returns the devices of a list: `0,1` are GPUs, and `cpu,cpu` two processes on the CPU; `all` is every GPU.

    Raises UsageError for what is none.
    """
    if text == "all":
        import torch

        if not torch.cuda.is_available():
            raise DeviceError("no CUDA device can be used here", remedy="use --devices cpu,cpu, or --device cpu")
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    names = [f"cuda:{name}" if name.strip().isdecimal() else name.strip() for name in text.split(",")]
    for name in names:
        if name != "cpu" and not name.removeprefix("cuda:").isdecimal():
            raise UsageError(f"unknown device {name!r}", remedy="use numbers of GPUs, such as 0,1, or cpu,cpu, or all")
    return names


def hardware(device: torch.device) -> Hardware:
    """Returns what is particular about a device."""
    return KINDS[device.type](device)
