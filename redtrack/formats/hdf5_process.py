"""The way to the HDF5 process (`hdf5_child`): started when first needed, used for many files, replaced when it dies."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import redtrack
from redtrack.errors import FormatError
from redtrack.formats.hdf5_child import read_message, write_message
from redtrack.lending import Pool

__all__ = ["POOL", "Hdf5Process", "Hdf5ProcessLost"]

TIME_LIMIT = 60  # seconds without an answer after which the process counts as hanging; the slowest answer takes 1
_MOST_FILES = 5000  # after that a fresh process: what C libraries leak goes with the old one
_SURROUNDINGS = {
    "HDF5_USE_FILE_LOCKING": "FALSE",  # a file that is being written may be looked at
    "HDF5_PLUGIN_PRELOAD": "::",  # no plugins
    "OPENBLAS_NUM_THREADS": "1",  # whose threads take address space, which is limited
    "OMP_NUM_THREADS": "1",
}


class Hdf5ProcessLost(FormatError):
    """The file made the process crash or hang."""


class Hdf5Process:
    """One process. It is idle between two questions; `is_reusable` tells whether it is fit for another file."""

    def __init__(self) -> None:
        # -P: no module is taken from the current folder. A session of its own: the terminal's signals are not for it.
        here = str(Path(redtrack.__file__).parent.parent)
        search = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "redtrack.formats.hdf5_child"],
            env={**os.environ, **_SURROUNDINGS, "PYTHONPATH": search},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._is_idle = False
        self._files = 0
        try:
            self._receive()  # that it is ready
        except Hdf5ProcessLost as error:
            self.kill()
            raise RuntimeError(f"the HDF5 process did not start ({error})") from error

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_reusable(self) -> bool:
        """Whether it is alive and idle, and has not had too many files."""
        return self._is_idle and self._files < _MOST_FILES and self._process.poll() is None

    def ask(self, request: dict[str, Any], into: memoryview | None = None) -> dict[str, Any]:
        """Sends a request and returns the answer; its bytes fill `into`.

        Raises FormatError where the file is at fault, with what the process says of it or with how it died.
        """
        self._is_idle = False
        self._files += "open" in request
        with suppress(OSError):  # it died: the answer tells
            write_message(self._requests, request)
        answer = self._receive(into)
        if "bug" in answer:
            raise RuntimeError(f"in the HDF5 process:\n{answer['bug']}")
        if "refused" in answer:
            raise FormatError(answer["refused"])
        if "error" in answer:
            raise FormatError(f"is a damaged HDF5 file ({answer['error']})")
        return answer

    def _receive(self, into: memoryview | None = None) -> dict[str, Any]:
        self._wait()
        try:
            answer = read_message(self._answers)
            if into is not None and answer.keys() == {"bytes"}:
                self._fill(into, answer["bytes"])
        except (EOFError, OSError, ValueError):
            self._end()
        self._is_idle = True
        return answer

    def _fill(self, into: memoryview, size: int) -> None:
        """Reads the bytes that follow an answer."""
        if size != len(into):
            raise Hdf5ProcessLost(f"is a damaged HDF5 file ({size} bytes came, not {len(into)})")
        done = 0
        while done < size:
            done += self._answers.readinto(into[done:]) or self._end()  # type: ignore[attr-defined]

    def _wait(self) -> None:
        """Waits for an answer. The seconds are those of this process: while both are suspended, none passes."""
        if sys.platform == "win32":  # where nobody can wait for a pipe
            return
        for _ in range(TIME_LIMIT):
            if select.select([self._answers], [], [], 1)[0]:
                return
        raise Hdf5ProcessLost(f"made the HDF5 library hang ({TIME_LIMIT} s without an answer)")

    def _end(self) -> int:
        """Raises Hdf5ProcessLost with how the process ended."""
        status = self._process.wait()
        if sys.platform != "win32" and status == -signal.SIGXCPU:
            raise Hdf5ProcessLost("made the HDF5 library hang (it computed without end)")
        how = f"crash ({signal.Signals(-status).name})" if status < 0 else f"exit with status {status}"
        raise Hdf5ProcessLost(f"made the HDF5 library {how}")

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()
        self._process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Closes the way to the process."""
        for pipe in (self._requests, self._answers):
            with suppress(OSError):
                pipe.close()


POOL: Pool[Hdf5Process] = Pool(Hdf5Process)
