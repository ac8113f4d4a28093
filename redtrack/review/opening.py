"""The documents of the server, each made once at a time and given up when the server ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import lru_cache

from redtrack.review.document import Document

__all__ = ["Documents", "Ended"]

Make = Callable[[int, Callable[[int], None]], Document]


class Ended(Exception):
    """The server ends, and what it was asked for is given up."""


class Documents:
    """Documents by their numbers; the latest `kept` are kept in memory.

    To make one may take minutes, where its video is copied: whoever asks for it meanwhile waits for the same. It is
    made in a thread that does not keep the process from ending; `make` is told the number, and what to call for every
    frame of the copy.
    """

    def __init__(self, make: Make, kept: int) -> None:
        self._made = lru_cache(kept)(lambda number: make(number, self.go_on))
        self._under_way: dict[int, Future[Document]] = {}
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()

    async def get(self, number: int) -> Document:
        """Returns a document; raises Ended at once when the server ends."""
        self.go_on()
        return await asyncio.wrap_future(self._under_way.get(number) or self._begin(number))

    def go_on(self, done: int = 0) -> None:
        """Raises Ended when the server ends; to be called between the steps of anything that takes long."""
        if self._ending.is_set():
            raise Ended

    def end(self) -> None:
        """Gives up what is being made, and answers who waits for it."""
        self._ending.set()
        for future in list(self._under_way.values()):
            with suppress(InvalidStateError):  # it is there
                future.set_exception(Ended())

    def wait(self, seconds: float) -> None:
        """Waits for what was given up to leave its files in order, up to `seconds`."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))

    def _begin(self, number: int) -> Future[Document]:
        future: Future[Document] = Future()
        future.set_running_or_notify_cancel()  # who waits no longer does not cancel it for the others
        future.add_done_callback(lambda _: self._under_way.pop(number))
        self._under_way[number] = future
        thread = threading.Thread(target=self._make, args=(number, future), name=f"document {number}", daemon=True)
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()
        return future

    def _make(self, number: int, future: Future[Document]) -> None:
        with suppress(InvalidStateError):  # it was given up
            try:
                document = self._made(number)
            except BaseException as error:  # noqa: BLE001 - it is for those who wait
                future.set_exception(error)
            else:
                future.set_result(document)
