"""The native format: what it holds, what it says of itself, and what its reader refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError, OutputError
from redtrack.formats import TracksWriter
from redtrack.formats.hdf5 import read_hdf5
from redtrack.formats.writer import write_hdf5
from redtrack.tracks import FRAME_FIELDS, ROW_FIELDS, Tracks


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A good file."""
    path = tmp_path / "good.h5"
    write_hdf5(random_tracks(), path)
    return path


def test_round_trip_is_exact(tmp_path: Path) -> None:
    """All arrays and the info come back as they were, also of more rows than a chunk has."""
    tracks = random_tracks(frames=700, source="a b.mp4", options={"window": 10, "ratio": 0.5}, none=None)
    write_hdf5(tracks, tmp_path / "x.h5")
    back = read_hdf5(tmp_path / "x.h5")
    assert back.same_as(tracks)
    assert back.info == {**tracks.info, "complete": True}


@pytest.mark.parametrize("tracks", [Tracks.empty(), Tracks.empty([0, 0.5]), random_tracks(frames=1, faces=1, seen=2)])
def test_small_videos(tmp_path: Path, tracks: Tracks) -> None:
    """No frames, no faces, or one row are as good as any."""
    write_hdf5(tracks, tmp_path / "x.h5")
    assert read_hdf5(tmp_path / "x.h5").same_as(tracks)


def test_an_optional_column_is_a_dataset_where_it_is_known(tmp_path: Path) -> None:
    """It comes back as it was; where it is absent the file has no such dataset."""
    tracks = random_tracks()
    write_hdf5(tracks, tmp_path / "without.h5")
    sigma = np.random.default_rng(0).random((len(tracks), 68, 3), np.float32)
    tracks = replace(tracks, sigma=sigma)
    write_hdf5(tracks, tmp_path / "with.h5")
    assert read_hdf5(tmp_path / "with.h5").same_as(tracks)
    with h5py.File(tmp_path / "without.h5") as file:
        assert "sigma" not in file


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (0, 2, 1), (2, 1, 0)])
def test_an_optional_column_may_begin_late(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Rows that were flushed without it, before or after others that have it, are unknown in it."""
    tracks = random_tracks(frames=30)
    parts = [tracks.between(0, 10), tracks.between(10, 20), Tracks.empty(tracks.times[20:])]
    known = [
        replace(part, sigma=np.ones((len(part), 68, 3), np.float32)) if i % 2 else part
        for i, part in zip(order, parts, strict=True)
    ]
    with TracksWriter(tmp_path / "x.h5") as writer:
        for part in known:
            writer.append(part)
            writer.flush()
        writer.complete()
    assert read_hdf5(tmp_path / "x.h5").same_as(Tracks.concatenate(known))


def test_an_axis_may_be_as_long_as_wanted(tmp_path: Path) -> None:
    """As that of dense points: rows without them are unknown in so many; other numbers of them do not go together."""
    tracks = random_tracks(frames=20)
    first, second = tracks.between(0, 10), tracks.between(10, 20)
    with_some = replace(second, dense_points=np.ones((len(second), 7, 2), np.float32))
    for order in ([first, with_some], [with_some, first]):
        with TracksWriter(tmp_path / "x.h5") as writer:
            for part in order:
                writer.append(replace(part, times=np.full(10, 1.0)))
                writer.flush()
            writer.complete()
        back = read_hdf5(tmp_path / "x.h5")
        assert back.dense_points is not None and back.dense_points.shape == (len(tracks), 7, 2)
        assert np.isnan(back.dense_points).all(axis=(1, 2)).sum() == len(first)
    with pytest.raises(FormatError, match="'dense_points' has entries of"):
        Tracks.concatenate([with_some, replace(first, dense_points=np.ones((len(first), 8, 2), np.float32))])
    with pytest.raises(FormatError, match=r"not \(\d+, any number, 2\) float32"):
        replace(first, dense_points=np.ones((len(first), 8, 3), np.float32))


def test_info_may_hold_what_python_has(tmp_path: Path) -> None:
    """Numpy numbers become numbers; paths and fractions become text."""
    info = {"frames": np.int64(3), "sizes": np.array([1, 2]), "path": Path("a/b")}
    write_hdf5(Tracks.empty(info=info), tmp_path / "x.h5")
    assert read_hdf5(tmp_path / "x.h5").info == {"frames": 3, "sizes": [1, 2], "path": "a/b", "complete": True}


def test_every_axis_has_a_name(written: Path) -> None:
    """Each dataset says what its axes are, and is packed; the file says which version of what it is."""
    with h5py.File(written) as file:
        for name, field in (ROW_FIELDS | FRAME_FIELDS).items():
            if field.optional:
                continue
            found = file[name]
            assert tuple(axis.label for axis in found.dims) == field.axes
            assert (found.compression, found.compression_opts, found.shuffle, found.fletcher32) == (
                "gzip",
                4,
                True,
                True,
            )
            assert found.chunks[0] == 512
        assert file.attrs["format"] == "redtrack tracks"
        assert file.attrs["format_version"] == 1
        assert file.attrs["writer"].startswith("redtrack ")
        assert file.attrs["complete"] == 1


def test_specification_is_the_code() -> None:
    """The module's page names each dataset with its type and axes."""
    import redtrack.formats.hdf5 as module

    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in (module.__doc__ or "").splitlines() if "|" in line
    ]
    page = {name: (shape.split(") ")[1], tuple(axes.split(", "))) for name, shape, axes, _ in rows[2:]}
    fields = ROW_FIELDS | FRAME_FIELDS
    assert page == {name: (np.dtype(field.dtype).name, field.axes) for name, field in fields.items()}


