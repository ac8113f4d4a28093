"""Ctrl-C between two steps of a training, and not in the middle of one, which could not be gone on with."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["undivided"]


@contextmanager
def undivided() -> Iterator[None]:
    """Puts a Ctrl-C, which the main thread has, off to the end of the block, where it raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
