"""The crops of one video in files, and a record of them, by which a second run knows that they are there.

`NAME.PRESET.json` is the record: which video and tracks, with which options, and for each file its face, its frames
(from 0), their times in seconds, whether the face was seen in them, and the matrices (2, 3) from frame to crop pixels.
Before the first file of a run is finished, a record without options names all that there may be: whatever ends the run,
the next one knows which files are its to replace.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import redtrack
from redtrack.cropping.alignment import Alignment, make_alignment
from redtrack.cropping.crops import Crop, crops_along
from redtrack.cropping.path import BRIDGE, SMOOTH, CropPath, crop_paths
from redtrack.cropping.sinks import FORMATS, Sink, open_sink
from redtrack.errors import FormatError, OutputError, UsageError
from redtrack.formats.common import replacing
from redtrack.render.film import check_fit
from redtrack.tracks import Tracks
from redtrack.video import Reading, Video, digest

__all__ = ["CropOptions", "CropRecords", "CropSaver", "Stopped"]

_KIND = "redtrack crops"


class Stopped(Exception):
    """The run was asked to stop in the middle of a video."""


@dataclass(frozen=True)
class CropOptions:
    """What is cropped, and how. See docs/crops.md."""

    preset: str = "openface"
    size: int | None = None
    align: str | None = None
    margin: float | None = None
    smooth: int = SMOOTH
    bridge: float = BRIDGE
    faces: tuple[int, ...] = ()  # all, where there is none
    format: str = "mp4"
    sound: bool = True

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"there is no format '{self.format}' of crops", remedy=f"known are {', '.join(FORMATS)}")
        self.alignment()

    def alignment(self) -> Alignment:
        """Returns the alignment; raises UsageError where there is none such."""
        return make_alignment(self.preset, self.size, self.align, self.margin)


@dataclass(frozen=True)
class CropRecords:
    """The records of a preset in an output folder, as `claim` knows results."""

    folder: Path
    preset: str

    def path(self, name: str) -> Path:
        """Returns where the record of this name lies."""
        return self.folder / f"{name}.{self.preset}.json"

    def info(self, path: Path) -> dict[str, Any] | None:
        """Returns the path and the digest of the video that the crops of a record are of; None where there is none.

        Raises FormatError where another file has the name.
        """
        there = _recorded(path)
        if there:
            return {"source": there.get("source", ""), "source_digest": there["made_from"].get("source_digest")}
        if path.exists():
            raise FormatError("is there and no record of crops", path, "move it away or choose another -o")
        return None


@dataclass
class CropSaver:
    """Saves the crops of one video beside their record, whose lock is held."""

    video: Path
    tracks_path: Path
    record: Path
    options: CropOptions
    clips: list[dict[str, Any]] = field(default_factory=list)

    def is_done(self) -> bool:
        """Returns whether an earlier run has saved the same crops, all of which are still there."""
        there = _recorded(self.record)
        if there.get("made_from") != json.loads(json.dumps(self._made_from())):
            return False
        self.clips = there["clips"]
        return all((self.record.parent / clip["file"]).exists() for clip in self.clips)

    def save(self, tracks: Tracks, step: Callable[[int], None], stopping: Callable[[], bool]) -> None:
        """Saves the crops; step is told the frames done.

        Raises UsageError, VideoError or OutputError; Stopped where `stopping` says so. Then nothing is left of this
        run, and an earlier one's crops are as they were, or gone one by one.
        """
        options = self.options
        alignment = options.alignment()
        paths = [
            way
            for face in self.faces_of(tracks)
            for way in crop_paths(tracks, face, alignment, options.smooth, options.bridge)
        ]
        source = Video(self.video, reading=Reading.of(tracks.info))
        check_fit(tracks, source.info)
        earlier = {clip["file"] for clip in _recorded(self.record).get("clips", ())}
        names = {self._path(way).name for way in paths}
        for name in sorted(names - earlier):
            self._refuse_foreign(self.record.with_name(name))
        self.clips = []
        rate = source.info.average_rate or 25

        def open_one(way: CropPath, start: float) -> Sink:
            sound = self.video if options.sound else None
            return open_sink(options.format, self._path(way), way, start, rate, sound)

        def announce() -> None:
            unfinished = {"source_digest": digest(self.video)}
            self._write(unfinished, [{"file": name} for name in sorted(earlier | names)])

        sinks = _Sinks(paths, open_one, announce)
        try:
            for crop in crops_along(source, paths, tracks):
                if stopping():
                    raise Stopped
                way = sinks.write(crop)
                self._note(way, crop)
                step(crop.frame + 1)
            for name in earlier - names:
                _remove(self.record.with_name(Path(name).name))
            self._write(self._made_from(), self.clips)
        except BaseException:
            sinks.discard()
            self._withdraw(sinks.finished)
            raise

    def faces_of(self, tracks: Tracks) -> list[int]:
        """Returns the faces whose crops are wanted."""
        return [face for face in tracks.faces if not self.options.faces or face in self.options.faces]

    def _path(self, way: CropPath) -> Path:
        part = f"-{way.part + 1}" if way.part else ""
        ending = "" if self.options.format == "png" else f".{self.options.format}"
        return self.record.with_name(f"{self.record.stem}.face{way.face}{part}{ending}")

    def _refuse_foreign(self, path: Path) -> None:
        if path.exists():
            raise OutputError("is there and no crop that redtrack recorded", path, "move it away or choose another -o")

    def _note(self, way: CropPath, crop: Crop) -> None:
        name = self._path(way).name
        if not any(clip["file"] == name for clip in self.clips):
            about = {"file": name, "face": way.face, "frames": [], "times": [], "seen": [], "matrices": []}
            self.clips.append(about)
        clip = next(clip for clip in self.clips if clip["file"] == name)
        clip["frames"].append(crop.frame)
        clip["times"].append(round(crop.time, 6))
        clip["seen"].append(crop.seen)
        clip["matrices"].append([[round(float(value), 6) for value in row] for row in crop.matrix])

    def _write(self, made_from: dict[str, Any], clips: list[dict[str, Any]]) -> None:
        """Writes the record."""
        about = {"format": _KIND, "writer": f"redtrack {redtrack.__version__}", "size": self.options.alignment().size}
        about["source"] = str(self.video.resolve())
        with replacing(self.record) as file:
            json.dump({**about, "made_from": made_from, "clips": clips}, file)
            file.write("\n")

    def _withdraw(self, finished: Sequence[CropPath]) -> None:
        """Removes what is finished of a run that is not; its record too, unless files of an earlier run are left."""
        for way in finished:
            _remove(self._path(way))
        there = _recorded(self.record)
        is_unfinished = bool(there) and "options" not in there["made_from"]
        if is_unfinished and not any((self.record.parent / clip["file"]).exists() for clip in there["clips"]):
            _remove(self.record)

    def _made_from(self) -> dict[str, Any]:
        tracks = _digest_of(self.tracks_path)
        return {"source_digest": digest(self.video), "tracks_digest": tracks, "options": asdict(self.options)}


class _Sinks:
    """The files that are open, by their ways; `announce` is called before the first is finished."""

    def __init__(
        self, paths: Sequence[CropPath], open_one: Callable[[CropPath, float], Sink], announce: Callable[[], None]
    ) -> None:
        self.finished: list[CropPath] = []
        self._ways = {(way.face, way.part): way for way in paths}
        self._open_one, self._announce = open_one, announce
        self._open: dict[tuple[int, int], Sink] = {}

    def write(self, crop: Crop) -> CropPath:
        """Adds a crop to its file, which is opened with the first and finished with the last; returns its way."""
        key = crop.face, crop.part
        way = self._ways[key]
        if key not in self._open:
            self._open[key] = self._open_one(way, crop.time)
        self._open[key].write(crop)
        if crop.frame == way.last:
            if not self.finished:
                self._announce()
            self._open[key].finish()
            del self._open[key]
            self.finished.append(way)
        return way

    def discard(self) -> None:
        """Removes what is not finished."""
        for sink in self._open.values():
            sink.discard()


def _recorded(record: Path) -> dict[str, Any]:
    """Returns what a record says; nothing where there is none."""
    try:
        there = json.loads(record.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(there, dict) and there.get("format") == _KIND and isinstance(there.get("made_from"), dict)
    return there if known else {}


def _digest_of(path: Path) -> str:
    """Returns the SHA-256 of a file, or of the files in a folder with their names."""
    total = hashlib.sha256()
    for file in _files(path):
        total.update(file.name.encode("utf-8", "surrogateescape"))
        with open(file, "rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
