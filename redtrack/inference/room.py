"""How much fits on a device: crops in one call of the network, and frames that wait for a call to fill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from redtrack.errors import DeviceError
from redtrack.inference.options import Options

if TYPE_CHECKING:
    import torch

    from redtrack.inference.landmarker import Models

__all__ = ["crops_at_once", "fits", "hold_bytes"]

# A CPU's caches like small calls: `benchmarks/network.py --threads 1` is faster with `--batch 8` than with 80, and each
# core has calls of its own. One window a call also leaves nothing to be padded.
CPU_CROPS = 10
CPU_HOLD = 1 << 29
# A call's hundreds of kernels take milliseconds to ask for, whatever their size; this many crops should keep a GPU busy
# that long. More would wait for more frames: until the first call nothing is done but decoding, and what follows from a
# call comes in one lump, for which the decoder waits. Reckoned, not timed: `benchmarks/gpu_table.py --batch` will tell.
GPU_CROPS = 320
GPU_SHARE = 0.25  # of the free memory, for each of the two


def crops_at_once(models: Models, options: Options) -> int:
    """Returns how many crops one call of the network takes where the user does not say.

    On a GPU by what a call with one window needs and what is free; should that be wrong, the engine halves it.
    """
    if models.device.type != "cuda":
        return CPU_CROPS
    fit = GPU_SHARE * _free(models.device) / max(1.0, _bytes_a_crop(models, options))
    return int(min(max(fit, options.window), GPU_CROPS))


@contextmanager
def fits(device: torch.device) -> Iterator[None]:
    """Makes a DeviceError of a device that is full before anything has begun."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"{device} has no memory for the networks", remedy="free it, or use --device cpu") from error


def hold_bytes(device: torch.device) -> int:
    """Returns the memory that frames may take while they wait; beyond it a smaller batch runs."""
    return int(GPU_SHARE * _free(device)) if device.type == "cuda" else CPU_HOLD


def _free(device: torch.device) -> int:
    """Returns the bytes that can be had: what nobody has, and what torch has and does not use."""
    import torch

    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + unused)


def _bytes_a_crop(models: Models, options: Options) -> float:
    """Returns what the device needs for each crop of a call, by a call."""
    import torch

    count, size = options.window, models.crop_size
    before = torch.cuda.memory_allocated(models.device)
    torch.cuda.reset_peak_memory_stats(models.device)
    with fits(models.device):
        crops = torch.zeros(1, count, 3, size, size, device=models.device)
        models.predict(crops, np.array([count]), options)
    return (torch.cuda.max_memory_allocated(models.device) - before) / count
