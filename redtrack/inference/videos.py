"""An engine's open videos: which of them decodes, which have ended, and what an error of one means for it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from redtrack.device import DeviceGone, is_gone
from redtrack.errors import DeviceError, RedtrackError, as_bug
from redtrack.inference.calls import Looked
from redtrack.inference.profile import Profile
from redtrack.inference.tracker import Tracker

__all__ = ["Videos"]

OPEN = 2  # videos that are decoded ahead of the network

Result = TypeVar("Result")


class Videos:
    """Those that are open, of all that are to come.

    tell hears one sentence where a decoder has to wait; forget is called with a video that has failed; profile is told
    how long last rows take. `drained`: whether no video has a frame left.
    """

    def __init__(self, tell: Callable[[str], None], forget: Callable[[Tracker], None], profile: Profile) -> None:
        self.drained = False
        self._open: list[Tracker] = []
        self._tell, self._forget, self._time = tell, forget, profile

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def nbytes(self) -> int:
        """The memory that their frames take."""
        return sum(tracker.nbytes for tracker in self._open)

    def next(self, source: Iterator[Tracker]) -> Tracker | None:
        """Returns the tracker whose turn it is to decode, and sees to it that the one after it has begun."""
        decoding = [tracker for tracker in self._open if not tracker.exhausted and tracker.error is None]
        while len(decoding) < OPEN and (tracker := next(source, None)) is not None:
            self._open.append(tracker)
            self.guard(tracker, tracker.start, self._tell)
            if tracker.error is not None or tracker.exhausted:  # let the others go on between two that are done already
                break
            decoding.append(tracker)
        self.drained = not decoding
        return decoding[0] if decoding else None

    def guard(
        self, tracker: Tracker, step: Callable[..., Result], *args: Any, fails_alone: bool = True
    ) -> Result | None:
        """Returns what the step returns. What it raises ends this video, and no other; so does a device that is full,
        unless the others have their part in that.
        """
        import torch

        try:
            return step(*args)
        except Exception as error:
            if isinstance(error, torch.OutOfMemoryError) and not fails_alone:
                raise
            self._fail(tracker, error)
        return None

    @contextmanager
    def blaming(self, looked: list[Looked]) -> Iterator[None]:
        """What the block raises ends all videos whose windows it looks at."""
        try:
            yield
        except Exception as error:
            for tracker in {id(tracker): tracker for tracker, _ in looked}.values():
                if tracker.error is None:
                    self._fail(tracker, error)

    def ended(self) -> Iterator[Tracker]:
        """Yields those that have ended, well or not, once each."""
        for tracker in [tracker for tracker in self._open if tracker.ended or tracker.error is not None]:
            if tracker.error is None:
                with self._time("rows"):
                    self.guard(tracker, tracker.finish)
            self._open.remove(tracker)
            yield tracker

    def break_off(self) -> Iterator[Tracker]:
        """Stops every one where it is, be it in the middle of a step; yields them."""
        for tracker in list(self._open):
            if tracker.error is None:
                self.guard(tracker, tracker.stop)
            self._open.remove(tracker)
            yield tracker

    def _fail(self, tracker: Tracker, error: Exception) -> None:
        self._forget(tracker)
        tracker.fail(_reason(error))


def _reason(error: Exception) -> RedtrackError:
    """Returns why a video ends because of an exception; raises DeviceGone where no other can be done either."""
    import torch

    if isinstance(error, RedtrackError):
        return error
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return DeviceError("has frames too large for the memory that there is")
    if isinstance(error, DeviceGone):
        raise error
    if is_gone(error):
        raise DeviceGone(str(error).splitlines()[0]) from error
    return as_bug(error)
