"""SIGINT and SIGTERM: the first asks the run to stop after the current batch, a second SIGINT stops it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopSignals"]

_HANDLED = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Handles the signals while its `with` block runs; `caught` is the first one, None before.

    `tell` hears a sentence when one comes. Only the main thread may use it.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.caught: signal.Signals | None = None
        self._tell = tell
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
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.caught is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.caught is None:
            self.caught = signal.Signals(number)
            self._tell("stopping after this batch; once more to stop at once")
