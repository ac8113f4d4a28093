"""A bug of redtrack's own, met at one video: that video fails, its traceback is shown, and the others go on.

A batch of thousands is not to end because of one video, nor is a bug to be taken for a bad file.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from redtrack.errors import RedtrackError

__all__ = ["Bug", "DeviceGone", "blamed", "bug"]

P = ParamSpec("P")
Owner = TypeVar("Owner")
Result = TypeVar("Result")


class Bug(RedtrackError):
    """An exception that nobody foresaw; `details` is its traceback."""

    details = ""


class DeviceGone(Exception):
    """A GPU failed: nothing more can be done on it in this process, so no further video is to be tried."""


def bug(error: Exception) -> Bug:
    """Returns the Bug to report for an exception that nobody foresaw; with REDTRACK_DEBUG set, raises it as it is.

    Raises DeviceGone where the device has failed: CUDA answers every later call with the same error.
    """
    if os.environ.get("REDTRACK_DEBUG"):
        raise error
    if isinstance(error, DeviceGone):
        raise error
    is_gone = type(error).__name__ == "AcceleratorError" or str(error).startswith("CUDA error")  # torch 2.8; before it
    if is_gone:
        raise DeviceGone(str(error).splitlines()[0]) from error
    words = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    made = Bug(f"met a fault of redtrack's own ({words})", remedy="please report it, with the traceback")
    made.details = "".join(traceback.format_exception(error)).rstrip()
    return made


def blamed(step: Callable[Concatenate[Owner, P], Result]) -> Callable[Concatenate[Owner, P], Result]:
    """Makes a `Bug` of what a job's step raises, unless that is a RedtrackError, DeviceGone, or lack of memory."""

    @wraps(step)
    def guarded(self: Owner, *args: P.args, **options: P.kwargs) -> Result:
        try:
            return step(self, *args, **options)
        except (RedtrackError, MemoryError, DeviceGone):
            raise
        except Exception as error:
            if type(error).__name__ == "OutOfMemoryError":  # torch's; torch is not imported for its sake
                raise
            raise bug(error) from error

    return guarded
