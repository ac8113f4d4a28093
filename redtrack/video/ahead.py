"""Reading ahead: an iterator that runs in a thread of its own, a bounded number of items in front of its reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE = 2.0  # seconds that a reader who stops early waits for the thread to finish its item


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None = None


def read_ahead(items: Iterable[T], depth: int = 16) -> Iterator[T]:
    """Yields the items, made up to `depth` ahead in a background thread.

    What the thread raises is raised here. When the reader stops early, the thread stops after the item that it is at,
    and closes `items` if that is a generator.
    """
    queue: Queue[_Item[T] | _End] = Queue(maxsize=depth)
    stopped = Event()
    thread = Thread(target=_fill, args=(items, queue, stopped), name="read-ahead", daemon=True)
    thread.start()
    try:
        while isinstance(item := queue.get(), _Item):
            yield item.value
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        _drain(queue)
        thread.join(_PATIENCE)


def _fill(items: Iterable[T], queue: Queue[_Item[T] | _End], stopped: Event) -> None:
    end = _End()
    try:
        for item in items:
            queue.put(_Item(item))
            if stopped.is_set():
                break
        if stopped.is_set() and (close := getattr(items, "close", None)):
            close()
    except BaseException as error:  # noqa: BLE001 - it is the reader's to handle
        end = _End(error)
    if not stopped.is_set():  # once the reader has left, nothing makes room for a second put
        queue.put(end)


def _drain(queue: Queue[_Item[T] | _End]) -> None:
    """Makes room for the one put that the thread may be in, or about to begin."""
    with suppress(Empty):
        while True:
            queue.get_nowait()
