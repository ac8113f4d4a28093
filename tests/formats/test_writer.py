"""The growing native file: appended in pieces, cut off anywhere, resumed, and never half under its final name."""

from __future__ import annotations

import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError, OutputError
from redtrack.formats import TracksWriter
from redtrack.formats.hdf5 import read_hdf5
from redtrack.tracks import Tracks

WHOLE = random_tracks(frames=900, faces=2)


def pieces(start: int = 0, end: int = WHOLE.frames, step: int = 70) -> list[Tracks]:
    """Returns consecutive stretches of the whole."""
    return [WHOLE.between(a, min(a + step, end)) for a in range(start, end, step)]


def part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def test_pieces_make_the_whole(tmp_path: Path) -> None:
    """Appended piece by piece, the file is under its temporary name until it is complete."""
    path = tmp_path / "x.h5"
    with TracksWriter(path, {"source": "v.mp4"}) as writer:
        for piece in pieces():
            writer.append(piece)
            assert part(path).exists() and not path.exists()
        assert (writer.frames, writer.rows) == (WHOLE.frames, len(WHOLE))
        writer.complete(faces=2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.h5"]
    back = read_hdf5(path)
    assert back.same_as(WHOLE) and back.info == {"source": "v.mp4", "faces": 2, "complete": True}


def test_unfinished_is_kept_and_resumed(tmp_path: Path) -> None:
    """After an interruption the temporary file holds what was appended; a resumed writer ends with the same rows."""
    path = tmp_path / "x.h5"
    with pytest.raises(KeyboardInterrupt), TracksWriter(path, {"a": 1}) as writer:
        for piece in pieces(end=350):
            writer.append(piece)
        raise KeyboardInterrupt
    partial = read_hdf5(part(path))
    assert partial.same_as(WHOLE.between(0, 350)) and not partial.complete
    with TracksWriter.resume(path) as writer:
        assert (writer.frames, writer.info["a"]) == (350, 1)
        for piece in pieces(start=350):
            writer.append(piece)
        writer.complete()
    assert read_hdf5(path).same_as(WHOLE)


def test_nothing_to_resume(tmp_path: Path) -> None:
    """No temporary file, or one that is no HDF5, is said; starting anew works over the remains."""
    path = tmp_path / "x.h5"
    with pytest.raises(FormatError, match="no such file"):
        TracksWriter.resume(path)
    part(path).write_bytes(b"\x89HDF\r\n\x1a\n\0 torn")
    with pytest.raises(FormatError, match="is a damaged HDF5 file"):
        TracksWriter.resume(path)
    with TracksWriter(path) as writer:
        writer.append(WHOLE)
        writer.complete()
    assert read_hdf5(path).same_as(WHOLE)


def test_times_must_go_on(tmp_path: Path) -> None:
    """A piece whose time lies before the last one is a mistake, also after a resume."""
    path = tmp_path / "x.h5"
    with TracksWriter(path) as writer:
        writer.append(WHOLE.between(100, 200))
    with TracksWriter.resume(path) as writer, pytest.raises(FormatError, match="before the frame that precedes it"):
        writer.append(WHOLE.between(0, 10))


def test_rows_without_their_times_do_not_count(tmp_path: Path) -> None:
    """A kill between the two halves of a flush leaves rows of frames that are not there yet: they are dropped."""
    path = tmp_path / "x.h5"
    with TracksWriter(path) as writer:
        for piece in pieces(end=500):
            writer.append(piece)
    with h5py.File(part(path), "r+") as file:
        file["times"].resize(420, axis=0)
    assert read_hdf5(part(path)).same_as(WHOLE.between(0, 420))
    assert TracksWriter.resume(path).frames == 420


def test_spoiled_last_chunk_costs_only_its_frames(tmp_path: Path) -> None:
    """Where the last chunk of a dataset cannot be unpacked, the frames before it are still good."""
    path = tmp_path / "x.h5"
    with TracksWriter(path) as writer:
        for piece in pieces():
            writer.append(piece)
    with h5py.File(part(path)) as file:
        chunk = file["points"].id.get_chunk_info(file["points"].id.get_num_chunks() - 1)
    with open(part(path), "r+b") as raw:
        raw.seek(chunk.byte_offset + 100)
        raw.write(bytes(200))
    with TracksWriter.resume(path) as writer:
        assert 300 < writer.frames < 900
        writer.append(WHOLE.between(writer.frames, 900))
        writer.complete()
    assert read_hdf5(path).same_as(WHOLE)


def test_file_shorter_than_it_believes(tmp_path: Path) -> None:
    """Killed after the length was written and before the last bytes were, a file can be read and resumed."""
    path = tmp_path / "x.h5"
    with TracksWriter(path) as writer:
        for piece in pieces():
            writer.append(piece)
    with open(part(path), "r+b") as raw:  # bytes 40 to 47 of HDF5's oldest superblock are the file's length
        raw.seek(40)
        raw.write(struct.pack("<Q", part(path).stat().st_size + 5000))
    assert read_hdf5(part(path)).same_as(WHOLE)
    with TracksWriter.resume(path) as writer:
        writer.append(WHOLE.between(writer.frames, 900))
        writer.complete()
    assert read_hdf5(path).same_as(WHOLE)


def test_two_writers_do_not_share_a_file(tmp_path: Path) -> None:
    """A second process that wants the same file is told, and the first one's file stays whole."""
    path = tmp_path / "x.h5"
    code = f"from redtrack.formats import TracksWriter; TracksWriter.CALL({str(path)!r})"
    with TracksWriter(path) as writer:
        writer.append(WHOLE)
        writer.flush()
        for call in (code.replace(".CALL", ""), code.replace("CALL", "resume")):
            other = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False)
            assert "is being written by another process" in other.stderr
        writer.complete()
    assert read_hdf5(path).same_as(WHOLE)


