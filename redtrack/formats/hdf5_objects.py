"""What is in an HDF5 file, for the HDF5 process (`hdf5_child`): groups, datasets and attributes, as they can be told.

What is stored elsewhere, packed with a plugin or unreasonably large is refused before the C library looks at it.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from typing import Any

__all__ = [
    "DAMAGED", "Refused",
    "attribute_value", "attributes", "describe", "open_file", "pickled_names", "read", "texts", "walk",
]  # fmt: skip

MOST_HOPS = 16  # from soft link to soft link
LARGEST_CHUNK = 64 << 20  # bytes once unpacked
LONGEST_TEXT = 16 << 20
MOST_TEXTS = 1 << 16
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf
# What h5py raises of a damaged file, whichever of its layers notices.
DAMAGED = (
    *(OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError, SystemError),
)


class Refused(Exception):
    """An object that is not read, and why."""


def open_file(path: str) -> Any:
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


def walk(root: Any, group: Any, prefix: str, deepest: int) -> Iterator[tuple[str, Any]]:
    """Yields (path, object or Refused) of all that is below a group, but PyTables' indices."""
    import h5py

    for name in group:
        if name.startswith("_i_"):
            continue
        try:
            found = _resolve(root, group, name, MOST_HOPS)
        except Refused as refused:
            found = refused
        except DAMAGED as error:
            found = Refused(f"is damaged ({' '.join(str(error).split())[:200]})")
        yield prefix + name, found
        if isinstance(found, h5py.Group) and deepest > 1:
            yield from walk(root, found, f"{prefix}{name}/", deepest - 1)


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


def describe(found: Any) -> dict[str, Any]:
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
    except DAMAGED as error:
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


def attributes(found: Any) -> dict[str, Any]:
    """Returns the attributes that are texts or numbers: a text as {"text": latin-1}, numbers as a (nested) list."""
    values, held = {}, found.attrs  # which h5py makes anew for every look at it
    for name in held:
        with suppress(Refused, *DAMAGED):
            values[name] = _plain_value(attribute_value(held, name))
    return values


def attribute_value(held: Any, name: str) -> Any:
    """Returns an attribute; raises Refused for types other than texts, numbers and bytes."""
    import h5py
    from h5py import h5t

    attribute = held.get_id(name)
    kinds = (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.OPAQUE, h5t.ENUM)
    if attribute.get_type().get_class() not in kinds or attribute.get_storage_size() > LONGEST_TEXT:
        raise Refused(f"its attribute '{name}' is not text")
    value = held[name]
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


def read(found: Any, ranges: list[list[int]]) -> Any:
    """Returns the numbers in a range of each axis, little-endian, in C order."""
    import numpy as np

    values = found[tuple(slice(*span) for span in ranges)] if ranges else found[()]
    kind = values.dtype
    packed = np.dtype([(n, kind[n].newbyteorder("<")) for n in kind.names]) if kind.names else kind.newbyteorder("<")
    array = np.ascontiguousarray(values, dtype=packed)
    return array.reshape(-1).view(np.uint8) if array.size else b""


def texts(found: Any) -> list[str]:
    """Returns the texts of a dataset; raises Refused for what is no short list of them."""
    if len(found.shape) > 1 or found.size > MOST_TEXTS:
        raise Refused("is not a list of names")
    values = found[()]
    return [_plain_value(value)["text"] for value in ([values] if found.shape == () else list(values))]


class _Plain(pickle.Unpickler):
    """Reads numbers, texts, lists and tuples, and nothing that would have to be imported."""

    def find_class(self, module: str, name: str) -> Any:
        raise Refused("its columns are not named by plain texts")


def pickled_names(value: Any) -> list[list[str]]:
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
