"""The time of each frame: the stream's own, counted at its rate where it gives none."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_DEFAULT_RATE = Fraction(25)  # frames a second, where neither the stream nor its frames tell
_FASTEST = 10_000  # frames a second; a header that claims more has a clock rate in its place
# Bare streams, without a container: their packets have no times, or FFmpeg counts them at 25 frames a second.
_BARE = frozenset({"h264", "hevc", "mpegvideo", "m4v", "obu", "vc1", "mjpeg"})
_PICTURES = "_pipe"  # ends the names of demuxers of pictures one after the other


@dataclass(frozen=True)
class Rate:
    """Frames a second, None where unknown, and where the times of the frames come from.

    source: `stream` where each frame has its own time; `rate` where the frames are counted at the rate that the stream
    tells, `fps` at the one that the user gave, `default` at 25 frames a second, which is a guess.
    """

    value: Fraction | None
    source: str = "stream"

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream, fps: float | None) -> Rate:
        """Returns the rate of a stream; `fps` is used where the file tells neither times nor a rate."""
        if container.format.name not in _BARE and not container.format.name.endswith(_PICTURES):
            return cls(_sane(stream.average_rate))
        if stream.codec_context.framerate and (told := _sane(stream.guessed_rate)):
            return cls(told, "rate")
        return cls(_DEFAULT_RATE, "default") if fps is None else cls(Fraction(fps).limit_denominator(1001), "fps")


def _sane(rate: Fraction | None) -> Fraction | None:
    """Returns a rate in frames a second; None where it is unknown, nought or a clock rate."""
    return Fraction(rate) if rate and 0 < rate <= _FASTEST else None


class Clock:
    """Turns a stream's ticks into seconds from its first frame, never going back.

    source: as in `Rate`; only with `stream` the ticks are looked at.
    """

    def __init__(self, time_base: Fraction | None, rate: Fraction | None, source: str = "stream") -> None:
        self._source = source
        self._frames = 0
        self._time_base = time_base or 1 / _DEFAULT_RATE
        self._step = float(1 / (rate or _DEFAULT_RATE))
        self._first: int | None = None
        self._last = 0.0
        self._started = False
        self.filled = 0  # times that the stream did not give, or gave out of order

    def time(self, ticks: int | None) -> float:
        """Returns the frame's time in seconds; without ticks, one mean frame after the last."""
        if self._source != "stream":
            self.filled += self._source == "default"
            self._frames += 1
            return (self._frames - 1) * self._step
        time = self._own_time(ticks)
        if time is None or time < self._last:
            self.filled += 1
            time = self._last if time is not None or not self._started else self._last + self._step
        self._started = True
        self._last = time
        return time

    def _own_time(self, ticks: int | None) -> float | None:
        if ticks is None:
            return None
        if self._first is None:
            # Frames before this one had no time: go on from theirs.
            start = (self._last + self._step) / self._time_base if self._started else 0
            self._first = ticks - round(start)
        return float((ticks - self._first) * self._time_base)
