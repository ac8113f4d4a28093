"""The table of formats: any to any, found out by content, and named in the error when unknown."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import videos
from random_tracks import random_tracks
from writable import WRITABLE

import redtrack
from redtrack import formats
from redtrack.errors import FormatError, OutputError, UsageError
from redtrack.formats import FORMATS
from redtrack.tracks import Tracks

WITH_TIMES = {"hdf5", "csv", "pts", "sleap", "coco"}


@pytest.mark.parametrize(("first", "second"), list(itertools.product(WRITABLE, WRITABLE)))
def test_any_to_any(tmp_path: Path, first: str, second: str) -> None:
    """Through any two formats and back, points stay within 0.001 px, ids and frames as they are, times where held."""
    tracks = random_tracks(frames=12, faces=3, seen=0.6, source="clip.mp4")
    a, b, c = tmp_path / f"a{formats.suffix(first)}", tmp_path / f"b{formats.suffix(second)}", tmp_path / "c.h5"
    formats.write(tracks, a, first)
    formats.write(formats.read(a), b, second)
    formats.write(formats.read(b), c)
    back = formats.read(c)
    assert np.abs(back.points - tracks.points).max() <= 0.001
    assert (back.frame == tracks.frame).all() and (back.face == tracks.face).all()
    if {first, second} <= WITH_TIMES:
        assert np.abs(back.times - tracks.times).max() < 1e-6


@pytest.mark.parametrize("name", WRITABLE)
def test_format_is_found_out(tmp_path: Path, name: str) -> None:
    """A file tells its format by what is in it, whatever it is called."""
    formats.write(random_tracks(frames=3), tmp_path / "x", name)
    assert formats.sniff(tmp_path / "x").name == name
    assert formats.read(tmp_path / "x").faces == [0, 1, 2]


@pytest.mark.parametrize("name", WRITABLE)
@pytest.mark.parametrize("tracks", [Tracks.empty([0, 1, 2]), Tracks.empty()], ids=["no faces", "no frames"])
def test_nothing_is_written_and_read(tmp_path: Path, name: str, tracks: Tracks) -> None:
    """Videos without faces, or frames, are no special case."""
    formats.write(tracks, tmp_path / "x", name)
    back = formats.read(tmp_path / "x", name)
    assert (len(back), back.frames) == (0, tracks.frames)


@pytest.mark.parametrize("name", WRITABLE)
def test_ending_tells_the_format(tmp_path: Path, name: str) -> None:
    """Saved without naming a format, the ending decides; no ending is a folder of points."""
    random_tracks(frames=3).save(tmp_path / f"x.y{formats.suffix(name)}" if formats.suffix(name) else tmp_path / "x")
    (written,) = tmp_path.iterdir()
    assert formats.sniff(written).name == name


@pytest.mark.parametrize("name", WRITABLE)
def test_writing_leaves_one_thing(tmp_path: Path, name: str) -> None:
    """Nothing temporary stays behind; written again, the new replaces the old."""
    path = tmp_path / f"clip{formats.suffix(name)}"
    for faces in (3, 1):
        formats.write(random_tracks(frames=5, faces=faces), path, name)
        assert list(tmp_path.iterdir()) == [path]
    assert formats.read(path).faces == [0]


@pytest.mark.parametrize("name", WRITABLE)
def test_no_folder_is_an_output_error(tmp_path: Path, name: str) -> None:
    """A folder that is not there is said, not made."""
    with pytest.raises(OutputError, match="cannot be written: no such file or directory"):
        formats.write(random_tracks(frames=2), tmp_path / "none" / "x", name)
    assert list(tmp_path.iterdir()) == []


def test_unknown_names_are_told_the_known() -> None:
    """A format that does not exist is answered with those that do."""
    with pytest.raises(UsageError, match=f"there is no format 'mat'; known are {', '.join(FORMATS)}"):
        formats.named("mat")


def test_unknown_content_and_ending(tmp_path: Path) -> None:
    """A file that fits no format, or an ending that tells none, is answered with those that are known."""
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(FormatError, match="x.txt: is a text of no known format; known are hdf5, csv, pts"):
        formats.read(tmp_path / "x.txt")
    with pytest.raises(OutputError, match=r"its ending tells no format; name one, or end it in .h5 \(hdf5\), .csv"):
        random_tracks(frames=1).save(tmp_path / "x.mat")


def test_a_video_is_told_from_tracks(tmp_path: Path) -> None:
    """Whoever names a video where tracks are wanted learns which command makes them."""
    with pytest.raises(FormatError, match=r"clip.mp4: is a video, not tracks; run `redtrack annotate` on it first$"):
        formats.read(videos.clip(tmp_path / "clip.mp4", 2))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/clip.h5", "clip"),
        ("clip.analysis.h5", "clip"),
        ("clip.dlc.csv", "clip"),
        ("clip.DLC.H5", "clip"),
        ("clip.coco.json", "clip"),
        ("my.clip.csv", "my.clip"),
        ("clip.hdf5", "clip"),
        (".analysis.h5", ".analysis"),
        ("001", "001"),
    ],
)
def test_stem_is_without_the_whole_ending(name: str, stem: str) -> None:
    """An ending of two words is taken off as a whole, and no more than an ending."""
    assert formats.stem(name) == stem


def test_command_line_knows_all_formats() -> None:
    """The names that `convert` offers are those of the table."""
    from redtrack.cli.formats import ALL_FORMATS, OUTPUT_FORMATS

    assert list(ALL_FORMATS) == list(FORMATS) and set(OUTPUT_FORMATS) < set(ALL_FORMATS)


def test_load_and_save_are_the_facade(tmp_path: Path) -> None:
    """`tracks.save` and `redtrack.load` are each other's inverse."""
    tracks = random_tracks()
    tracks.save(tmp_path / "x.hdf5")
    assert redtrack.load(tmp_path / "x.hdf5").same_as(tracks)


def test_table_says_what_is_lost() -> None:
    """Each row of the table has a sentence for the documents, a name of its own, and an ending of its own."""
    assert len({entry.suffix for entry in FORMATS.values()}) == len(FORMATS)
    assert all(entry.cannot_hold for entry in FORMATS.values())
    assert all(hasattr(formats, name) for name in formats.__all__)
