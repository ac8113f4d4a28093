"""Helper processes that are started when first needed, lent to one user at a time, and used again."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import RLock
from typing import Generic, Protocol, TypeVar

__all__ = ["Pool"]


class Helper(Protocol):
    """A process that a pool lends."""

    @property
    def is_reusable(self) -> bool:
        """Whether it is alive, idle, and fit for another user."""

    def kill(self) -> None:
        """Ends the process at once."""

    def let_go(self) -> None:
        """Closes this side's way to the process, which goes on."""


H = TypeVar("H", bound=Helper)


class Pool(Generic[H]):
    """Lends idle helpers or new ones, keeps those that are fit for another user, and kills all at exit.

    A forked process starts helpers of its own: those that are there belong to its parent.
    """

    def __init__(self, start: Callable[[], H]) -> None:
        self._start = start
        self._lock = RLock()  # a collection of garbage may end a loan while another begins
        self._idle: list[H] = []
        self._lent: set[H] = set()
        atexit.register(self._kill_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._forget
            )

    @contextmanager
    def loan(self) -> Iterator[H]:
        """Yields a helper that nobody else has; one that is not reusable at the end is killed."""
        with self._lock:
            helper = self._alive() or self._start()
            self._lent.add(helper)
        try:
            yield helper
        finally:
            with self._lock:
                self._lent.discard(helper)
                kept = helper.is_reusable
                if kept:
                    self._idle.append(helper)
            if not kept:
                helper.kill()

    def idle(self) -> list[H]:
        """Returns the helpers that wait for work."""
        return list(self._idle)

    def lent(self) -> list[H]:
        """Returns the helpers that are at work."""
        return list(self._lent)

    def kill_idle(self) -> None:
        """Ends the helpers that wait for work."""
        while self._idle:
            with suppress(OSError, IndexError):
                self._idle.pop().kill()

    def _alive(self) -> H | None:
        """Returns an idle helper that did not die meanwhile."""
        while self._idle:
            helper = self._idle.pop()
            if helper.is_reusable:
                return helper
            helper.kill()
        return None

    def _kill_all(self) -> None:
        for helper in self.lent():
            with suppress(OSError):
                helper.kill()
        self.kill_idle()

    def _forget(self) -> None:
        for helper in [*self._idle, *self._lent]:
            helper.let_go()
        self._idle.clear()
        self._lent.clear()
        self._lock.release()
