"""The engine: windows of different faces, places and videos share the calls of the network.

One video is decoded at a time, the next in line when the first has no more frames, so that a long video keeps memory
small and short ones fill a batch together. The decoders run ahead in threads of their own, and so does the network
(`calls.Threads`), while this thread detects and crops. A point does not depend on what it shares a batch with, on a CPU
to the last bit.

What anything raises becomes the end of the videos that it concerns here and nowhere else, be it bad input, a bug, or a
device that is full. Only where the device itself has failed, `DeviceGone` ends the run.

N windows, T frames, S crop side.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from redtrack.errors import DeviceError
from redtrack.inference.calls import Call, Looked, Threads, Waiting, fewest_windows, known_points
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.inference.profile import Profile
from redtrack.inference.tracker import Tracker
from redtrack.inference.videos import Videos
from redtrack.inference.windows import Window

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.rednet.predict import WindowEstimate

__all__ = ["Engine"]

PEEKS = 3  # looks at single frames that are waited for: as many as the first window of a face depends on


class Engine:
    """Runs videos through the network.

    `batch` is how many crops one call takes, None for what the device has room for. `stopping` is asked between two
    steps; `tell` hears one sentence when the device runs out of memory and the batch is halved; `profile` is told where
    the time goes.
    """

    def __init__(
        self,
        models: Landmarker,
        options: Options,
        batch: int | None = None,
        stopping: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda _: None,
        profile: Profile | None = None,
    ) -> None:
        self._models, self._options = models, options
        self._tracking = options.protocol == "tracking"
        self._length = 1 if self._tracking else options.window
        crops = 1 if self._tracking else batch or models.crops_at_once(options)
        self._batch = max(1, crops // self._length)  # windows in one call
        self._peeks = max(PEEKS, self._batch)
        self._hold = models.hardware.hold_bytes
        self._stopping, self._tell = stopping, tell
        self._time = profile or Profile()
        self._waiting = Waiting()
        self._videos = Videos(tell, self._waiting.forget, self._time)
        self._flight: deque[Call] = deque()
        self._halved = False

    def share_memory(self, sharers: int) -> None:
        """Holds no more frames than fit where so many processes share the machine's memory."""
        self._hold //= sharers

    @property
    def batch(self) -> int:
        """Crops in one call of the network."""
        return self._batch * self._length

    def run(self, trackers: Iterable[Tracker]) -> Iterator[Tracker]:
        """Yields every video once it has ended: well, or with its `error` set; or stopped, when `stopping` says so."""
        source = iter(trackers)
        with Threads(self._models.hardware) as threads:
            most = 1 if self._tracking else threads.most_in_flight
            while not self._stopping():
                if not self._step(source, threads, most):
                    return
                yield from self._videos.ended()
            while self._flight:
                self._land()
            yield from self._videos.ended()
            yield from self.break_off()

    def break_off(self) -> Iterator[Tracker]:
        """Stops every open video where it is, be it in the middle of a step; yields them."""
        self._waiting.clear()
        yield from self._videos.break_off()

    def _step(self, source: Iterator[Tracker], threads: Threads, most: int) -> bool:
        """Does what is to be done next; returns whether there was anything.

        What that is hangs on counts and never on the clock, so that a run has the same calls each time.
        """
        free = len(self._flight) < most
        if free and self._waiting and (self._ready(1) or self._overfull()):
            self._submit(threads)
        elif self._flight and (self._ready(most - 1) or self._overfull() or self._only_peeks()):
            self._land()
        elif (tracker := self._videos.next(source)) is not None:
            self._advance(tracker)
        elif self._waiting and free:
            self._submit(threads)
        elif self._flight:
            self._land()
        else:
            return bool(self._videos)
        return True

    def _ready(self, calls: int) -> bool:
        """Whether enough waits for the network: windows for so many calls, or looks at single frames for one."""
        return self._waiting.peeks >= self._enough or self._waiting.windows >= calls * self._batch

    @property
    def _enough(self) -> int:
        """Looks at single frames that are worth a call. The last ones wait for no others, but windows for them."""
        return 1 if self._videos.drained else self._peeks

    def _overfull(self) -> bool:
        """Whether too much is held for more to be decoded."""
        return self._videos.nbytes > self._hold

    def _only_peeks(self) -> bool:
        """Whether the network has two calls with looks at single frames and no windows: these depend on the first."""
        return len(self._flight) > 1 and all(pair[1].peek for call in self._flight for pair in call.looked)

    def _advance(self, tracker: Tracker) -> None:
        waited = tracker.waited
        with self._time("detector"):
            windows = self._videos.guard(tracker, tracker.advance) or []
        self._time.move(tracker.waited - waited, "detector", "decoder")
        self._waiting.add([(tracker, window) for window in windows])

    def _submit(self, threads: Threads) -> None:
        """Has the network look at what has waited longest: at windows if they fill a call, else at single frames."""
        waited = self._waiting.take(self._batch, self._enough, self.batch)
        with self._videos.blaming(waited):
            self._look_at(waited, threads)

    def _look_at(self, waited: list[Looked], threads: Threads) -> None:
        import torch

        length = max(len(window) for _, window in waited)
        try:
            with self._time("cropping"):
                looked, crops = self._cut(waited, length)
        except torch.OutOfMemoryError as error:
            self._postpone(waited, error)
            return
        if not looked:
            return
        lengths = np.ones(len(crops), np.int64)
        lengths[: len(looked)] = [len(window) for _, window in looked]
        look = self._models.peek if looked[0][1].peek else self._models.predict
        with self._time("network"):  # where it has no thread of its own, it runs now
            seven = known_points([window for _, window in looked], len(crops), length)
            found = threads.submit(look, crops, lengths, self._options, seven)
        self._flight.append(Call(looked, crops, lengths, seven, look, found))

    def _land(self) -> None:
        """Waits for the call that is under way the longest; what follows from it waits in its turn."""
        call = self._flight.popleft()
        with self._videos.blaming(call.looked):
            self._hand_out(call)

    def _hand_out(self, call: Call) -> None:
        """Hands what a call found to the videos whose windows it had."""
        import torch

        with self._time("network"):
            try:
                found = call.found.result()
            except torch.OutOfMemoryError as error:
                self._make_room(error, call.crops.shape[0] * call.crops.shape[1])
                found = self._predict(call)
        said = map(type(found)._make, zip(*found, strict=True))  # window by window
        with self._time("rows"):
            following = [self._accept(*pair, each) for pair, each in zip(call.looked, said, strict=False)]
        self._waiting.add([pair for pairs in following for pair in pairs if pair[0].error is None])

    def _cut(self, waited: list[Looked], length: int) -> tuple[list[Looked], Tensor]:
        """Returns the windows as they are aimed now, and their crops (N, T, 3, S, S), zero beyond their length and
        behind the last window where they are fewer than `LEAST`.

        Where memory runs out that is the fault of all, unless they are as few as can be.
        """
        import torch

        few = not self._flight and (self._batch == 1 or len(waited) == 1)
        size = self._models.crop_size
        least = fewest_windows(length) if self._batch > 1 or waited[0][1].peek else 1
        crops = torch.zeros(max(least, len(waited)), length, 3, size, size, device=self._models.device)
        looked: list[Looked] = []
        for tracker, window in waited:
            cut = self._videos.guard(tracker, tracker.crops, window, fails_alone=few) if tracker.error is None else None
            if cut is not None:
                crops[len(looked), : len(window)] = cut[1]
                looked.append((tracker, cut[0]))
        return looked, crops[: max(least, len(looked))]

    def _postpone(self, waited: list[Looked], error: RuntimeError) -> None:
        """Puts back windows for whose crops there was no memory, until a call has ended, or else for smaller calls."""
        self._waiting.put_back(waited)
        traceback.clear_frames(error.__traceback__)  # they hold it
        if self._flight:
            self._land()
        else:
            self._make_room(error, sum(len(window) for _, window in waited))

    def _accept(self, tracker: Tracker, window: Window, said: WindowEstimate) -> list[Looked]:
        """Hands the network's word on a window to its tracker; returns what is to be looked at because of it."""
        if tracker.error is not None:
            return []
        said = type(said)(*(array[: len(window)] for array in said))
        following = self._videos.guard(tracker, tracker.accept, window, said)
        return [(tracker, window) for window in following or []]

    def _predict(self, call: Call) -> WindowEstimate:
        """Returns the network's word on all windows of a call, in as many calls as the device's memory asks for."""
        import torch

        parts: list[WindowEstimate] = []
        done = 0
        while done < len(call.lengths):
            part = slice(done, done + max(1, self.batch // call.crops.shape[1]))
            crops = call.crops[part]
            try:
                parts.append(call.look(crops, call.lengths[part], self._options, call.seven[part]))
                done = part.stop
            except torch.OutOfMemoryError as error:
                self._make_room(error, crops.shape[0] * crops.shape[1])
        return type(parts[0])(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def _make_room(self, error: RuntimeError, crops: int) -> None:
        """Lets go of what a call of so many crops had computed; halves the batch, unless that was done meanwhile."""
        import torch

        traceback.clear_frames(error.__traceback__)  # they hold it
        torch.cuda.empty_cache()
        if crops > self.batch:
            return
        if self._batch == 1:
            raise DeviceError("has no memory for a single window", remedy="use --device cpu") from error
        self._batch //= 2
        if not self._halved:
            self._tell(f"the device is out of memory: going on with batches of {self.batch} crops or fewer")
        self._halved = True
