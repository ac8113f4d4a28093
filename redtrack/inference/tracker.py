"""One open video: chunks of frames in, windows out to the network, their points back, rows to a sink.

Nothing here waits for the network: `advance` decodes and detects a chunk and says which windows are ready, `accept`
takes a window's points whenever they come. Frames are held until every window that they are in is settled, so that
memory does not grow with the length of the video.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.errors import RedtrackError
from redtrack.inference.crop import region_of, sample
from redtrack.inference.destination import Destination, Sink
from redtrack.inference.frames import CHUNK, Chunk, FrameStore, gather
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.opening import open_chosen
from redtrack.inference.options import Options
from redtrack.inference.origin import expected_frames, origin
from redtrack.inference.protocol import make_protocol
from redtrack.inference.rows import RowMerger, in_frame
from redtrack.inference.stitch import Stitcher
from redtrack.inference.windows import FaceRuns, Stage, Window, WindowEntry

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.faces import BoxesFile, FaceFollower
    from redtrack.rednet.predict import WindowEstimate
    from redtrack.video import IsolatedVideo, Video

__all__ = ["Tracker"]

READ_AHEAD = 1  # chunks decoded before they are wanted
TOGETHER = 2  # chunks in which faces are looked for at once: a call with more pictures takes less time for each ...
TOGETHER_BYTES = 64 << 20  # ... but one, where its pictures take more
BLOCK = 250  # frames that are written at once: the most that a kill costs


class Tracker:
    """The way of one video. Rows of frames that the sink has already are not computed again.

    on_step is called when some more frames were decoded. `exhausted`: the last frame was decoded; `waited`: seconds
    for the decoder; `faces`: followed so far, of which one that turns out to be none is taken back at the end.
    """

    def __init__(
        self,
        path: Path,
        models: Landmarker,
        options: Options,
        destination: Destination,
        on_step: Callable[[Tracker], None] = lambda _: None,
    ) -> None:
        self.path, self.options = path, options
        self.error: RedtrackError | None = None  # why it ended early
        self.video: Video | IsolatedVideo | None = None
        self.exhausted = True
        self.waited = 0.0
        self._models, self._destination, self._on_step = models, destination, on_step
        self._began: float | None = None
        self._chunks: Iterator[Chunk] = iter(())
        self._together = TOGETHER
        self._follower: FaceFollower | BoxesFile  # once it has started
        self._sink: Sink | None = None
        self._is_settling = self._is_writing = self._is_new = self._has_rows = False
        self._looked_at = 0  # frames with pixels
        self._cuts: list[int] = []  # frames where a shot begins
        self._protocol = make_protocol(options)
        self._stitcher = Stitcher(models, options)
        self._runs = FaceRuns(self._protocol.window, models.crop_size, crop_scale=models.crop_scale)
        self._store = FrameStore()
        self._merger = RowMerger()

    @property
    def ended(self) -> bool:
        """Whether every row is there."""
        return self.exhausted and self._runs.all_are(Stage.FINAL)

    @property
    def remark(self) -> str | None:
        """What the user may not know of a video whose last frame was decoded: why there are fewer faces than meant."""
        if self.options.start and not self._looked_at:
            return f"no frame is as late as {self.options.start:g} s"
        if self.video is not None and self.video.info.times_from == "default" and self.frames > 1:
            return "its times are filled in at 25 frames/s, for it tells none: give its rate with --fps"
        if self.options.end is None and (unused := self._follower.unused):
            boxes = "box is" if unused == 1 else "boxes are"
            return f"{unused} {boxes} of frames that it does not have: they count from 0"
        if self._looked_at and self._is_new and not self._has_rows and self.options.boxes is None:
            hint = "" if self.options.rotate else "; for faces on their side or upside down --rotate auto"
            return f"no face was found{hint}"
        return None

    @property
    def frames(self) -> int:
        """Frames decoded so far."""
        return self._merger.known

    @property
    def expected_frames(self) -> int | None:
        """About how many there will be, None where the file does not say."""
        return None if self.video is None else expected_frames(self.video.info, self.options.end)

    @property
    def faces(self) -> int:
        """Faces followed so far."""
        return len(self._runs.faces)

    @property
    def done(self) -> int:
        """Frames whose rows are final."""
        return self._runs.done

    @property
    def nbytes(self) -> int:
        """The memory that the held frames take."""
        return self._store.nbytes

    @property
    def seconds(self) -> float:
        """Time since the first frames were asked for: a video is opened while the one before is still worked on."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def start(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """Opens the video, if its rows are wanted; tell hears one sentence where the decoder has to wait."""
        from redtrack.video import ShotDetector, read_ahead

        if not self._destination.claim():
            return
        self.video = open_chosen(self.path, self._models, self.options, tell)
        sink = self._destination.open(origin(self.video.info, self._models, self.options))
        self._follower = self._models.follower(self.options)
        chunks = gather(self.video.frames(end=self.options.end), ShotDetector(), self.options.start or 0.0)
        frame_bytes = self.video.info.height * self.video.info.width * 3
        self._together = max(1, min(TOGETHER, TOGETHER_BYTES // (CHUNK * frame_bytes)))
        self._chunks = read_ahead(chunks, READ_AHEAD)
        self._sink, self._merger, self._is_new = sink, RowMerger(sink.frames), not sink.frames
        shape = self._models.crop_size, sink.frames, self._models.crop_scale
        self._runs = FaceRuns(self._protocol.window, *shape)
        self.exhausted = False

    def advance(self) -> list[Window]:
        """Decodes and detects a few chunks; returns the windows that are ready for the network, often none."""
        self._began = self._began or time.monotonic()
        began = time.perf_counter()
        chunks = list(islice(self._chunks, self._together))
        self.waited += time.perf_counter() - began
        new = self._take(chunks) if chunks else self._finish()
        planned = self._protocol.plan(new, self._runs)
        self._settle()
        self._on_step(self)
        return planned

    def crops(self, window: Window) -> tuple[Window, Tensor]:
        """Returns the window as it is cropped now, and its crops float32 (n, 3, S, S) in 0..1 on the device."""
        window = self._protocol.crop(window)
        region = region_of(window.crop, *self._store.size())
        return window, sample(self._store.region(window.first, len(window), region), region, window.crop)

    def accept(self, window: Window, said: WindowEstimate) -> list[Window]:
        """Takes what the network says of a window, without padding: points (n, 68, 2) and so on.

        Returns what is to be looked at next because of it; that may be the window again, with better crops.
        """
        seen = in_frame(window.crop, *said[:-1])
        again = self._protocol.again(window, seen, self._runs)
        if not window.peek and not again:
            self._runs.entry(window).see(window, seen, said.evidence)
            self._store.drop(self._runs.needed)
            if not self._stitcher.waits or self._runs.all_are(Stage.SEEN):  # else the next chunk settles more in one go
                self._settle()
        return again

    def finish(self) -> None:
        """Gives the last rows to the sink and tells the destination that they are all there."""
        if self.video is not None and self._sink is not None:
            self._write_final()
            self._destination.complete(self.video.report, self.remark, self._cuts)

    def stop(self) -> None:
        """Ends the video before its time; the sink gets all rows that are final."""
        if self._sink is not None:
            self._write_final()
        self._destination.stopped()

    def fail(self, error: RedtrackError) -> None:
        """Ends the video because of an error; what is not in the sink is lost."""
        self.error = error
        self._close()
        self._destination.failed(error)

    def _write_final(self) -> None:
        self._close()
        if not self._is_settling:  # else it was broken off there
            self._settle()
        self._release(1)

    def _close(self) -> None:
        """Ends the decoding and lets go of the frames: an error's traceback may keep this object for long."""
        if isinstance(self._chunks, Generator):
            self._chunks.close()
        self._store = FrameStore()

    def _settle(self) -> None:
        """Takes the windows whose neighbours are known as final."""
        self._is_settling = True
        for entry, found in self._stitcher.final(self._runs):
            self._merger.add_window(entry.window, found)
            entry.stage = Stage.FINAL  # only now: a run may be broken off between any two lines
        self._runs.forget()
        self._release(BLOCK)
        self._is_settling = False

    def _take(self, chunks: list[Chunk]) -> list[WindowEntry]:
        """Follows the faces through chunks; returns the windows that this ends."""
        frames: list[Tensor] = []
        cuts: list[NDArray[np.bool_]] = []
        for chunk in chunks:
            self._merger.add_frames(chunk.first, chunk.times, chunk.state)
            if chunk.images is None:
                self._follower.skip(chunk.cuts)
            else:
                frames += self._held(chunk, chunk.images)
                cuts.append(chunk.cuts)
        rows = None
        if frames:  # a follower only counts them and goes through them
            rows = self._follower.push(frames, np.concatenate(cuts))  # type: ignore[arg-type]
            self._store.focus(rows)
        return self._runs.push(rows, self._follower.settled)

    def _held(self, chunk: Chunk, images: NDArray[np.uint8]) -> Tensor:
        """Returns a chunk's frames uint8 (n, H, W, 3) on the device, where crops may be cut from them from now on."""
        import torch

        self._looked_at += len(images)
        held = torch.from_numpy(images).to(self._models.device)  # all of it: the decoder is to fill the memory again
        self._store.add(chunk.first, held)
        cuts = (chunk.first + np.flatnonzero(chunk.cuts)).tolist()
        self._cuts += cuts
        self._runs.cut(cuts)
        return held

    def _finish(self) -> list[WindowEntry]:
        """Follows the faces to the end of the video."""
        self.exhausted = True
        rows = self._follower.finish()
        return self._runs.push(rows, self._merger.known) + self._runs.finish()

    def _release(self, least: int) -> None:
        """Lets go of frames that no window needs any more, and writes their rows where there are `least` of them."""
        self._store.drop(self._runs.needed)
        if self._is_writing or self.done - self._merger.done < (1 if self.ended else least):
            return  # what was broken off while it wrote is not to write anything behind that
        assert self._sink is not None, f"{self.path} was not started"
        self._is_writing = True
        rows = self._merger.release(self.done)
        self._has_rows |= len(rows) > 0
        self._sink.append(rows)
        self._sink.flush()
        self._is_settling = self._is_writing = False
