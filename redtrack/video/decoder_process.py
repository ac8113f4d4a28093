"""Decoder processes and the way to them; a pool lends them out, and kills those that are lost."""

from __future__ import annotations

import json
import mmap
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

import redtrack
from redtrack.errors import LIMITS
from redtrack.lending import Pool
from redtrack.video.decoder_watch import Lost, Watch, loss_of
from redtrack.video.shared_frames import Heartbeat, SignsOfLife, shared_file

__all__ = ["POOL", "DecoderProcess", "prepare"]

# -P: no module is taken from the current folder.
_COMMAND = [sys.executable, "-P", "-m", "redtrack.video.worker"]
_LOOK_EVERY = 1.0  # seconds between looks at the signs of life
# What glibc keeps, in bytes, so that the system need not hand out the same pages anew for every picture.
_KEEP = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 27)}
_MOST_VIDEOS = 200  # after that a fresh process: what C libraries leak or hoard goes with the old one


class DecoderProcess:
    """One decoder process and the way to it."""

    def __init__(self) -> None:
        self.is_idle = False  # whether all that was asked for has been answered
        self._videos = 0
        self._before = 0  # packets read before the latest request
        beats = shared_file(mmap.PAGESIZE)
        self._heartbeat = Heartbeat(beats.fileno())
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        self._answers = select.poll()  # Connection.poll makes a selector anew for every look
        self._answers.register(self._connection.fileno(), select.POLLIN)
        self._leash: int | None
        leash, self._leash = os.pipe()  # nothing is ever written; its end tells the other side of ours
        handles = theirs.fileno(), beats.fileno(), leash
        # A session of its own: the terminal's signals are not for it.
        self._process = subprocess.Popen(
            [*_COMMAND, *map(str, handles)],
            pass_fds=handles,
            env={**_KEEP, **os.environ, "PYTHONPATH": _search_path()},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        beats.close()
        os.close(leash)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_reusable(self) -> bool:
        """Whether it is alive and idle, and has not had too many videos."""
        return self.is_idle and self._videos < _MOST_VIDEOS and self._process.poll() is None

    def ask(self, request: dict[str, Any], memory: int | None = None) -> None:
        """Sends a request, and the handle of the memory that is to be shared; raises Lost where nobody is there."""
        self.is_idle = False
        self._videos += 1
        self._before = self._heartbeat.look().packets
        self.send(json.dumps(request).encode())
        if memory is not None:
            with _lost_if_gone(self):
                send_handle(self._connection, memory, self.pid)

    def send(self, message: bytes) -> None:
        """Sends a message; raises Lost where nobody is there."""
        with _lost_if_gone(self):
            self._connection.send_bytes(message)

    def receive(self, watch: Watch) -> bytes:
        """Returns the next message; raises Lost at the process's end, or where the watch says so."""
        with _lost_if_gone(self):
            if not self._answers.poll(0):
                self._wait(watch)
            return self._connection.recv_bytes()

    def _wait(self, watch: Watch) -> None:
        seconds = min(_LOOK_EVERY, watch.time_limit, watch.stopped_limit)
        watch.look(self._signs(), 0.0)
        while not self._answers.poll(1000 * seconds):
            watch.look(self._signs(), seconds, _may_run(self.pid))

    def _signs(self) -> SignsOfLife:
        """Returns the signs of life. The system knows better how long the process has computed: one that never lets go
        of the interpreter's lock cannot tell.
        """
        told = self._heartbeat.look()
        return told._replace(processor=max(told.processor, _processor_seconds(self.pid)))

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()
        self._process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Closes the way to the process."""
        self._connection.close()
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None

    def end(self) -> Lost:
        """Waits for the process to end and returns how it did."""
        return loss_of(self._process.wait())

    @property
    def place(self) -> int:
        """Packets that were read for the latest request."""
        return self._heartbeat.look().packets - self._before


def _may_run(pid: int) -> bool:
    """Returns whether a process waits for a core, or for the disk, as one that starts on a busy machine does."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("R", "D")
    except (OSError, IndexError):  # no such system; or the process is gone, which is seen otherwise
        return False


def _processor_seconds(pid: int) -> float:
    """Returns how long a process has computed, 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError, AttributeError):
        return 0.0


@contextmanager
def _lost_if_gone(process: DecoderProcess) -> Iterator[None]:
    try:
        yield
    except Lost as lost:
        lost.place = process.place
        raise
    except (EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno in LIMITS:
            raise  # it is this process that met one
        loss = process.end()
        loss.place = process.place
        raise loss from error


def _search_path() -> str:
    """Returns where the process finds this very package, in front of what it would search anyway."""
    here = str(Path(redtrack.__file__).parent.parent)
    return os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))


POOL: Pool[DecoderProcess] = Pool(DecoderProcess)


def prepare() -> None:
    """Starts a decoder process that the next video finds ready, unless an idle one is there; none where it cannot."""
    with suppress(OSError), POOL.loan() as process:
        process.is_idle = True
