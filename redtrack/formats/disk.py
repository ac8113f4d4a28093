"""A file that HDF5 writes through, and that never tells it of an error.

HDF5 cannot close a file whose last bytes the disk refuses: it keeps trying, and crashes the process at its end. So
the disk's first refusal is kept here, what is written from then on stays in memory, and the owner asks for the error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from redtrack.formats.common import PathLike, output_error, part_path

if TYPE_CHECKING:
    import h5py

__all__ = ["DiskFile", "replacing_hdf5"]


class DiskFile(io.RawIOBase):
    """A binary file for reading and writing, locked against other processes that use this class or HDF5.

    Raises OSError where it cannot be opened, BlockingIOError where another process has it; from then on nothing but
    `check` and `sync` raise.
    """

    def __init__(self, path: Path, new: bool) -> None:
        """Opens the file, emptied if `new`; a file that is not new must exist."""
        self.path = path
        self.error: OSError | None = None
        self._refused: list[tuple[int, bytes]] = []
        self._at = 0
        self._disk = _open_locked(path, new)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size()}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fills the buffer from the disk, with what it refused laid over; zeros beyond the end."""
        view = memoryview(buffer).cast("B")
        self._disk.seek(self._at)
        got = self._disk.readinto(view) or 0
        view[got:] = bytes(len(view) - got)
        for start, data in self._refused:
            low, high = max(start, self._at), min(start + len(data), self._at + len(view))
            if low < high:
                view[low - self._at : high - self._at] = data[low - start : high - start]
        self._at += len(view)
        return len(view)

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        """Writes all of the data, to the disk or, once that refused, to memory."""
        view = memoryview(data).cast("B")
        if self.error is None:
            try:
                self._write_all(view)
            except OSError as error:
                self.error = error
        if self.error is not None:
            self._refused.append((self._at, bytes(view)))
        self._at += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        size = self._at if size is None else size
        try:
            if self.error is None:
                self._disk.truncate(size)
        except OSError as error:
            self.error = error
        return size

    def check(self) -> None:
        """Raises the OSError by which the disk refused something, if it did."""
        if self.error is not None:
            raise self.error

    def sync(self) -> None:
        """Waits until all is on the disk; raises OSError."""
        self.check()
        os.fsync(self._disk.fileno())

    def rename(self, name: Path) -> None:
        """Gives the file another name once all is on the disk, in place of a file that has it; raises OSError.

        It stays open, and locked, meanwhile, but on Windows, which renames no open file.
        """
        self.sync()
        if sys.platform == "win32":
            self._disk.close()
        os.replace(self.path, name)
        self.path = name
        if sys.platform == "win32":
            self._disk = _open_locked(name, new=False)

    def close(self) -> None:
        """Lets go of the file and its lock."""
        if not self.closed:
            self._disk.close()
            self._refused = []
            super().close()

    def _write_all(self, view: memoryview) -> None:
        self._disk.seek(self._at)
        done = 0
        while done < len(view):  # a disk that fills up takes a part first
            taken = self._disk.write(view[done:])
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            done += taken

    def _size(self) -> int:
        end = os.fstat(self._disk.fileno()).st_size
        return max([end, *(start + len(data) for start, data in self._refused)])


@contextmanager
def replacing_hdf5(path: PathLike) -> Iterator[h5py.File]:
    """Yields an HDF5 file that takes the name `path` when the block ends well, and leaves nothing otherwise.

    Raises OutputError where it cannot be written.
    """
    import h5py

    final = Path(path)
    part = part_path(final)
    try:
        disk = DiskFile(part, new=True)
    except OSError as error:
        raise output_error(error, final) from error
    try:
        with contextlib.closing(disk):
            with h5py.File(disk, "w", libver="earliest") as file:
                yield file
            disk.rename(final)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise output_error(error, final) from error
        raise


def _open_locked(path: Path, new: bool) -> io.FileIO:
    """Returns the file that bears the name, locked; not one that was renamed while this waited for it."""
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | (os.O_CREAT if new else 0)
    flags |= getattr(os, "O_NOFOLLOW", 0)  # a link is not written through, wherever it leads
    flags |= getattr(os, "O_NONBLOCK", 0)  # a pipe is not waited for
    while True:
        file = io.FileIO(os.open(path, flags, 0o666), "r+")
        try:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("a pipe or a device of that name is in the way")
            _lock(file)
            if _is_still(path, file):
                if new:
                    file.truncate(0)
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_still(path: Path, file: io.FileIO) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _lock(file: io.FileIO) -> None:
    """Raises BlockingIOError where another process has the file; file systems without locks are let pass."""
    try:
        import fcntl
    except ImportError:  # not on Windows, where an open file cannot be renamed or opened for writing twice
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL):
            raise


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
