"""What a silent decoder process is doing, and what its loss says of the file."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from redtrack.video.shared_frames import SignsOfLife

STOPPED = 15.0  # seconds without a pulse after which a decoder counts as stopped; on a busy machine it may be slow
STALL = 900.0  # seconds that a drive is waited for
_TELL_STALL = 10.0  # seconds after which the user is told that a drive is waited for
_IDLE = 0.1  # share of a core below which a decoder does not compute but waits
_FROM_OUTSIDE = frozenset({"SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGSTOP"})  # by name: Windows has not all of them
_LIMITS = {"SIGXCPU": "processor time (ulimit -t)", "SIGXFSZ": "the size of files (ulimit -f)"}
_NEAR = 32  # packets within which a decoder of many threads crashes at the same place
_SAME = 2  # packets within which a decoder that was killed from outside was at the same place
_MOST = 30  # losses of one video after which no further decoder is started


class Lost(Exception):
    """The decoder process died, hangs or was stopped.

    `how` continues the sentence "it made the decoder …"; `outside` tells that something else than the decoder itself
    ended it, `place` how many packets it had read.
    """

    def __init__(self, how: str, outside: bool = False, place: int = 0) -> None:
        super().__init__(how)
        self.how, self.outside, self.place = how, outside, place


def loss_of(status: int) -> Lost:
    """Returns the loss that the exit status of a process means, negative for a signal."""
    if status >= 0:
        return Lost(f"exit with status {status}")
    name = signal.Signals(-status).name
    if name in _LIMITS:
        return Lost(f"exceed a limit of this system on {_LIMITS[name]}")
    if name == "SIGKILL":
        return Lost("end (SIGKILL, from outside: the system does so when memory runs out)", outside=True)
    return Lost(f"crash ({name})", outside=name in _FROM_OUTSIDE)


@dataclass
class Watch:
    """Tells a slow drive from a decoder that hangs, by its signs of life at each look.

    The time is that of the looks: while both processes are suspended, as batch systems do, none passes. time_limit:
    seconds without a packet for a decoder that computes. tell: hears one sentence when a drive is waited for.
    """

    time_limit: float
    tell: Callable[[str], None]
    stopped_limit: float
    _last: SignsOfLife | None = None
    _silent: float = field(default=0.0, init=False)  # seconds without a packet
    _computed: float = field(default=0.0, init=False)  # seconds of processor time in these
    _pulseless: float = field(default=0.0, init=False)  # seconds without a pulse
    _told: bool = field(default=False, init=False)

    def look(self, now: SignsOfLife, seconds: float, may_run: bool = False) -> None:
        """Takes the signs of life `seconds` after the last look; raises Lost where there is nothing to wait for.

        may_run: the system would let the process run if it had a core to spare, so that it is not stopped.
        """
        last, self._last = self._last or now, now
        self._pulseless = self._pulseless + seconds if now.pulses == last.pulses and not may_run else 0.0
        if self._pulseless >= self.stopped_limit:
            raise Lost(f"stop (nothing for {self._pulseless:g} s)", outside=True)
        if now.packets != last.packets:
            self._silent = self._computed = 0.0
            return
        self._silent += seconds
        self._computed += now.processor - last.processor
        if self._computed >= _IDLE * self._silent or self._pulseless:
            if self._silent >= self.time_limit:
                raise Lost(f"hang (nothing for {self._silent:g} s)")
        elif self._silent >= max(STALL, self.time_limit):
            raise Lost(f"wait for its file (nothing came for {self._silent:g} s)", outside=True)
        elif self._silent >= _TELL_STALL and not (self._told or may_run):
            self._told = True
            self.tell(f"no data for {self._silent:.0f} s: waiting for the drive")


class Losses:
    """The decoders that were lost over one video, and whether the file is to blame.

    One that is killed or stopped from outside says nothing of the file, unless that happens over and over at the same
    place, as where memory runs out. One that crashes or hangs does, if the next one does the same.
    """

    def __init__(self) -> None:
        self._known: list[Lost] = []

    def are_final(self, lost: Lost) -> bool:
        """Takes another loss; returns whether no further decoder is to be tried."""
        near = _SAME if lost.outside else _NEAR
        same = sum(abs(one.place - lost.place) <= near for one in self._known if one.outside == lost.outside)
        self._known.append(lost)
        return same >= (2 if lost.outside else 1) or len(self._known) >= _MOST
