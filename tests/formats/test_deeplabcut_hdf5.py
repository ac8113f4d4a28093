"""DeepLabCut's HDF5: pandas reads what we write, we read what pandas writes, and a pickle runs nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError, OutputError, UsageError
from redtrack.formats.deeplabcut_hdf5 import KEY, read_deeplabcut_hdf5, write_deeplabcut_hdf5
from redtrack.points import NAMES
from redtrack.tracks import Tracks


@pytest.fixture
def pandas() -> Any:
    pytest.importorskip("tables")
    return pytest.importorskip("pandas")


@pytest.mark.parametrize("faces", [1, 3, 25])
def test_round_trip(pandas: Any, tmp_path: Path, faces: int) -> None:
    """Points, scores, frames and ids come back exactly, also of so many faces that their names need another layout."""
    tracks = random_tracks(frames=30, faces=faces, seen=0.4)
    write_deeplabcut_hdf5(tracks, tmp_path / "x.h5")
    back = read_deeplabcut_hdf5(tmp_path / "x.h5")
    assert (back.points == tracks.points).all() and (back.scores == tracks.scores).all()
    assert (back.frame == tracks.frame).all() and (back.face == tracks.face).all() and back.frames == 30
    with h5py.File(tmp_path / "x.h5") as file:
        assert ("table" in file[KEY]) == (faces < 25)


@pytest.mark.parametrize("faces", [1, 2])
def test_pandas_reads_it_as_deeplabcut_does(pandas: Any, tmp_path: Path, faces: int) -> None:
    """The one table of the file has DeepLabCut's levels, a line a frame, NaN where a face is not."""
    tracks = random_tracks(frames=9, faces=faces, seen=0.6)
    write_deeplabcut_hdf5(tracks, tmp_path / "x.h5")
    table = pandas.read_hdf(tmp_path / "x.h5")
    assert list(table.columns.names) == ["scorer", *(["individuals"] * (faces > 1)), "bodyparts", "coords"]
    one = table["redtrack"]["face_0"] if faces > 1 else table["redtrack"]
    shown = np.stack([one[NAMES[30]]["x"], one[NAMES[30]]["y"]], axis=1)
    assert np.array_equal(shown.astype(np.float32), tracks.dense(0)[:, 30], equal_nan=True)
    assert table.index.tolist() == list(range(9))


def test_what_others_wrote(pandas: Any, tmp_path: Path) -> None:
    """Another scorer, body parts under names of their own, frames not from 0 on, a face that lacks a part."""
    names = pandas.MultiIndex.from_product(
        [["DLC_resnet50"], [f"p{i}" for i in range(68)], ["x", "y", "likelihood"]],
        names=["scorer", "bodyparts", "coords"],
    )
    table = pandas.DataFrame(np.full((3, 204), 0.5), columns=names, index=[4, 5, 6])
    table.iloc[1, 10] = np.nan
    table.to_hdf(tmp_path / "x.h5", key=KEY, format="table", mode="w")
    back = read_deeplabcut_hdf5(tmp_path / "x.h5")
    assert back.frame.tolist() == [4, 5, 6] and back.frames == 7 and back.partial.tolist() == [False, True, False]


class Bomb:
    """Runs something when it is unpickled."""

    def __reduce__(self) -> Any:
        return (print, ("boom",))


def test_a_pickle_runs_nothing(pandas: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that would have to be imported are refused, not called."""
    import pickle

    path = tmp_path / "x.h5"
    write_deeplabcut_hdf5(random_tracks(frames=3, faces=1), path)
    with h5py.File(path, "r+") as file:
        table = file[KEY]["table"]
        for name, content in (("values_block_0_kind", pickle.dumps([(Bomb(), "x")], 0)),):
            del table.attrs[name]
            table.attrs[name] = np.bytes_(content)
    with pytest.raises(FormatError, match="not named by plain texts"):
        read_deeplabcut_hdf5(path)
    assert "boom" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"garbage", b"(lp0\n(I1\ntp1\na.", b"N.", b"(lp0\n."])
def test_damaged_names_are_refused(pandas: Any, tmp_path: Path, content: bytes) -> None:
    """What is no list of names has its sentence."""
    path = tmp_path / "x.h5"
    write_deeplabcut_hdf5(random_tracks(frames=3, faces=1), path)
    with h5py.File(path, "r+") as file:
        del file[KEY]["table"].attrs["values_block_0_kind"]
        file[KEY]["table"].attrs["values_block_0_kind"] = np.bytes_(content)
    with pytest.raises(FormatError):
        read_deeplabcut_hdf5(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """An HDF5 file without the table, and a table without anything in it."""
    with h5py.File(tmp_path / "a.h5", "w", libver="earliest") as file:
        file["other"] = 1
    with pytest.raises(FormatError, match="has no pandas table"):
        read_deeplabcut_hdf5(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w", libver="earliest") as file:
        file.create_group(KEY)
    with pytest.raises(FormatError, match="has no pandas table"):
        read_deeplabcut_hdf5(tmp_path / "b.h5")


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sentence names the extra, and the format that needs none."""
    monkeypatch.setitem(sys.modules, "tables", None)
    with pytest.raises(UsageError, match=r"needs pandas and tables; pip install 'redtrack\[deeplabcut\]', or write"):
        write_deeplabcut_hdf5(Tracks.empty([0.0]), tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []


def test_no_room_is_an_output_error(pandas: Any, tmp_path: Path) -> None:
    """A folder that is not there is said before pandas is asked."""
    with pytest.raises(OutputError, match="no such file or directory"):
        write_deeplabcut_hdf5(random_tracks(frames=2), tmp_path / "none" / "x.h5")


@pytest.mark.parametrize("layout", ["table", "fixed"])
@pytest.mark.parametrize("key", ["tracks", "predictions"])
def test_any_key_and_any_type_of_number(pandas: Any, tmp_path: Path, key: str, layout: str) -> None:
    """A table is found by its structure, whatever its key, and whole numbers stay what they are."""
    names = pandas.MultiIndex.from_product(
        [["DLC"], [f"p{i}" for i in range(68)], ["x", "y", "likelihood"]], names=["scorer", "bodyparts", "coords"]
    )
    table = pandas.DataFrame(np.arange(3 * 204).reshape(3, 204) + 222, columns=names)
    table.iloc[:, 2::3] = 1
    table[("DLC", "p0", "x")] = table[("DLC", "p0", "x")].astype(np.float64)
    table.to_hdf(tmp_path / "x.h5", key=key, format=layout, mode="w")
    back = read_deeplabcut_hdf5(tmp_path / "x.h5")
    assert back.frame.tolist() == [0, 1, 2] and (back.scores == 1).all()
    assert back.points[0, :2].tolist() == [[222, 223], [225, 226]]


def test_an_index_of_pictures(pandas: Any, tmp_path: Path) -> None:
    """A line whose index is the name of a picture is the frame of its place."""
    names = pandas.MultiIndex.from_product([["DLC"], NAMES, ["x", "y"]], names=["scorer", "bodyparts", "coords"])
    table = pandas.DataFrame(np.ones((2, 136)), columns=names, index=["img7.png", "img9.png"])
    table.to_hdf(tmp_path / "x.h5", key=KEY, format="fixed", mode="w")
    assert read_deeplabcut_hdf5(tmp_path / "x.h5").frame.tolist() == [0, 1]
