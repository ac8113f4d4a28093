"""HDF5 files read in a process of their own: what h5py reads of any valid file, and nothing that leads out of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from redtrack.errors import FormatError
from redtrack.formats.hdf5_file import Hdf5File, is_hdf5, open_hdf5
from redtrack.formats.hdf5_process import POOL, Hdf5Process

CHANCE = np.random.default_rng(0)
CASES: dict[str, dict[str, Any]] = {
    "in one piece": {"data": CHANCE.random((7, 5, 2))},
    "one number": {"data": np.float32(3.5)},
    "never written": {"shape": (5, 3), "dtype": "f4"},
    "never written, with a fill value": {"shape": (5, 3), "dtype": "f4", "fillvalue": np.nan, "chunks": (2, 3)},
    "no rows": {"shape": (0, 3), "dtype": "i8", "maxshape": (None, 3)},
    "chunks cut on every axis": {"data": CHANCE.integers(0, 99, (50, 41, 3)), "chunks": (16, 8, 2)},
    "all filters": {"data": CHANCE.random((99, 5)), "compression": 4, "shuffle": True, "fletcher32": True},
    "lzf": {"data": CHANCE.random((99, 5)), "compression": "lzf"},
    "scale and offset": {"data": CHANCE.integers(0, 9, (99, 5)), "scaleoffset": 4},
    "truth values": {"data": CHANCE.random(9) > 0.5},
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
    with h5py.File(path) as file, open_hdf5(path) as found:
        theirs, ours = file["x"][()], found.array("x")
        assert ours.shape == np.shape(theirs) and ours.dtype == theirs.dtype.newbyteorder("<")
        for start, stop in ((0, None), (3, 11), (5, 5), (2, 10_000)):
            np.testing.assert_array_equal(ours[start:stop], theirs[start:stop] if ours.shape else theirs)


def test_a_stretch_of_several_axes(tmp_path: Path) -> None:
    """Ranges of the first few axes are as in numpy."""
    data = CHANCE.random((9, 8, 7))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = data
    with open_hdf5(tmp_path / "x.h5") as found:
        np.testing.assert_array_equal(found.array("x")[2:5, 1:3], data[2:5, 1:3])
        np.testing.assert_array_equal(found.array("x")[:, :, 6:], data[:, :, 6:])


LAYOUTS: dict[str, dict[str, Any]] = {
    **{f"libver {name}": {"libver": name} for name in ("earliest", "v108", "v110", "v112", "v114", "latest")},
    "track order": {"track_order": True},
    "a user block": {"userblock_size": 2048},
    "pages": {"fs_strategy": "page"},
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_every_layout_opens(tmp_path: Path, case: str) -> None:
    """Whatever HDF5's library writes, it is found and read: arrays, texts, numbers, links inside of the file."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", **LAYOUTS[case]) as file:
        file["x"] = np.arange(5.0)
        file["group/inner"] = np.arange(3)
        file["soft"] = h5py.SoftLink("/group/inner")
        file["group/up"] = h5py.SoftLink("inner")
        file["names"] = ["eins", "zwölf", ""]
        file.attrs["text"], file.attrs["number"] = "ä" * 100, np.int16(-3)
    assert is_hdf5(path)
    with open_hdf5(path) as found:
        assert found.array("x")[:].tolist() == [0, 1, 2, 3, 4]
        assert [found.array(name)[:].tolist() for name in ("group/inner", "soft", "group/up")] == [[0, 1, 2]] * 3
        assert found.texts("names") == ["eins", "zwölf", ""]
        assert (found.text("text"), found.number("number")) == ("ä" * 100, -3)


def test_many_names_and_attributes(tmp_path: Path) -> None:
    """Hundreds of datasets, texts of any length and in any script, of fixed length and none."""
    written = {f"text {i}": "ä" * (i * 37) for i in range(60)}
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for i in range(300):
            file[f"array {i}"] = np.full(3, i)
        for name, text in written.items():
            file.attrs[name] = text
        file.attrs["fixed"] = np.bytes_(b"fixed")
        file.attrs["list"] = [b"one"]
        file["fixed texts"] = np.array(["one", "three"], "S")
    with open_hdf5(tmp_path / "x.h5") as found:
        assert len(found.objects) == 302
        assert all(found.array(f"array {i}")[:].tolist() == [i] * 3 for i in (0, 150, 299))
        assert {name: found.text(name) for name in written} == written
        assert (found.text("fixed"), found.text("list")) == ("fixed", "one")
        assert found.texts("fixed texts") == ["one", "three"]


