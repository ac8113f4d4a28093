"""The native file while it grows, under a temporary name that becomes the final one when all is done."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

import h5py
import numpy as np

import redtrack
from redtrack.errors import FormatError, OutputError
from redtrack.formats import hdf5
from redtrack.formats.common import PathLike, check_file, output_error, part_path
from redtrack.formats.disk import DiskFile, sync_folder
from redtrack.formats.hdf5 import CHUNK
from redtrack.formats.hdf5_file import open_hdf5
from redtrack.schema import Field
from redtrack.tracks import FRAME_FIELDS, ROW_FIELDS, Tracks

__all__ = ["TracksWriter", "write_hdf5"]

MOST_WAITING = 4096
"""Rows or frames that wait in memory for the next flush, at most: 5 MB."""


class TracksWriter:
    """A native file under its temporary name, to which consecutive stretches of a video are appended.

    `frames` and `rows` count what was appended; `info` is the file's; `is_complete` tells that `complete()` was called.
    Leaving the `with` block without that keeps the temporary file for `resume`, except after an OutputError, when it
    goes. All methods raise OutputError where the disk does not play along.
    """

    flush_seconds = 2.0
    """A flush takes 10 ms whatever its size, and only a kill within it can harm the file: not too often,
    then.
    """

    def __init__(self, path: PathLike, info: Mapping[str, Any] | None = None) -> None:
        """Starts the file anew, over whatever an earlier run left under the temporary name."""
        self._open(path)
        try:
            with self._writing():
                self._open_file(DiskFile(self.part, new=True))
                fresh_path(self.part).unlink(missing_ok=True)  # of a run that was killed while it resumed
                self._lay_out(dict(info or {}))
        except BaseException:
            self.discard()
            raise

    def _lay_out(self, info: dict[str, Any]) -> None:
        for name, field in (ROW_FIELDS | FRAME_FIELDS).items():
            if not field.optional:
                _create(self._file, name, field, field.row_shape)
        self._file.attrs["format"] = hdf5.FORMAT
        self._file.attrs["format_version"] = hdf5.FORMAT_VERSION
        self._file.attrs["writer"] = f"redtrack {redtrack.__version__}"
        self._file.attrs["complete"] = np.uint8(0)
        self._put_info(info)
        self._file.flush()

    @classmethod
    def resume(cls, path: PathLike) -> TracksWriter:
        """Returns a writer that goes on after the frames which the temporary file of `path` holds in full.

        What is good of it is copied into a fresh file, which takes its place: HDF5 never opens a file that was cut
        off. Raises FormatError where there is no such file or it cannot be read: start anew then.
        """
        writer = cls.__new__(cls)
        writer._open(path)
        fresh = fresh_path(writer.part)
        check_file(writer.part)
        try:
            with writer._writing(), contextlib.closing(DiskFile(writer.part, new=False)) as old:
                with open_hdf5(writer.part) as torn:
                    writer._open_file(DiskFile(fresh, new=True))
                    writer._lay_out(hdf5.read_header(torn))
                    for chunk in hdf5.read_pieces(torn):
                        writer.append(chunk)
                writer.flush()
                if sys.platform == "win32":  # which replaces no open file
                    old.close()
                writer._disk.rename(writer.part)
        except BaseException:
            writer._let_go()
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
        return writer

    def _open(self, path: PathLike) -> None:
        self.path = Path(path)
        self.part = part_path(self.path)
        self.info: dict[str, Any] = {}
        self.is_complete = False
        self.rows = 0
        self.frames = 0
        self._last_time = -np.inf
        self._disk: Any = None  # the DiskFile, once it is open
        self._file: Any = None  # the h5py.File in it
        self._pending: list[Tracks] = []  # appended, not yet in the file
        self._flushed_at = monotonic()

    def _open_file(self, disk: DiskFile) -> None:
        self._disk = disk
        self._file = h5py.File(disk, "w", libver="earliest")

    def append(self, chunk: Tracks) -> None:
        """Appends the next frames of the video: `chunk` counts its frames from 0, and its rows are final.

        They reach the file when `flush_seconds` have passed since the last flush, or many rows wait.
        """
        if chunk.frames and chunk.times[0] < self._last_time:
            problem = f"frame {self.frames} is at {chunk.times[0]:.6f} s, before the frame that precedes it"
            raise FormatError(problem, self.path)
        self._pending.append(chunk)
        self.rows += len(chunk)
        self.frames += chunk.frames
        self._last_time = float(chunk.times[-1]) if chunk.frames else self._last_time
        waiting = sum(max(len(part), part.frames) for part in self._pending)
        if waiting >= MOST_WAITING or monotonic() - self._flushed_at >= self.flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Brings all that was appended to the far side of a kill: first the rows, then the times."""
        if self._pending:
            waiting = Tracks.concatenate(self._pending)
            frames = self.frames - waiting.frames
            with self._writing():
                self._extend(self._rows_for_file(waiting) | {"frame": waiting.frame + frames}, self.rows - len(waiting))
                self._file.flush()
                self._extend({name: getattr(waiting, name) for name in FRAME_FIELDS}, frames)
                self._file.flush()
            self._pending = []
        self._flushed_at = monotonic()

    def read(self, name: str, start: int, stop: int) -> np.ndarray | None:
        """Returns some rows of a column as it was appended; None for an optional one that is absent."""
        self.flush()
        with self._writing():
            found: np.ndarray | None = self._file[name][start:stop] if name in self._file else None
        return found

    def put(self, start: int, columns: dict[str, np.ndarray]) -> None:
        """Writes optional columns of rows that are there already; stretches come in order."""
        with self._writing():
            for name, array in columns.items():
                if name not in self._file:
                    _create(self._file, name, ROW_FIELDS[name], array.shape[1:])
                column, stop = self._file[name], start + len(array)
                column.resize(max(len(column), stop), axis=0)
                column[start:stop] = array

    def complete(self, **info: Any) -> None:
        """Adds `info`, marks the file complete (unless told `complete=False`) and gives it its final name."""
        self.flush()
        with self._writing():
            self._put_info(self.info | info)
            self._file.attrs["complete"] = np.uint8(info.get("complete", True))
            self._file.close()
            self._disk.rename(self.path)
            self.is_complete = True
            sync_folder(self.path.parent)
            self._disk.close()

    def close(self, **info: Any) -> None:
        """Adds `info` and leaves the temporary file to `resume`; does nothing once closed or complete."""
        if not self._file:
            return
        self.flush()
        with self._writing():
            if info:
                self._put_info(self.info | info)
            self._file.close()
            self._disk.sync()
            self._disk.close()

    def discard(self) -> None:
        """Removes the temporary file."""
        is_there = self._disk and not self._disk.closed
        if sys.platform == "win32":  # which removes no open file
            self._let_go()
        if is_there:
            with contextlib.suppress(OSError):
                self.part.unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        with contextlib.suppress(AttributeError, OSError, RuntimeError, ValueError):
            self._file.close()
        if self._disk:
            self._disk.close()

    def __enter__(self) -> TracksWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, OutputError):
            self.discard()
        else:
            self.close()

    def _rows_for_file(self, waiting: Tracks) -> dict[str, np.ndarray]:
        """Returns the rows' columns, with optional ones that they or earlier rows have.

        The file gets a dataset for an optional column with the first rows that have it; rows before that hold the
        value of unwritten ones, NaN.
        """
        given = waiting.rows
        for name, field in ROW_FIELDS.items():
            array = given[name]
            if name not in self._file and array is not None:
                _create(self._file, name, field, array.shape[1:])
            elif name in self._file and array is None:
                given[name] = field.filled(len(waiting), self._file[name].shape[1:])
        return {name: array for name, array in given.items() if array is not None}

    def _extend(self, arrays: dict[str, np.ndarray], start: int) -> None:
        for name, array in arrays.items():
            if len(self._file[name]) < start + len(array):
                self._file[name].resize(start + len(array), axis=0)
                self._file[name][start:] = array

    def _put_info(self, info: dict[str, Any]) -> None:
        self.info = {key: value for key, value in info.items() if key != "complete"}
        self._file.attrs["info"] = json.dumps(self.info, default=_plain)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
            if self._disk:
                self._disk.check()
        except BlockingIOError as error:
            raise OutputError("is being written by another process", self.path) from error
        except OSError as error:
            raise output_error(error, self.path) from error


def write_hdf5(tracks: Tracks, path: PathLike) -> None:
    """Writes a native file; `info["complete"]` decides whether it is marked complete."""
    writer = TracksWriter(path, tracks.info)
    try:
        writer.append(tracks)
        writer.complete(complete=tracks.complete)
    except BaseException:
        writer.discard()
        raise


def fresh_path(part: Path) -> Path:
    """Returns where the good part of a temporary file is copied to."""
    return part.with_name(part.name + ".new")


def _create(file: h5py.File, name: str, field: Field, row_shape: tuple[int, ...]) -> None:
    made = file.create_dataset(
        name,
        shape=(0, *row_shape),
        maxshape=(None, *row_shape),
        dtype=np.dtype(field.dtype).newbyteorder("<"),
        chunks=(CHUNK, *row_shape),
        fillvalue=field.unwritten,
        compression="gzip",
        compression_opts=4,
        shuffle=True,
        fletcher32=True,
    )
    for axis, label in enumerate(field.axes):
        made.dims[axis].label = label
    if field.unit:
        made.attrs["unit"] = field.unit


def _plain(value: Any) -> Any:
    """Returns what JSON can hold in place of a value that it cannot."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value) if isinstance(value, (Path, Fraction)) else repr(value)
