"""Calls of the network: the windows that wait for one, the windows that share one, and the threads that make them.

N windows, T frames, S crop side.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from redtrack.device import Hardware
from redtrack.inference.options import Options
from redtrack.inference.tracker import Tracker
from redtrack.inference.windows import Window
from redtrack.points import SEVEN

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.rednet.predict import WindowEstimate

__all__ = ["Call", "Looked", "Threads", "Waiting", "fewest_windows", "known_points"]

LEAST = 2, 4  # windows and pictures of a call, blank ones among them: fewer are added up in another order

P = ParamSpec("P")
T = TypeVar("T")

Looked = tuple[Tracker, Window]
"""A window, and whose it is."""


@dataclass(frozen=True, eq=False)
class Call:
    """Windows that are with the network: their crops (N, T, 3, S, S), lengths (N,), the seven points (N, T, 7, 2) known
    of them in crop pixels, NaN where unknown, how they are looked at, and what will be found."""

    looked: list[Looked]
    crops: Tensor
    lengths: np.ndarray
    seven: np.ndarray
    look: Callable[[Tensor, np.ndarray, Options, np.ndarray], WindowEstimate]
    found: Future[WindowEstimate]


class Waiting:
    """A queue of windows for the network: whole ones, and looks at single frames that only say where to crop."""

    def __init__(self) -> None:
        self._pairs: list[Looked] = []

    def __bool__(self) -> bool:
        return bool(self._pairs)

    @property
    def peeks(self) -> int:
        """How many looks at single frames wait."""
        return sum(window.peek for _, window in self._pairs)

    @property
    def windows(self) -> int:
        """How many windows wait."""
        return len(self._pairs) - self.peeks

    def add(self, pairs: list[Looked]) -> None:
        """Takes more, which come last."""
        self._pairs += pairs

    def put_back(self, pairs: list[Looked]) -> None:
        """Takes back what was taken off, which comes first."""
        self._pairs = pairs + self._pairs

    def take(self, windows: int, enough: int, peeks: int) -> list[Looked]:
        """Takes off what one call of the network is to look at, of what has waited longest.

        That is up to `peeks` looks at single frames where `enough` of them wait, for windows depend on these; else up
        to `windows` windows; else whatever there is.
        """
        peek = self.peeks >= enough or (self.windows < windows and bool(self.peeks))
        alike = [pair for pair in self._pairs if pair[1].peek == peek]
        taken, left = (alike[:peeks], alike[peeks:]) if peek else (alike[:windows], alike[windows:])
        self._pairs = left + [pair for pair in self._pairs if pair[1].peek != peek]
        return taken

    def forget(self, tracker: Tracker) -> None:
        """Drops the windows of one video."""
        self._pairs = [pair for pair in self._pairs if pair[0] is not tracker]

    def clear(self) -> None:
        """Drops everything."""
        self._pairs = []


class Threads:
    """The threads that call the network while the main thread decodes, detects and crops; for use in a `with` block.

    `most_in_flight` calls may be under way. With one thread on a CPU there is nothing to share out, and calls run where
    they are submitted.
    """

    def __init__(self, hardware: Hardware) -> None:
        import torch

        self._hardware = hardware
        self._threads_before = torch.get_num_threads()
        count = hardware.threads
        at_once = hardware.computes_alone and count == 1
        self._pool = None if at_once else ThreadPoolExecutor(count, "redtrack-network")
        self.most_in_flight = 1 if at_once else max(2, count)  # one more is no faster, and has frames wait for it

    def submit(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> Future[T]:
        """Begins a call."""
        if self._pool is not None:
            return self._pool.submit(self._hardware.in_turn(partial(call, *args, **options)))
        future: Future[T] = Future()
        try:
            future.set_result(call(*args, **options))
        except Exception as error:
            future.set_exception(error)
        return future

    def __enter__(self) -> Threads:
        import torch

        if self._hardware.computes_alone:
            torch.set_num_threads(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        import torch

        if self._pool is not None:
            is_broken_off = kind is not None and not issubclass(kind, Exception)
            self._pool.shutdown(wait=not is_broken_off, cancel_futures=True)
        if self._hardware.computes_alone:
            torch.set_num_threads(self._threads_before)


def fewest_windows(length: int) -> int:
    """Returns how many windows of so many frames a call has at least, where it may have more."""
    return max(LEAST[0], -(-LEAST[1] // length))


def known_points(windows: list[Window], count: int, length: int) -> np.ndarray:
    """Returns the seven points (N, T, 7, 2) in crop pixels that are known of windows, NaN for those without, nought
    behind the last of them up to N = count; beyond a window's end those of its last frame.
    """
    seven = np.zeros((count, length, len(SEVEN), 2), np.float32)
    seven[: len(windows)] = np.nan
    for row, window in enumerate(windows):
        if window.seven is not None:
            seven[row, : len(window)] = window.seven
            seven[row, len(window) :] = window.seven[-1]
    return seven
