"""Memory for chunks of frames, used again and again: fresh memory costs more to get than to fill.

A block comes back once nothing refers to it any more, so that those who hold frames need not know of it.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import weakref
from collections import deque
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Buffers", "image_memory", "keep_memory"]

SPARE = 1 << 27  # bytes: what a step takes at once of pictures of 1280 x 720; less where less was ever in use
# glibc's mallopt: what the C library gives back to the system, which then has to hand it out anew, page by page.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENAS = -1, -3, -8
_KEPT, _LARGEST = 1 << 29, 1 << 25  # bytes of free memory that are kept; of a block that is


class Buffers:
    """Blocks of memory of one size, of which at most `spare` bytes are kept for later.

    Blocks come back whenever the garbage collector runs, which may be in the middle of `take`. So nothing here is
    locked, and each step on the queue is one that Python does not interrupt.
    """

    def __init__(self, spare: int = SPARE) -> None:
        self._most = spare
        self._spare: deque[tuple[int, Any]] = deque()  # sizes and blocks

    def take(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Returns uint8 of this shape, whatever is in it."""
        size = prod(shape)
        block = self._kept(size) or _new(size)
        flat = np.frombuffer(block, np.uint8, size)
        weakref.finalize(flat, self._give_back, size, block)  # numpy's views of `flat` keep `flat` alive
        return flat.reshape(shape)

    def _kept(self, size: int) -> Any:
        """Returns a block of the size that was kept, None where there is none. Others are of videos gone by."""
        while True:
            try:
                of, block = self._spare.pop()
            except IndexError:
                return None
            if of == size:
                return block

    def _give_back(self, size: int, block: Any) -> None:
        """Keeps a block for the next chunk of the size."""
        if len(self._spare) < self._most // max(size, 1):
            self._spare.append((size, block))


def _new(size: int) -> mmap.mmap:
    """Memory of this process alone: of shared memory the system gives no large pages, and small ones cost more."""
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    block = mmap.mmap(-1, max(size, 1), **private)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)
    return block


_BUFFERS = Buffers()


def image_memory(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Returns memory for images uint8 of this shape."""
    return _BUFFERS.take(shape)


def keep_memory() -> None:
    """Lets the C library keep the memory that the networks' calls need again and again, if it is glibc."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for name, value in ((_TRIM_THRESHOLD, _KEPT), (_MMAP_THRESHOLD, _LARGEST), (_ARENAS, 1)):
        if mallopt is not None:
            mallopt(name, value)