def test_partial_says_so(tmp_path: Path) -> None:
    """A video that ended too early is written, and marked."""
    write_hdf5(random_tracks(complete=False, reason="cut off"), tmp_path / "x.h5")
    back = read_hdf5(tmp_path / "x.h5")
    assert not back.complete and back.info["reason"] == "cut off"


def test_newer_file_is_refused_with_a_hint(written: Path) -> None:
    """A version that this program does not know is not guessed at."""
    with h5py.File(written, "r+") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(FormatError, match=r"good\.h5: is of format version 2, and this redtrack reads up to 1; update"):
        read_hdf5(written)


def put(name: str, **made: object) -> Callable[[h5py.File], None]:
    """Returns a deed that puts another dataset in the place of one."""

    def deed(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **made)

    return deed


def link(name: str, target: object) -> Callable[[h5py.File], None]:
    """Returns a deed that puts a link in the place of a dataset."""

    def deed(file: h5py.File) -> None:
        del file[name]
        file[name] = target

    return deed


def virtual(file: h5py.File) -> None:
    """Puts a dataset made of another file's into the place of `scores`."""
    layout = h5py.VirtualLayout(shape=(4, 68), dtype="f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "scores", shape=(4, 68))
    del file["scores"]
    file.create_virtual_dataset("scores", layout)


def attribute(name: str, value: object) -> Callable[[h5py.File], None]:
    """Returns a deed that changes an attribute."""
    return lambda file: file.attrs.__setitem__(name, value)


HUGE = {"shape": (2**40, 68), "chunks": (512, 68), "dtype": "f4", "compression": "gzip"}
HOSTILE: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "another file's dataset": (link("scores", h5py.ExternalLink("/etc/passwd", "/x")), "links into another file"),
    "a link to nothing": (link("scores", h5py.SoftLink("/nowhere")), "is a link to nothing"),
    "a virtual dataset": (virtual, "stored outside"),
    "bytes of another file": (
        put("state", shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)]),
        "stored outside",
    ),
    "terabytes that are not there": (put("scores", **HUGE), "more than the 0 bytes stored"),
    "one monstrous chunk": (
        put("scores", shape=(2**20, 68), chunks=(2**20, 68), dtype="f4", compression="gzip"),
        "chunks larger than 67108864 bytes",
    ),
    "pickled objects": (
        put("scores", data=[b"cos\nsystem\n"], dtype=h5py.special_dtype(vlen=bytes)),
        "not an array of numbers",
    ),
    "a table": (put("scores", data=np.zeros(3, [("a", "f4")])), "not rows of"),
    "text": (put("scores", data=np.array([b"x"] * 3)), "not an array of numbers"),
    "a link that bites its tail": (link("scores", h5py.SoftLink("/scores")), "is a link to nothing"),
    "a group": (link("scores", h5py.SoftLink("/")), "no dataset"),
    "floats for ids": (put("face", data=np.zeros(84)), "not rows of"),
    "fewer points": (put("points", data=np.zeros((84, 51, 2), "f4")), "not rows of"),
    "a shorter column": (put("boxes", data=np.zeros((3, 4), "f4")), "not of one length"),
    "an id beyond all": (lambda file: file["face"].__setitem__(0, -5), "'face' is -5"),
    "a frame twice": (lambda file: file["frame"].__setitem__(3, 0), "appears twice or out of order|frames -?"),
    "no times": (lambda file: file.__delitem__("times"), "has no dataset 'times'"),
    "another format": (attribute("format", "analysis"), "not one of redtrack's"),
    "a version in words": (attribute("format_version", "one"), "'format_version' is not a whole number"),
    "an empty attribute": (attribute("format", h5py.Empty("f4")), "not one of redtrack's"),
    "info that is no JSON": (attribute("info", "{"), "'info' is not JSON"),
    "info nested without end": (attribute("info", "[" * 100_000), "'info' is not JSON"),
    "info that is a list": (attribute("info", "[]"), "not a JSON object"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_file_is_refused(written: Path, case: str) -> None:
    """Nothing outside of the file is read, nothing absurd allocated, and one sentence says what is wrong."""
    deed, words = HOSTILE[case]
    with h5py.File(written, "r+") as file:
        deed(file)
    with pytest.raises(FormatError, match=words) as caught:
        read_hdf5(written)
    assert caught.value.path == written and "\n" not in str(caught.value)


def test_rows_that_no_file_of_that_size_has_are_refused(tmp_path: Path) -> None:
    """Zeros pack a thousand to one, and faces do not: what would fill the memory is refused before it is read."""
    write_hdf5(Tracks.empty([0.0]), tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        for name in ("frame", "face", "points", "scores", "disagreement", "boxes", "state"):
            file[name].resize(300_000, axis=0)
            file[name][::512] = 0
    with pytest.raises(FormatError, match="claims .* MB of rows in a file of .* KB"):
        read_hdf5(tmp_path / "x.h5")


def test_not_hdf5_is_refused(tmp_path: Path) -> None:
    """Other bytes, an empty file, a folder and a missing file each get their sentence."""
    (tmp_path / "x.h5").write_bytes(b"no HDF5")
    (tmp_path / "empty.h5").touch()
    for name, words in {
        "x.h5": "is not an HDF5 file",
        "empty.h5": "is not an HDF5 file",
        ".": "a folder",
        "y": "no such file",
    }.items():
        with pytest.raises(FormatError, match=words):
            read_hdf5(tmp_path / name)


def test_flipped_bit_is_noticed(written: Path) -> None:
    """The checksum of each chunk finds what deflate would pass on."""
    with h5py.File(written) as file:
        offset = file["points"].id.get_chunk_info(0).byte_offset
    with open(written, "r+b") as raw:
        raw.seek(offset + 900)
        byte = raw.read(1)
        raw.seek(offset + 900)
        raw.write(bytes([byte[0] ^ 1]))
    with pytest.raises(FormatError, match="'points': is a damaged HDF5 file .*filter returned failure"):
        read_hdf5(written)


def test_import_of_the_table_is_light() -> None:
    """`redtrack.formats` does not import h5py before a file needs it."""
    code = "import sys, redtrack.formats; sys.exit('h5py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_save_goes_through_a_temporary_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails leaves the old file as it was, and nothing else."""
    path = tmp_path / "x.h5"
    write_hdf5(random_tracks(seed=1), path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TracksWriter, "_extend", fail)
    with pytest.raises(OutputError, match="no space left on device; free some space"):
        write_hdf5(random_tracks(seed=2), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.h5"]
    assert read_hdf5(path).same_as(random_tracks(seed=1))
