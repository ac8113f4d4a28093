"""Readers under a rain of spoiled files: good ones with bytes changed, cut, doubled, and pure noise.

Whatever the bytes, a reader returns tracks or raises a FormatError of one line; it never hangs, crashes, or writes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_tracks import random_tracks
from writable import WRITABLE

from redtrack import formats
from redtrack.errors import FormatError, UsageError

GOOD = random_tracks(frames=6, faces=2, seen=0.8, source="video.mp4")
FILES = {name: formats.suffix(name) for name in WRITABLE if formats.suffix(name)}


def good_bytes(name: str) -> bytes:
    """Returns a good file of a format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"good{FILES[name]}"
        formats.write(GOOD, path, name)
        return path.read_bytes()


@st.composite
def spoiled(draw: st.DrawFn, good: bytes) -> bytes:
    """Draws a good file with a few changes: bytes overwritten, a stretch removed, doubled or filled, the end cut."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.sampled_from([1, 2, 4, 8, 64]))
        kind = draw(st.sampled_from(["set", "set", "set", "flip", "drop", "double", "fill", "cut"]))
        if kind == "set":
            new = draw(st.binary(min_size=1, max_size=8))
            data[place : place + len(new)] = new
        elif kind == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "drop":
            del data[place : place + length]
        elif kind == "double":
            data[place:place] = data[place : place + length]
        elif kind == "fill":
            data[place : place + length] = bytes([draw(st.sampled_from([0, 255]))]) * length
        elif kind == "cut" and draw(st.integers(0, 3)) == 0:
            del data[place:]
    return bytes(data)


def read_or_refuse(path: Path, name: str) -> None:
    """Reads the file as it is named and as it looks; anything but tracks or a FormatError of one line fails."""
    before = sorted(path.parent.rglob("*"))
    for format in (name, None):
        try:
            tracks = formats.read(path, format)
        except FormatError as error:
            assert "\n" not in str(error) and error.path is not None
        except UsageError as error:
            assert "pip install" in str(error)  # it looks like a format whose library is not there
        else:
            assert tracks.frames <= 2**24
    assert sorted(path.parent.rglob("*")) == before


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


RAIN = settings(
    max_examples=200,
    deadline=20_000,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
DOWNPOUR = settings(RAIN, max_examples=1000, derandomize=False)


@pytest.mark.parametrize("name", FILES)
def test_spoiled_files(name: str, folder: Path) -> None:
    """Many ways to spoil each kind of file, the same in every run."""
    rain(name, folder, RAIN)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_thousand_spoiled_files(name: str, folder: Path) -> None:
    """A thousand ways, others in every run."""
    rain(name, folder, DOWNPOUR)


def rain(name: str, folder: Path, how: settings) -> None:
    """Reads many spoiled files of a format."""

    @how
    @given(data=spoiled(good_bytes(name)))
    def each(data: bytes) -> None:
        path = folder / f"spoiled{FILES[name]}"
        path.write_bytes(data)
        read_or_refuse(path, name)

    each()


@pytest.mark.parametrize("name", FILES)
@settings(RAIN, max_examples=30)
@given(data=st.binary(max_size=300))
def test_noise(name: str, folder: Path, data: bytes) -> None:
    """Bytes without any sense."""
    path = folder / f"noise{FILES[name]}"
    path.write_bytes(data)
    read_or_refuse(path, name)


NUMBERS = st.one_of(
    st.floats(), st.integers(), st.sampled_from(["", " ", "x", '"', "1e999", "0x1", "1_0", "NaN", "-0"])
)
COLUMNS = ["frame", "face_id", "timestamp", "confidence", "success", *(f"{a}_{i}" for a in "xy" for i in range(68))]


@settings(RAIN, max_examples=100)
@given(
    rows=st.lists(st.lists(st.tuples(st.integers(0, 140), NUMBERS), max_size=3), max_size=4),
    ending=st.sampled_from(["\n", "\r\n", "\r", "\n\n", ""]),
)
def test_csv_of_odd_numbers(folder: Path, rows: list[list[tuple[int, object]]], ending: str) -> None:
    """A table with the right columns and a few odd cells in it."""
    lines = [",".join(COLUMNS)]
    for count, changes in enumerate(rows):
        cells = [str(count + 1), "0", str(count / 25), "1", "1", *["5"] * 136]
        for place, value in changes:
            cells[place] = str(value)
        lines.append(",".join(cells))
    path = folder / "odd.csv"
    path.write_text(ending.join(lines))
    read_or_refuse(path, "csv")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["origin", "times", "x"]), inner),
    max_leaves=8,
)


@settings(RAIN, max_examples=60)
@given(
    origin=JSON, times=JSON | st.lists(st.floats(), max_size=4), points=st.text("0123456789.-+eE{}n: \n", max_size=60)
)
def test_pts_folder_of_odd_things(folder: Path, origin: object, times: object, points: str) -> None:
    """A folder of points whose record and whose files hold odd things."""
    video = folder / "video"
    (video / "annot").mkdir(parents=True, exist_ok=True)
    record = {"format": "redtrack pts", "origin": origin, "times": times}
    (video / "annot.json").write_text(json.dumps(record))
    (video / "annot" / "000001.pts").write_text(points)
    read_or_refuse(video, "pts")


def test_no_reader_needs_torch() -> None:
    """Reading and writing any format never imports torch."""
    code = """
import sys
from redtrack import formats
for entry in formats.FORMATS.values():
    formats._function(entry.reader), formats._function(entry.writer)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
