"""Reading ahead gives the same items, raises the same errors and stops when its reader does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from redtrack.video import read_ahead


class Counter:
    """An iterator that counts how far it was read, and whether it was closed."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.made = 0
        self.closed = False
        self._count = count
        self._error = error

    def __iter__(self) -> Iterator[int]:
        for number in range(self._count):
            self.made += 1
            yield number
        if self._error:
            raise self._error

    def close(self) -> None:
        self.closed = True


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_items_come_in_order() -> None:
    """All items come, in their order."""
    assert list(read_ahead(range(1000), depth=3)) == list(range(1000))
    assert not running()


def test_an_error_reaches_the_reader() -> None:
    """What the thread raises is raised where the items are read, after those that came before it."""
    items = read_ahead(Counter(3, OSError("gone")))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="gone"):
        next(items)
    assert not running()


def test_the_lead_is_bounded() -> None:
    """No more than `depth` items wait, with one in the making, however slow the reader."""
    counter = Counter(100)
    items = read_ahead(counter, depth=4)
    next(items)
    time.sleep(0.2)
    assert counter.made <= 6
    items.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_reader_that_stops_stops_the_thread(depth: int) -> None:
    """When the reader leaves early, the thread ends and closes what it reads."""
    counter = Counter(10**9)
    for item in read_ahead(counter, depth):
        if item == 3:
            break
    del item
    deadline = time.monotonic() + 5
    while running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not running()
    assert counter.closed
    assert counter.made < 100


def test_a_reader_that_stops_while_an_item_is_made_stops_the_thread() -> None:
    """A thread that is at an item when its reader leaves ends with it, though there is room for one item only."""
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        yield 0
        asked.set()
        go_on.wait(20)
        yield 1

    items = read_ahead(slow(), depth=1)
    next(items)
    asked.wait(20)
    threading.Timer(0.1, go_on.set).start()
    items.close()  # type: ignore[attr-defined]
    assert not running()
