"""Python's garbage collector, which need not look through what stays for good."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["made_to_stay"]


@contextmanager
def made_to_stay() -> Iterator[None]:
    """Leaves out all that there is at the end of the block: from the collections in it, from later ones, and from those
    at the end of the process. For libraries: torch's import makes half a million objects.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