def test_output_that_cannot_be(tmp_path: Path) -> None:
    """No folder, or a folder in the place of the file, is an OutputError that names the file."""
    with pytest.raises(OutputError, match="x.h5: cannot be written: no such file or directory"):
        TracksWriter(tmp_path / "none" / "x.h5")
    (tmp_path / "x.h5.part").mkdir()
    with pytest.raises(OutputError, match="x.h5: cannot be written"):
        TracksWriter(tmp_path / "x.h5")


FULL_DISK = """
import resource, signal, sys
sys.path[:0] = {path!r}
from random_tracks import random_tracks
from redtrack.errors import OutputError
from redtrack.formats import TracksWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    with TracksWriter({out!r}) as writer:
        for seed in range(20):
            writer.append(random_tracks(frames=100, seed=0).between(0, 0) if seed else random_tracks(frames=1000))
            writer.flush()
        writer.complete()
except OutputError as error:
    print(error)
"""


def test_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Where the file cannot grow, the error says so, the temporary file goes, and the process ends well."""
    assert resource.RLIMIT_FSIZE and signal.SIGXFSZ
    code = FULL_DISK.format(path=sys.path, out=str(tmp_path / "x.h5"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "x.h5: cannot be written: file too large" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys
sys.path[:0] = {path!r}
from random_tracks import random_tracks
from redtrack.errors import FormatError
from redtrack.formats import TracksWriter
TracksWriter.flush_seconds = 0
whole = random_tracks(frames=900, faces=2)
try:
    writer = TracksWriter.resume({out!r})
except FormatError:
    writer = TracksWriter({out!r})
print("from", writer.frames, flush=True)
while writer.frames < whole.frames:
    writer.append(whole.between(writer.frames, min(writer.frames + 30, whole.frames)))
writer.complete()
print("done", flush=True)
"""


@pytest.mark.slow
def test_killed_again_and_again(tmp_path: Path) -> None:
    """Killed at any moment, the file is never wrong: what can be read is right, and in the end it is whole."""
    path = tmp_path / "x.h5"
    code = KILLED.format(path=sys.path, out=str(path))
    chance = np.random.default_rng(0)
    for kill in range(30):
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(chance.random() * 0.1)
        if kill < 25:
            run.kill()
        run.communicate()
        if path.exists():
            break
        shutil.copy(part(path), tmp_path / "copy.h5")
        assert sound(tmp_path / "copy.h5")
    assert read_hdf5(path).same_as(WHOLE)


def sound(path: Path) -> bool:
    """Returns whether what can be read of the file is right."""
    try:
        found = read_hdf5(path)
    except FormatError:
        return True
    return found.same_as(WHOLE.between(0, found.frames))
