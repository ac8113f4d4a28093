"""Threads for the network's calls, so that the main thread decodes, detects and crops meanwhile.

On a CPU a thread a core, each of which computes alone: threads that share one call wait for each other, and the more so
the busier the machine is. On a GPU one thread, which waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    import torch

__all__ = ["Workers"]

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """As many threads as torch was going to use, or what OMP_NUM_THREADS says; for use in a `with` block.

    `most_in_flight` calls may be under way. With one thread on a CPU there is nothing to share out, and calls run where
    they are submitted.
    """

    def __init__(self, device: torch.device) -> None:
        import torch

        self._device = device
        self._alone = device.type == "cpu"
        self._threads_before = torch.get_num_threads()
        count = self._threads_before if self._alone else 1
        self._pool = None if self._alone and count == 1 else ThreadPoolExecutor(count, "redtrack-network")
        self.most_in_flight = 1 if self._pool is None else count + 1  # none has to wait for its next call

    def submit(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> Future[T]:
        """Begins a call. On a GPU it comes after all that was asked of the device so far, in a stream of its own."""
        if self._pool is None:
            future: Future[T] = Future()
            try:
                future.set_result(call(*args, **options))
            except Exception as error:
                future.set_exception(error)
            return future
        if not (self._device.type == "cuda" and self._device_is_there()):
            return self._pool.submit(call, *args, **options)
        return self._pool.submit(partial(self._in_stream, self._asked_so_far(), partial(call, *args, **options)))

    def __enter__(self) -> Workers:
        import torch

        if self._alone:
            torch.set_num_threads(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        import torch

        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._alone:
            torch.set_num_threads(self._threads_before)

    def _device_is_there(self) -> bool:
        import torch

        return torch.cuda.is_available()  # tests have devices that are not

    def _asked_so_far(self) -> torch.cuda.Event:
        """Returns the moment at which the device has done what the main thread asked of it."""
        import torch

        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(self._device))
        return event

    def _in_stream(self, after: torch.cuda.Event, call: Callable[[], T]) -> T:
        """Runs a call in the network's stream, so that the detector need not wait for it, nor it for the detector.

        What the call is given belongs to the main thread's stream, and is kept until the call's results are here.
        """
        import torch

        stream = _stream_of(self._device)
        with torch.cuda.device(self._device), torch.cuda.stream(stream):
            stream.wait_event(after)
            result = call()
            stream.synchronize()
            return result


@cache
def _stream_of(device: torch.device) -> torch.cuda.Stream:
    """Returns the network's stream, the same in every run: torch keeps the memory that a stream has used for it."""
    import torch

    return torch.cuda.Stream(device)
