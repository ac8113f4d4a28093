"""Which tracks belong to a video: a file that was named, or the one in a folder that was made from it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from redtrack import formats
from redtrack.errors import FormatError, printable
from redtrack.run.names import Names
from redtrack.run.result import is_of, stored_info
from redtrack.video import digest

__all__ = ["TracksFolder"]

_ENDINGS = (".h5", ".csv", ".json", ".parquet")


class TracksFolder:
    """What TRACKS of a command stands for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, video: Path, names: Names) -> Path:
        """Returns the tracks of a video: by what they tell of it, or else by their name.

        `names` are those that annotate may have given them. Raises FormatError where there are none.
        """
        if not self._path.is_dir() or (self._path / "annot").is_dir() or next(self._path.glob("*.pts"), None):
            return self._path
        source = digest(video)
        named = [path for name in names if (path := self._path / f"{name}.h5").is_file()]
        for path in named:
            info = stored_info(path)
            if info is not None and (is_of(info, video, source) or info.get("source_digest") == source):
                return path
        if source in self._by_digest:
            return self._by_digest[source]
        found = [*named, *(path for path in self._files if formats.stem(path) == video.stem)]
        if not found:
            where = f"there are no tracks of it in {printable(self._path)}"
            raise FormatError(where, video, "run `redtrack annotate` on it first")
        return found[0]

    @cached_property
    def _files(self) -> list[Path]:
        return [path for path in sorted(self._path.iterdir()) if path.is_file() and path.suffix.lower() in _ENDINGS]

    @cached_property
    def _by_digest(self) -> dict[object, Path]:
        """Redtrack's own files by the digest of their video; looked into only where a name does not tell."""
        found: dict[object, Path] = {}
        for path in self._files:
            if path.suffix.lower() == ".h5":
                try:
                    info = stored_info(path) or {}
                except FormatError:
                    continue
                found.setdefault(info.get("source_digest"), path)
        found.pop(None, None)
        return found
