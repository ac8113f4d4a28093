"""Helpers are lent to one user at a time, and none is lost."""

import gc
import threading
from collections.abc import Iterator

from redtrack.lending import Pool


class Helper:
    """One that nobody can use again."""

    is_reusable = False

    def kill(self) -> None:
        """Has nothing to end."""

    def let_go(self) -> None:
        """Has nothing to close."""


class Cycle:
    """Something that only the collector of garbage frees."""

    def __init__(self, held: Iterator[Helper]) -> None:
        self.me, self.held = self, held


def test_a_loan_that_garbage_holds_may_end_while_another_begins() -> None:
    """The collector ends it in the same thread, in the middle of the other's start."""
    collects = False

    def start() -> Helper:
        if collects:
            gc.collect()
        return Helper()

    pool = Pool(start)

    def borrowed() -> Iterator[Helper]:
        with pool.loan() as helper:
            yield helper

    held = borrowed()
    next(held)
    Cycle(held)
    del held
    collects = True
    got: list[Helper] = []

    def borrow() -> None:
        with pool.loan() as helper:
            got.append(helper)

    thread = threading.Thread(target=borrow, daemon=True)
    thread.start()
    thread.join(20)
    assert got and not thread.is_alive()
    assert not pool.lent()
