"""SIGINT and SIGTERM: the first asks the run to stop after the current batch, a second SIGINT stops it at once.

A cluster that takes its machine back allows a few seconds, and a step may take longer than that: a decoder hangs, or a
large network runs on a slow processor. So a run that has not stopped by itself after `PATIENCE` seconds is broken off.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["PATIENCE", "BrokenOff", "StopSignals"]

PATIENCE = 5.0  # seconds for the current step; a run is to be over, with all of it written, 10 s after the signal

_HANDLED = [signal.SIGINT, signal.SIGTERM]
_CAN_BREAK_OFF = hasattr(signal, "setitimer")  # not on Windows
if _CAN_BREAK_OFF:
    _HANDLED.append(signal.SIGALRM)


class BrokenOff(BaseException):
    """The run was asked to stop, and its current step took too long to wait for."""


class StopSignals:
    """Handles the signals while its `with` block runs; `caught` is the first one, None before.

    `tell` is called with a sentence when a signal comes. Where the block is still busy `patience` seconds later,
    `BrokenOff` is raised in it; if that leaves the block, the process ends with `status`. For the main thread only.
    """

    def __init__(self, tell: Callable[[str], None], patience: float = PATIENCE) -> None:
        self.caught: signal.Signals | None = None
        self._tell = tell
        self._patience = patience
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Returns whether the run is asked to stop."""
        return self.caught is not None

    @property
    def status(self) -> int:
        """The exit status that the shell expects: 128 and the signal's number."""
        assert self.caught is not None, "no signal came"
        return 128 + self.caught

    def __enter__(self) -> StopSignals:
        self._before = {number: signal.signal(number, self._handle) for number in _HANDLED}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if _CAN_BREAK_OFF:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, BrokenOff):
            sys.exit(self.status)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if _CAN_BREAK_OFF and number == signal.SIGALRM:
            raise BrokenOff
        if self.caught is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.caught is None:
            self.caught = signal.Signals(number)
            if _CAN_BREAK_OFF:
                signal.setitimer(signal.ITIMER_REAL, self._patience)
            self._tell("stopping after this batch; once more to stop at once")
