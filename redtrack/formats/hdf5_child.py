"""The HDF5 process: opens one file at a time with h5py and answers what is in it. `hdf5_process` starts it.

HDF5's C library crashes or hangs on about one in a thousand damaged files, and a file can make it open other files,
load plugins and allocate any number of bytes. So it reads in this process, which may die: it has a limit on its memory,
it opens no file but the one it is asked for, and it refuses what is stored elsewhere before the library looks at it.

A message is a line of JSON, then as many bytes as its `bytes` says. Requests: `open` (a path in hex), `read` (a dataset
and a range for each axis), `attributes` (of an object: those of the root group come with `open`), `texts` (a dataset),
`names` (an attribute in which PyTables pickled the names of columns).
"""

from __future__ import annotations

import codecs
import json
import os
import sys
import traceback
from contextlib import suppress
from typing import IO, Any

from redtrack.formats.hdf5_objects import (
    DAMAGED,
    Refused,
    attribute_value,
    attributes,
    describe,
    open_file,
    pickled_names,
    read,
    texts,
    walk,
)

__all__ = ["read_message", "write_message"]

MOST_OBJECTS = 10_000
DEEPEST = 3  # levels of groups that are listed: pandas puts its tables on the second
_MEMORY = 3 << 29  # bytes beyond what the process has when it starts
_SECONDS = 120  # of computing for one request for numbers ...
_SECONDS_TO_TELL = 5  # ... and for one that tells what there is, which takes a hundredth


def write_message(pipe: IO[bytes], message: dict[str, Any], data: Any = b"") -> None:
    """Sends a message with its bytes; `data` is a buffer."""
    view = memoryview(data).cast("B")
    pipe.write(json.dumps(message | {"bytes": len(view)}).encode() + b"\n")
    pipe.write(view)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> dict[str, Any]:
    """Returns the next message, whose bytes are still in the pipe; raises EOFError at the pipe's end."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    message: dict[str, Any] = json.loads(line)
    return message


def main() -> None:
    """Serves requests until the other side closes the pipe."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    import h5py  # noqa: F401 - now, while files can still be opened

    for codec in ("ascii", "latin-1", "utf-8"):
        codecs.lookup(codec)  # each is a module
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)  # the C library's last words are for nobody
    _limit_memory()
    server = Server()
    write_message(answers, {"ready": True})
    with suppress(EOFError):
        while True:
            request = read_message(requests)
            limit_time(_SECONDS if "read" in request else _SECONDS_TO_TELL)
            write_message(answers, *server.answer(request))


def _limit_memory() -> None:
    """Limits the address space, where the system counts and limits it."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + _MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def limit_time(seconds: int) -> None:
    """Ends this process once it has computed for so many seconds more, where the system counts and limits that.

    A damaged file may keep the C library busy for ever, and whoever would stop it may be gone.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource

        used = int(sum(os.times()[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


class Server:
    """The file that is open, and the answers to questions about it."""

    def __init__(self) -> None:
        self._file: Any = None
        self._objects: dict[str, Any] = {}
        self._most_files: tuple[int, int] | None = None
        with suppress(ImportError):
            import resource

            self._most_files = resource.getrlimit(resource.RLIMIT_NOFILE)

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Returns the answer to a request and its bytes."""
        data: Any = b""
        try:
            if "read" in request:
                answer, data = {}, read(self._object(request["read"]), request["ranges"])
            else:
                answer = self._told(request)
        except Refused as refused:
            answer = {"refused": str(refused)}
        except MemoryError:
            answer = {"refused": "does not fit in memory"}
        except DAMAGED as error:
            answer = {"error": " ".join(str(error).split())[:300] or type(error).__name__}
        except Exception:
            answer = {"bug": traceback.format_exc()}
        return answer, data

    def _told(self, request: dict[str, Any]) -> dict[str, Any]:
        if "open" in request:
            return {"objects": self._open(bytes.fromhex(request["open"]))}
        if "attributes" in request:
            return {"attributes": attributes(self._object(request["attributes"]))}
        if "texts" in request:
            return {"texts": texts(self._object(request["texts"]))}
        return {"names": pickled_names(attribute_value(self._object(request["names"]).attrs, request["attribute"]))}

    def _object(self, name: str) -> Any:
        """Returns a group or dataset of the open file."""
        import h5py

        found = self._objects[name]
        return h5py.Dataset(found, readonly=True) if isinstance(found, h5py.h5d.DatasetID) else found

    def _open(self, path: bytes) -> dict[str, Any]:
        """Opens another file and returns what is in it, by path; from then on no file can be opened."""
        if self._file is not None:
            self._file.close()
        self._file, self._objects = None, {}
        self._let_open_files(True)
        try:
            self._file = open_file(os.fsdecode(path))
        finally:
            self._let_open_files(False)
        listing: dict[str, Any] = {"": {"kind": "group", "attributes": attributes(self._file)}}
        self._objects[""] = self._file
        for name, found in walk(self._file, self._file, "", DEEPEST):
            if len(listing) >= MOST_OBJECTS:
                raise Refused("has more objects than any file of its kind")
            listing[name] = {"kind": "refused", "why": str(found)} if isinstance(found, Refused) else describe(found)
            self._objects[name] = found
        return listing

    def _let_open_files(self, allowed: bool) -> None:
        """Lets this process open files, or keeps it from it: plugins, external links and foreign data are files."""
        if self._most_files:
            import resource

            resource.setrlimit(resource.RLIMIT_NOFILE, self._most_files if allowed else (0, self._most_files[1]))


if __name__ == "__main__":
    main()
