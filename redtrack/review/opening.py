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

_LOOK = 0.2  # s after which one looks whether a video is copied

Make = Callable[[int, Callable[[int], None]], Document]


class Ended(Exception):
    """The server ends, and what it was asked for is given up."""


class Documents:
    """Documents by their numbers; the latest `kept` are kept in memory.

    To make one may take minutes, where its video is copied: whoever asks for it meanwhile waits for the same, or comes
    again. It is made in a thread that does not keep the process from ending; `make` is told the number, and what to
    call for every frame of the copy.
    """

    def __init__(self, make: Make, kept: int) -> None:
        self._made = lru_cache(kept)(lambda number: make(number, lambda done: self._copied(number, done)))
        self._under_way: dict[int, Future[Document]] = {}
        self._frames: dict[int, int] = {}  # copied so far of what is under way
        self._come_again: set[int] = set()  # those that somebody left while they were made
        self._failed: dict[int, BaseException] = {}  # why, for who comes again
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()

    async def get(self, number: int) -> Document:
        """Returns a document; raises Ended at once when the server ends."""
        return await self._asked(number)

    async def soon(self, number: int) -> Document | None:
        """Returns a document, or None while its video is copied; who comes again is told of a failure, too. Raises
        Ended at once when the server ends.
        """
        future = self._asked(number)
        while not (await asyncio.wait([future], timeout=_LOOK))[0]:
            if self.frames(number):
                self._come_again.add(number)
                future.add_done_callback(lambda late: late.cancelled() or late.exception())  # else asyncio tells it
                return None
        return future.result()

    def frames(self, number: int) -> int:
        """Returns how many frames of a document's video are copied so far."""
        return self._frames.get(number, 0)

    def go_on(self) -> None:
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

    def _asked(self, number: int) -> asyncio.Future[Document]:
        self.go_on()
        if (error := self._failed.pop(number, None)) is not None:
            raise error
        return asyncio.wrap_future(self._under_way.get(number) or self._begin(number))

    def _copied(self, number: int, done: int) -> None:
        self.go_on()
        self._frames[number] = done

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
                if number in self._come_again:
                    self._failed[number] = error
                future.set_exception(error)
            else:
                future.set_result(document)
            finally:
                self._come_again.discard(number)
                self._frames.pop(number, None)
