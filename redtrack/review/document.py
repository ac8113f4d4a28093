"""One video that is being edited: its tracks, the file of edits, and what pages that show it must know."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from redtrack.edits import (
    Edit,
    Edited,
    Edits,
    append_edits,
    apply_edits,
    check_edit,
    edits_path,
    extend_edits,
    read_edits,
)
from redtrack.errors import FormatError, printable
from redtrack.formats import read
from redtrack.review.changes import news
from redtrack.review.film import find_film, video_path
from redtrack.review.pack import point_step
from redtrack.review.page import Page

__all__ = ["Document"]

MOST_AT_ONCE = 1000  # edits of one request
MOST_STATES = 3  # that are kept in memory


class Document:
    """Tracks that pages show and edit. Its methods may be called by several threads.

    The version of a state is the number of entries in the file of edits: the file only grows, so a version stays what
    it was, whoever appends. `progress` is told the frames done where the video is copied. Raises FormatError where the
    tracks or the edits cannot be read.
    """

    def __init__(
        self,
        path: Path,
        video: Path | None = None,
        home: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.path = path
        self.edits_path = edits_path(path)
        self._tracks = read(path)
        self._home = home
        self._step = point_step(self._tracks)  # pages keep it, whatever is edited
        self._lock = threading.Lock()
        self._states: dict[int, Edited] = {}
        self._ids: list[str] = []  # of the entries that there were
        copy = path.with_name(path.stem + ".review.mp4")
        source = video_path(self._tracks, video)
        self._film, self.video = find_film(self._tracks, path.parent, source, copy, progress)
        self._edits()

    def page(self) -> Page:
        """Returns the page with all edits so far."""
        with self._lock:
            edits = self._edits()
            about = {"file": printable(self.edits_path.name), "count": len(edits.in_force()), **_place(edits)}
            film = self._film
            if film.url is not None:
                film = type(film)("video", film.problem, film.aspect)
            return Page(self.path.name, self._state(edits, len(edits)), film, self._home, about, self._step)

    def data(self) -> dict[str, Any]:
        """Returns all rows, for a page that must load them anew."""
        page = self.page()
        assert page.edit is not None
        table, rows = page.packed()
        return {"version": page.edit["version"], "table": table, "rows": rows}

    def since(self, version: int) -> dict[str, Any]:
        """Returns what a page of a version must know to show all edits so far."""
        with self._lock:
            return self._news(version)

    def add(self, version: int, entries: Sequence[object]) -> dict[str, Any]:
        """Appends edits to the file and returns what a page of a version must know.

        An edit whose id is in the file already is not appended again. Raises FormatError for what is no edit,
        OutputError where the file cannot be written.
        """
        if len(entries) > MOST_AT_ONCE:
            raise FormatError(f"more than {MOST_AT_ONCE} edits at once")
        checked = [check_edit(entry) for entry in entries]
        with self._lock:
            known = {edit.id for edit in self._edits().entries}
            fresh: list[Edit] = [edit for edit in checked if edit.id not in known]
            if fresh:
                append_edits(self.edits_path, fresh, self.path.name, self._tracks.info)
            return self._news(version)

    def _news(self, version: int) -> dict[str, Any]:
        edits = self._edits()
        place = _place(edits)
        if version == len(edits):
            return place | {"unchanged": True}
        page = Page(self.path.name, self._state(edits, len(edits)), step=self._step)
        if not 0 <= version < len(edits):  # the file was replaced
            return place | news(page.edited, page) | {"reload": True}
        return place | news(self._state(edits, version), page)

    def _edits(self) -> Edits:
        edits = read_edits(self.edits_path) if self.edits_path.is_file() else Edits()
        ids = [edit.id for edit in edits.entries]
        if ids[: len(self._ids)] != self._ids:  # the file was replaced
            self._states.clear()
        self._ids = ids
        return edits

    def _state(self, edits: Edits, version: int) -> Edited:
        """Returns the tracks after the first `version` entries; the latest states are kept."""
        if version not in self._states:
            state = self._extended(edits, version)
            while len(self._states) > MOST_STATES:
                del self._states[min(self._states)]
            self._states[version] = state
        return self._states[version]

    def _extended(self, edits: Edits, version: int) -> Edited:
        """Returns a state made of the latest one that is kept, unless an edit since then takes back an older one."""
        for known in sorted(self._states, reverse=True):
            more = edits.entries[known:version]
            if known < version and not any(edit.op in ("undo", "redo") for edit in more):
                return extend_edits(self._states[known], more)
        return apply_edits(self._tracks, Edits(edits.entries[:version]).in_force())


def _place(edits: Edits) -> dict[str, Any]:
    """Returns the version, and the id of the edit that undo takes back."""
    in_force = edits.in_force()
    return {"version": len(edits), "last": in_force[-1].id if in_force else None}
