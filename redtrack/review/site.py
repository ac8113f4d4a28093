"""The pages of many tracks and their index, in a folder that is opened by a double click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from redtrack.edits import Edited, Edits, apply_edits, find_edits, read_edits
from redtrack.errors import FormatError, OutputError, RedtrackError
from redtrack.formats import read, stem
from redtrack.formats.common import replacing
from redtrack.review.film import find_film
from redtrack.review.index import Entry, entry_of, failures, index_html
from redtrack.review.page import Page, page_html, relative_url
from redtrack.run.names import name_outputs

__all__ = ["Written", "read_edited", "tracks_files", "write_page", "write_site"]

INDEX = "index.html"
_TRACKS = (".h5", ".hdf5")


@dataclass(frozen=True)
class Written:
    """One page: where it is, what is wrong with its video, or why there is none."""

    source: Path
    page: Path | None = None
    problem: str = ""
    error: RedtrackError | None = None


def tracks_files(paths: Sequence[Path]) -> list[Path]:
    """Returns the tracks files that are named, and those of named folders that annotate wrote.

    Raises FormatError for a folder that holds no tracks.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix in _TRACKS and p.is_file()) if path.is_dir() else []
        if path.is_dir() and not inside and not any(path.glob("**/*.pts")):
            raise FormatError("holds no tracks", path, "give tracks files, or the folder that annotate wrote")
        files += inside or [path]
    return list(dict.fromkeys(files))


def read_edited(path: Path, place: Path | None = None) -> tuple[Edited, Edits]:
    """Returns the tracks of a file with the edits that are found by its name; raises FormatError."""
    tracks = read(path)
    found = find_edits(path, place)
    edits = read_edits(found) if found else Edits()
    return apply_edits(tracks, edits.in_force()), edits


def write_page(path: Path, page: Path, video: Path | None = None, home: str | None = None,
               progress: Callable[[int], None] | None = None) -> tuple[Entry, str]:  # fmt: skip
    """Writes the page of one tracks file; returns its line of the index, and what is wrong with the video."""
    edited, _ = read_edited(path)
    film, _ = find_film(edited.tracks, page.parent, video, page.with_suffix(".video.mp4"), progress)
    with replacing(page) as file:
        file.write(page_html(Page(path.name, edited, film, home)))
    return entry_of(path.name, relative_url(page, page.parent), edited, film.problem), film.problem


def write_site(
    files: Sequence[Path],
    folder: Path,
    video: Path | None = None,
    told: Callable[[Written], None] = lambda written: None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Writes a page for each tracks file and the index; returns the index. Each page is `told` when it is there.

    A file that cannot be read is told and has a line in the index. Raises OutputError where nothing can be written.
    """
    entries = []
    for path, names in zip(files, name_outputs([path.with_name(stem(path) + ".h5") for path in files]), strict=True):
        page = folder / f"{names[0]}{'-page' * (names[0] == 'index')}.html"
        try:
            entry, problem = write_page(path, page, video, INDEX, progress)
            entries.append(entry)
            told(Written(path, page, problem))
        except OutputError:
            raise
        except RedtrackError as error:
            entries.append(Entry(path.name, "failed", reason=error.message))
            told(Written(path, error=error))
    entries += failures(path.absolute().parent for path in files)
    index = folder / INDEX
    with replacing(index) as file:
        file.write(index_html(entries, f"Tracks in {files[0].absolute().parent.name}"))
    return index
