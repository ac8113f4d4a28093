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
import io
import json
import os
import pickle
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from typing import IO, Any

__all__ = ["read_message", "write_message"]

MOST_OBJECTS = 10_000
DEEPEST = 3  # levels of groups that are listed: pandas puts its tables on the second
MOST_HOPS = 16  # from soft link to soft link
LARGEST_CHUNK = 64 << 20  # bytes once unpacked
LONGEST_TEXT = 16 << 20
MOST_TEXTS = 1 << 16
_MEMORY = 3 << 29  # bytes beyond what the process has when it starts
_SECONDS = 120  # of computing for one request for numbers ...
_SECONDS_TO_TELL = 5  # ... and for one that tells what there is, which takes a hundredth
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf
# What h5py raises of a damaged file, whichever of its layers notices.
_DAMAGED = (
    *(OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError, SystemError),
)


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


class Refused(Exception):
    """An object that is not read, and why."""


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
                answer, data = {}, _read(self._object(request["read"]), request["ranges"])
            else:
                answer = self._told(request)
        except Refused as refused:
            answer = {"refused": str(refused)}
        except MemoryError:
            answer = {"refused": "does not fit in memory"}
        except _DAMAGED as error:
            answer = {"error": " ".join(str(error).split())[:300] or type(error).__name__}
        except Exception:
            answer = {"bug": traceback.format_exc()}
        return answer, data

    def _told(self, request: dict[str, Any]) -> dict[str, Any]:
        if "open" in request:
            return {"objects": self._open(bytes.fromhex(request["open"]))}
        if "attributes" in request:
            return {"attributes": _attributes(self._object(request["attributes"]))}
        if "texts" in request:
            return {"texts": _texts(self._object(request["texts"]))}
        return {"names": _names(_attribute_value(self._object(request["names"]).attrs, request["attribute"]))}

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
            self._file = _open_file(os.fsdecode(path))
        finally:
            self._let_open_files(False)
        listing: dict[str, Any] = {"": {"kind": "group", "attributes": _attributes(self._file)}}
        self._objects[""] = self._file
        for name, found in _walk(self._file, self._file, "", DEEPEST):
            if len(listing) >= MOST_OBJECTS:
                raise Refused("has more objects than any file of its kind")
            listing[name] = {"kind": "refused", "why": str(found)} if isinstance(found, Refused) else _describe(found)
            self._objects[name] = found
        return listing

    def _let_open_files(self, allowed: bool) -> None:
        """Lets this process open files, or keeps it from it: plugins, external links and foreign data are files."""
        if self._most_files:
            import resource

            resource.setrlimit(resource.RLIMIT_NOFILE, self._most_files if allowed else (0, self._most_files[1]))


def _open_file(path: str) -> Any:
    """Opens the file; one that is shorter than it says, as after a kill, reads as zeros beyond its end."""
    import h5py

    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "truncated file" not in str(error):
            raise
    return h5py.File(_Padded(path), "r")


class _Padded(io.RawIOBase):
    """A file that is as long as any file may be, zeros beyond its end."""

    def __init__(self, path: str) -> None:
        self._file = io.FileIO(path)
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: 1 << 60}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._at)
        got = self._file.readinto(view) or 0
        view[got:] = bytes(len(view) - got)
        self._at += len(view)
        return len(view)


def _walk(root: Any, group: Any, prefix: str, deepest: int) -> Iterator[tuple[str, Any]]:
    """Yields (path, object or Refused) of all that is below a group, but PyTables' indices."""
    import h5py

    for name in group:
        if name.startswith("_i_"):
            continue
        try:
            found = _resolve(root, group, name, MOST_HOPS)
        except Refused as refused:
            found = refused
        except _DAMAGED as error:
            found = Refused(f"is damaged ({' '.join(str(error).split())[:200]})")
        yield prefix + name, found
        if isinstance(found, h5py.Group) and deepest > 1:
            yield from _walk(root, found, f"{prefix}{name}/", deepest - 1)


def _resolve(root: Any, group: Any, name: str, hops: int) -> Any:
    """Returns the object of a name in a group; soft links are followed inside of the file, and no link leads out."""
    import h5py
    from h5py import h5l

    kind = group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type
    if kind == h5l.TYPE_EXTERNAL:
        raise Refused("links into another file, which is not read")
    if kind != h5l.TYPE_SOFT:
        return _linked(group, name)
    path = group.get(name, getlink=True).path
    place = root if path.startswith("/") else group
    for step in filter(None, path.split("/")):
        if not hops or not isinstance(place, h5py.Group) or step not in list(place):
            raise Refused("is a link to nothing")
        place = _resolve(root, place, step, hops - 1)
    return place


def _linked(group: Any, name: str) -> Any:
    """Returns the object of a hard link; a dataset as its id, which is made in a fraction of h5py's time for one."""
    import h5py

    found = h5py.h5o.open(group.id, name.encode("utf-8", "surrogateescape"))
    return found if isinstance(found, h5py.h5d.DatasetID) else h5py.Group.__getitem__(group, name)


