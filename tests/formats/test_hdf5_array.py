"""Our reader of HDF5 gives what HDF5's own library gives, for whatever that writes in its earliest layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from redtrack.errors import FormatError
from redtrack.formats.hdf5_array import Array
from redtrack.formats.hdf5_file import number_attribute, open_hdf5, text_attribute, texts

CHANCE = np.random.default_rng(0)
CASES: dict[str, dict[str, Any]] = {
    "in one piece": {"data": CHANCE.random((7, 5, 2))},
    "one number": {"data": np.float32(3.5)},
    "never written": {"shape": (5, 3), "dtype": "f4"},
    "never written, with a fill value": {"shape": (5, 3), "dtype": "f4", "fillvalue": np.nan, "chunks": (2, 3)},
    "no rows": {"shape": (0, 3), "dtype": "i8", "maxshape": (None, 3)},
    "chunks": {"data": CHANCE.random((100, 7)), "chunks": (9, 7)},
    "chunks cut on every axis": {"data": CHANCE.integers(0, 99, (50, 41, 3)), "chunks": (16, 8, 2)},
    "deflate": {"data": CHANCE.random((100, 7)), "chunks": (9, 4), "compression": "gzip"},
    "all filters": {"data": CHANCE.random((99, 5)), "compression": 4, "shuffle": True, "fletcher32": True},
    "odd bytes": {"data": CHANCE.integers(0, 255, (33, 3), np.uint8), "chunks": (11, 3), "fletcher32": True},
    "many chunks": {"data": CHANCE.random((9000, 1)), "chunks": (1, 1)},
    **{
        f"type {kind}": {"data": CHANCE.integers(0, 99, 20).astype(kind)}
        for kind in ("u1", "<i2", ">i4", ">u8", ">f8", "<f2")
    },
}


@pytest.mark.parametrize("case", CASES)
def test_equal_to_the_library(tmp_path: Path, case: str) -> None:
    """The whole array, and any stretch of it, are what h5py reads."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", **CASES[case])
    with h5py.File(path) as file, open_hdf5(path) as tree:
        theirs, ours = file["x"][()], Array(tree, "x")
        assert ours.shape == np.shape(theirs) and ours.dtype == theirs.dtype
        if ours.shape:
            for start, stop in ((0, None), (3, 11), (5, 5), (2, 10_000)):
                np.testing.assert_array_equal(ours[start:stop], theirs[start:stop])


def test_holes_hold_the_fill_value(tmp_path: Path) -> None:
    """Chunks that were never written are not missing."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        made = file.create_dataset("x", (40, 40), "i4", chunks=(10, 10), fillvalue=-7)
        made[12:15, 31:] = 5
        theirs = made[()]
    with open_hdf5(tmp_path / "x.h5") as tree:
        np.testing.assert_array_equal(Array(tree, "x")[:], theirs)


def test_many_names_and_attributes(tmp_path: Path) -> None:
    """Tables of names of several levels, headers in several blocks, text of any length and in any script."""
    written = {f"text {i}": "ä" * (i * 37) for i in range(1, 60)}
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for i in range(300):
            file[f"array {i}"] = np.full(3, i)
        for name, text in written.items():
            file.attrs[name] = text
        file.attrs["fixed"] = np.bytes_(b"fixed")
        file.attrs["number"] = np.int16(-3)
        file.attrs["empty"] = ""
        file.create_group("group")
    with open_hdf5(tmp_path / "x.h5") as tree:
        assert set(tree.objects) == {"group", *(f"array {i}" for i in range(300))}
        assert all(Array(tree, f"array {i}")[:].tolist() == [i] * 3 for i in (0, 150, 299))
        assert {name: text_attribute(tree, name) for name in written} == written
        assert (text_attribute(tree, "fixed"), text_attribute(tree, "empty")) == ("fixed", "")
        assert number_attribute(tree, "number") == -3
        with pytest.raises(FormatError, match="'group' is not an array of numbers"):
            Array(tree, "group")


def test_lists_of_texts(tmp_path: Path) -> None:
    """Texts of fixed and of any length; numbers are not texts."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["fixed"] = np.array(["one", "three"], "S")
        file["any"] = ["eins", "zwölf", ""]
        file["numbers"] = [1, 2]
    with open_hdf5(tmp_path / "x.h5") as tree:
        assert texts(tree, "fixed") == ["one", "three"]
        assert texts(tree, "any") == ["eins", "zwölf", ""]
        with pytest.raises(FormatError, match="'numbers' is not an array of texts"):
            texts(tree, "numbers")


def test_newer_layout_is_told(tmp_path: Path) -> None:
    """A file of HDF5's newest layout is refused with what to do about it."""
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        file["x"] = np.zeros(3)
    with (
        pytest.raises(FormatError, match="newer layout.*; rewrite it with `h5repack`"),
        open_hdf5(tmp_path / "x.h5"),
    ):
        pass


def test_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    """A chunk that would unpack to more than it may is refused."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros((512, 64)), chunks=(512, 64), compression="gzip")
        place = file["x"].id.get_chunk_info(0)
    import zlib

    bomb = zlib.compress(bytes(50 << 20), 9)[: place.size]
    with open(path, "r+b") as raw:
        raw.seek(place.byte_offset)
        raw.write(bomb.ljust(place.size, b"\0"))
    with open_hdf5(path) as tree, pytest.raises(FormatError, match="cut off or too large|cannot be unpacked"):
        Array(tree, "x")[:]
