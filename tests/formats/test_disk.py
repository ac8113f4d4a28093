"""The file under HDF5: reads and writes like a file, keeps a refusal to itself until asked."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from redtrack.errors import OutputError
from redtrack.formats import disk
from redtrack.formats.disk import DiskFile, replacing_hdf5


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskFile:
    """A file of 10 bytes on a disk that takes no more than 4 bytes further."""
    file = DiskFile(tmp_path / "x", new=True)
    file.write(b"0123456789")

    class Full:
        def __init__(self, inner: Any) -> None:
            self.inner, self.room = inner, 4

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def write(self, data: memoryview) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken: int = self.inner.write(data[: self.room])
            self.room -= taken
            return taken

    monkeypatch.setattr(file, "_disk", Full(file._disk))
    return file


def read(file: DiskFile, at: int, length: int) -> bytes:
    buffer = bytearray(length)
    file.seek(at)
    file.readinto(buffer)
    return bytes(buffer)


def test_is_a_file(tmp_path: Path) -> None:
    """What is written can be read, anywhere, and is on the disk."""
    with DiskFile(tmp_path / "x", new=True) as file:
        file.write(b"abcdef")
        file.seek(2)
        file.write(b"XY")
        assert (file.tell(), file.seek(0, os.SEEK_END), read(file, 1, 4)) == (4, 6, b"bXYe")
        assert read(file, 4, 4) == b"ef\0\0"
        file.truncate(3)
        file.sync()
    assert (tmp_path / "x").read_bytes() == b"abX"


def test_refusal_is_kept(full: DiskFile) -> None:
    """After the disk is full, writes go on into memory and read back; the error comes when it is asked for."""
    full.check()
    assert full.write(b"abcdefgh") == 8
    full.seek(2)
    full.write(b"--")
    assert read(full, 0, 18) == b"01--456789abcdefgh"
    assert full.seek(0, os.SEEK_END) == 18
    full.truncate(99)
    with pytest.raises(OSError, match="No space left"):
        full.check()
    with pytest.raises(OSError, match="No space left"):
        full.sync()
    full.close()


def test_locked_against_others(tmp_path: Path) -> None:
    """Open twice is refused, and the first one's content is not emptied by the attempt."""
    with DiskFile(tmp_path / "x", new=True) as file:
        file.write(b"mine")
        with pytest.raises(BlockingIOError):
            DiskFile(tmp_path / "x", new=True)
        assert (tmp_path / "x").read_bytes() == b"mine"
    DiskFile(tmp_path / "x", new=False).close()


def test_renamed_while_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that got its final name between being opened and being locked is not emptied."""
    (tmp_path / "x.part").write_bytes(b"complete")
    lock = disk._lock

    def rename_first(file: Any) -> None:
        if (tmp_path / "x").exists() is False:
            os.rename(tmp_path / "x.part", tmp_path / "x")
        lock(file)

    monkeypatch.setattr(disk, "_lock", rename_first)
    DiskFile(tmp_path / "x.part", new=True).close()
    assert (tmp_path / "x").read_bytes() == b"complete"


def test_missing_file(tmp_path: Path) -> None:
    """A file that should be there and is not is an error, and is not made."""
    with pytest.raises(FileNotFoundError):
        DiskFile(tmp_path / "x", new=False)
    assert list(tmp_path.iterdir()) == []


def test_replacing_hdf5(tmp_path: Path) -> None:
    """The file appears when it is whole; an error in the block leaves nothing."""
    with replacing_hdf5(tmp_path / "x.h5") as file:
        file["a"] = np.arange(3)
        assert not (tmp_path / "x.h5").exists()
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["a"][:].tolist() == [0, 1, 2]
    with pytest.raises(ZeroDivisionError), replacing_hdf5(tmp_path / "y.h5"):
        raise ZeroDivisionError
    with pytest.raises(OutputError, match="y.h5: cannot be written"), replacing_hdf5(tmp_path / "none" / "y.h5"):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.h5"]
