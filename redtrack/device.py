"""What differs between a CPU and a GPU."""

from __future__ import annotations

__all__ = ["DeviceGone", "is_gone"]


class DeviceGone(Exception):
    """A GPU failed: nothing more can be done on it in this process, so no further video is to be tried."""


def is_gone(error: Exception) -> bool:
    """Returns whether an error says that the device has failed: CUDA answers every later call with the same error."""
    return type(error).__name__ == "AcceleratorError" or str(error).startswith("CUDA error")  # torch 2.8; before it