def test_what_is_asked_for_must_be_there(tmp_path: Path) -> None:
    """Texts are no numbers, numbers no texts, a group is neither; each has its sentence."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["texts"], file["numbers"] = ["a"], [1, 2]
        file.create_group("group")
        file.attrs["number"] = 1.5
    asked: dict[str, Callable[[Hdf5File], object]] = {
        "'texts' is not an array of numbers": lambda found: found.array("texts"),
        "'numbers' is not an array of texts": lambda found: found.texts("numbers"),
        "has no dataset 'group'": lambda found: found.array("group"),
        "has no dataset 'none'": lambda found: found.array("none"),
        "has no attribute 'none'": lambda found: found.text("none"),
        "'number' is not text": lambda found: found.text("number"),
        "'number' is not a whole number": lambda found: found.number("number"),
    }
    for words, ask in asked.items():
        with pytest.raises(FormatError, match=words), open_hdf5(tmp_path / "x.h5") as found:
            ask(found)


def test_records_are_read_by_field(tmp_path: Path) -> None:
    """Records of numbers come with their fields, of any byte order and with holes between them."""
    kind = np.dtype({"names": ["a", "b"], "formats": [">i8", ("<f8", (2,))], "offsets": [0, 16], "itemsize": 40})
    rows = np.zeros(2, kind)
    rows["a"], rows["b"] = [1, 4], [(2, 3), (5, 6)]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("rows", data=rows)
    with open_hdf5(tmp_path / "x.h5") as found:
        back = found.array("rows")[:]
        assert back["a"].tolist() == [1, 4] and back["b"].tolist() == [[2, 3], [5, 6]]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A file that nothing is wrong with."""
    path = tmp_path / "plain.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(5.0)
    return path


def test_the_process_serves_many_files_and_threads(plain: Path) -> None:
    """One process is used again; a file that is open at the same time has another."""
    with open_hdf5(plain) as first:
        with open_hdf5(plain) as second:
            assert first.process.pid != second.process.pid
        pid = first.process.pid
    with open_hdf5(plain) as again:
        assert again.process.pid in (pid, second.process.pid)
        assert again.array("x")[3:].tolist() == [3, 4]


def test_a_process_that_dies_costs_one_file(plain: Path) -> None:
    """A crash is that file's fault, in one sentence; the next file has a new process, also after one died idle."""
    with pytest.raises(FormatError, match=r"made the HDF5 library crash \(SIGSEGV\)"), open_hdf5(plain) as found:
        os.kill(found.process.pid, signal.SIGSEGV)
        found.array("x")[:]
    with open_hdf5(plain) as found:
        assert found.array("x")[:].tolist() == [0, 1, 2, 3, 4]
        pid = found.process.pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with open_hdf5(plain) as found:
        assert found.process.pid != pid and len(found.array("x")) == 5


def test_a_process_that_hangs_is_replaced(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer in time the process is killed, and the file is to blame."""
    with (
        pytest.raises(FormatError, match="made the HDF5 library hang"),
        open_hdf5(plain) as found,
        monkeypatch.context() as patch,
    ):
        patch.setattr("redtrack.formats.hdf5_process.TIME_LIMIT", 1)
        os.kill(found.process.pid, signal.SIGSTOP)
        found.array("x")[:]
    with open_hdf5(plain) as found:
        assert len(found.array("x")) == 5


def test_a_forked_process_has_its_own(plain: Path) -> None:
    """A child made by fork does not talk to its parent's process."""
    with open_hdf5(plain) as found:
        pid = found.process.pid
    child = os.fork()
    if not child:
        with open_hdf5(plain) as found:
            os._exit(0 if found.process.pid != pid else 1)
    assert os.waitpid(child, 0)[1] == 0
    with open_hdf5(plain) as found:
        assert found.process.pid == pid


def test_the_process_ends_with_its_parent(plain: Path) -> None:
    """A parent that is killed leaves no process behind."""
    code = (
        f"import os, signal\nfrom redtrack.formats.hdf5_file import open_hdf5\n"
        f"with open_hdf5({str(plain)!r}) as found:\n    print(found.process.pid, flush=True)\n"
        f"    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        signal.sigtimedwait([], 0.05)
    raise AssertionError("it is still there")


def test_no_file_but_the_one_can_be_opened(plain: Path) -> None:
    """While a file is open its process cannot open another, whatever the library is made to try."""
    with POOL.loan() as process:
        found = Hdf5File(process, plain)
        with open(f"/proc/{process.pid}/limits") as file:
            limit = next(line for line in file if line.startswith("Max open files"))
        assert limit.split()[3] == "0"
        assert len(found.array("x")) == 5


def test_memory_is_limited(plain: Path) -> None:
    """The process's address space is limited."""
    process = Hdf5Process()
    try:
        with open(f"/proc/{process.pid}/limits") as file:
            limit = next(line for line in file if line.startswith("Max address space"))
        assert 1 << 30 < int(limit.split()[3]) < 16 << 30
    finally:
        process.kill()