def _describe(found: Any) -> dict[str, Any]:
    """Returns what the parent is told of a group or a dataset's id."""
    import h5py
    from h5py import h5d, h5s

    if isinstance(found, h5py.Group):
        return {"kind": "group"}
    if not isinstance(found, h5d.DatasetID):
        return {"kind": "refused", "why": "is no dataset"}
    try:
        dtype, space = _checked_type(found), found.get_space()
        shape = None if space.get_simple_extent_type() == h5s.NULL else space.get_simple_extent_dims()
        kind = None if shape is None else _type(dtype)
        return {"kind": "dataset", "shape": shape, "type": kind, "stored": found.get_storage_size()}
    except Refused as refused:
        return {"kind": "refused", "why": str(refused)}
    except _DAMAGED as error:
        return {"kind": "refused", "why": f"is damaged ({' '.join(str(error).split())[:200]})"}


def _checked_type(found: Any) -> Any:
    """Returns the numpy type of a dataset's id; raises Refused for what is stored elsewhere or packed with a plugin,
    before its shape is asked for.
    """
    from h5py import h5d

    plan = found.get_create_plist()
    layout = plan.get_layout()
    if layout == h5d.VIRTUAL or plan.get_external_count():
        raise Refused("is stored outside of the file")
    filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
    if not filters <= _FILTERS:
        raise Refused(f"is packed with a filter that is not read (number {min(filters - _FILTERS)})")
    dtype = found.dtype
    if layout == h5d.CHUNKED and prod(plan.get_chunk(), start=dtype.itemsize) > LARGEST_CHUNK:
        raise Refused(f"has chunks larger than {LARGEST_CHUNK} bytes")
    return dtype


def _type(dtype: Any) -> Any:
    """Returns the type of a dataset: numpy's word for numbers, "text", or a list of fields; None for any other."""
    if dtype.names:
        fields = [(name, dtype[name].base, list(dtype[name].shape)) for name in dtype.names]
        return [(n, b.newbyteorder("<").str, s) for n, b, s in fields] if all(_plain(b) for _, b, _ in fields) else None
    if _plain(dtype):
        return str(dtype.newbyteorder("<").str)
    import h5py

    return "text" if h5py.check_string_dtype(dtype) or dtype.kind == "S" else None


def _plain(dtype: Any) -> bool:
    return dtype.kind in "biufS" and dtype.itemsize > 0 and not dtype.hasobject and dtype.kind != "S"


def _attributes(found: Any) -> dict[str, Any]:
    """Returns the attributes that are texts or numbers: a text as {"text": latin-1}, numbers as a (nested) list."""
    values, attributes = {}, found.attrs  # which h5py makes anew for every look at it
    for name in attributes:
        with suppress(Refused, *_DAMAGED):
            values[name] = _plain_value(_attribute_value(attributes, name))
    return values


def _attribute_value(attributes: Any, name: str) -> Any:
    """Returns an attribute; raises Refused for types other than texts, numbers and bytes."""
    import h5py
    from h5py import h5t

    attribute = attributes.get_id(name)
    kinds = (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.OPAQUE, h5t.ENUM)
    if attribute.get_type().get_class() not in kinds or attribute.get_storage_size() > LONGEST_TEXT:
        raise Refused(f"its attribute '{name}' is not text")
    value = attributes[name]
    return None if isinstance(value, h5py.Empty) else value


def _plain_value(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.void):
        value = value.tobytes()
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return {"text": value[:LONGEST_TEXT].decode("latin-1")}
    if isinstance(value, np.ndarray) and value.shape in ((), (1,)) and value.dtype.kind in "OS":
        return _plain_value(value.ravel()[0])
    numbers = np.asarray(value) if value is not None else None
    return numbers.tolist() if numbers is not None and numbers.dtype.kind in "biuf" and numbers.size < 4096 else None


def _read(found: Any, ranges: list[list[int]]) -> Any:
    """Returns the numbers in a range of each axis, little-endian, in C order."""
    import numpy as np

    values = found[tuple(slice(*span) for span in ranges)] if ranges else found[()]
    kind = values.dtype
    packed = np.dtype([(n, kind[n].newbyteorder("<")) for n in kind.names]) if kind.names else kind.newbyteorder("<")
    array = np.ascontiguousarray(values, dtype=packed)
    return array.reshape(-1).view(np.uint8) if array.size else b""


def _texts(found: Any) -> list[str]:
    if len(found.shape) > 1 or found.size > MOST_TEXTS:
        raise Refused("is not a list of names")
    values = found[()]
    return [_plain_value(value)["text"] for value in ([values] if found.shape == () else list(values))]


class _Plain(pickle.Unpickler):
    """Reads numbers, texts, lists and tuples, and nothing that would have to be imported."""

    def find_class(self, module: str, name: str) -> Any:
        raise Refused("its columns are not named by plain texts")


def _names(value: Any) -> list[list[str]]:
    """Returns the names of columns that pandas pickled: a list of tuples of texts."""
    if hasattr(value, "tobytes"):
        value = value.tobytes()
    if not isinstance(value, bytes):
        raise Refused("its columns have no names")
    try:
        names = _Plain(io.BytesIO(value)).load()
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a spoiled pickle raises anything
        raise Refused("the names of its columns are damaged") from error
    if isinstance(names, list) and len(names) == 1 and isinstance(names[0], tuple) and isinstance(names[0][-1], list):
        names = names[0][-1]  # [(axis, names)], as the whole table's names are kept
    rows: list[Any] = [(name,) if isinstance(name, str) else name for name in names] if isinstance(names, list) else []
    if not rows or not all(isinstance(row, tuple) and all(isinstance(text, str) for text in row) for row in rows):
        raise Refused("its columns are not named by texts")
    return [[str(text)[:4096] for text in row] for row in rows]


if __name__ == "__main__":
    main()
