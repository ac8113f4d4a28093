"""Decoder processes: started when first needed, lent out one at a time, used again, and killed when they are lost."""

from __future__ import annotations

import atexit
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

import redtrack
from redtrack.video.shared_frames import Heartbeat, shared_file

_LOOK_EVERY = 1.0  # seconds between looks at the heartbeat
# What glibc keeps, in bytes, so that the system need not hand out the same pages anew for every picture.
_KEEP = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 27)}
_MOST_VIDEOS = 200  # after that a fresh process: what C libraries leak or hoard goes with the old one


class Lost(Exception):
    """The decoder process died or hangs."""


class DecoderProcess:
    """One decoder process and the way to it."""

    def __init__(self) -> None:
        self.is_idle = False  # whether all that was asked for has been answered
        self._videos = 0
        beats = shared_file(mmap.PAGESIZE)
        self._heartbeat = Heartbeat(beats.fileno())
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        self._leash: int | None
        leash, self._leash = os.pipe()  # nothing is ever written; its end tells the other side of ours
        handles = theirs.fileno(), beats.fileno(), leash
        # -P: no module is taken from the current folder. A session of its own: the terminal's signals are not for it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "redtrack.video.worker", *map(str, handles)],
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
        """Whether it is fit for another video."""
        return self.is_idle and self._videos < _MOST_VIDEOS

    def ask(self, request: dict[str, Any], memory: int | None = None) -> None:
        """Sends a request, and the handle of the memory that is to be shared; raises Lost where nobody is there."""
        self.is_idle = False
        self._videos += 1
        self.send(json.dumps(request).encode())
        if memory is not None:
            with _lost_if_gone(self):
                send_handle(self._connection, memory, self.pid)

    def send(self, message: bytes) -> None:
        """Sends a message; raises Lost where nobody is there."""
        with _lost_if_gone(self):
            self._connection.send_bytes(message)

    def receive(self, time_limit: float) -> bytes:
        """Returns the next message; raises Lost at the process's end, or after `time_limit` s without a heartbeat.

        The time is that of this process's looks: while both are suspended, as batch systems do, none passes.
        """
        beats, look, waited = self._heartbeat.count, min(_LOOK_EVERY, time_limit), 0.0
        with _lost_if_gone(self):
            while not self._connection.poll(look):
                waited = waited + look if self._heartbeat.count == beats else 0.0
                beats = self._heartbeat.count
                if waited >= time_limit:
                    raise Lost(f"hang (nothing for {time_limit:g} s)")
            return self._connection.recv_bytes()

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

    def end(self) -> str:
        """Waits for the process to end and returns how it did."""
        status = self._process.wait()
        return f"crash ({signal.Signals(-status).name})" if status < 0 else f"exit with status {status}"


@contextmanager
def _lost_if_gone(process: DecoderProcess) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError) as error:
        raise Lost(process.end()) from error


class Loan:
    """Lends out an idle decoder process or a new one; kills it at the end unless it is idle again."""

    def __enter__(self) -> DecoderProcess:
        with _lock:
            self._process = _idle.pop() if _idle else DecoderProcess()
            _lent.add(self._process)
        return self._process

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _lock:
            _lent.discard(self._process)
            if self._process.is_reusable:
                _idle.append(self._process)
                return
        self._process.kill()


def _search_path() -> str:
    """Returns where the process finds this very package, in front of what it would search anyway."""
    here = str(Path(redtrack.__file__).parent.parent)
    return os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))


def idle() -> list[DecoderProcess]:
    """Returns the processes that wait for work."""
    return list(_idle)


def kill_idle() -> None:
    """Ends the processes that wait for work."""
    while _idle:
        with suppress(OSError, IndexError):
            _idle.pop().kill()


def _kill_all() -> None:
    """Ends all processes, even those at work: nobody is left who wants their frames."""
    for process in list(_lent):
        with suppress(OSError):
            process.kill()
    kill_idle()


def _forget() -> None:
    """Lets a forked process, as `multiprocessing` makes them, start decoders of its own: these are its parent's."""
    for process in [*_idle, *_lent]:
        process.let_go()
    _idle.clear()
    _lent.clear()
    _lock.release()


_lock = Lock()
_idle: list[DecoderProcess] = []
_lent: set[DecoderProcess] = set()
atexit.register(_kill_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forget)
