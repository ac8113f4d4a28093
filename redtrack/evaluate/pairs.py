"""From what a user names to pairs of prediction and truth: files, 300-VW folders, and 300-W folders of pictures.

The truth is one of

- a tracks file of any format, or the folder of one video (`annot/000001.pts`): one video;
- a folder of such folders, as 300-VW is: each a video, named for its folder;
- a folder of pictures with a `.pts` of the same name beside each, as 300-W is, at any depth: each a video of one frame;
- a folder of tracks files: each a video, named for its stem.

A prediction is one file (or `annot` folder) where the truth is one video; else a folder in which the prediction of the
video `NAME` is `NAME.h5` (or of any other format), `NAME/`, or what `redtrack annotate` calls the result of
`NAME/vid.avi`: `NAME-vid.h5`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from redtrack import formats
from redtrack.errors import FormatError, UsageError, absent
from redtrack.evaluate.protocol import CATEGORIES
from redtrack.evaluate.score import Pair
from redtrack.files import files_below
from redtrack.tracks import Tracks

__all__ = ["PICTURE_ENDINGS", "Truth", "find_predictions", "find_truth", "pairs", "read_tracks"]

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
TRACKS_ENDINGS = frozenset({".h5", ".hdf5", ".csv", ".pts", ".json"})

_ENDINGS = (".h5", ".hdf5", ".csv", ".pts", ".json", ".analysis.h5", ".dlc.csv", ".dlc.h5", ".coco.json")
"""What follows a video's name in the name of its prediction, the fullest format first."""

PICTURES = "300-W pictures"
_NUMBERED = re.compile(r"[0-9]{1,9}\.pts")
_INNER_NAMES = ("vid", "annot")  # what a video and its truth are called inside of the folder that has their name


@dataclass(frozen=True)
class Truth:
    """The true tracks: what they are, where the truth of each video is, and the pictures of a 300-W folder."""

    kind: str
    videos: Mapping[str, Path]
    pictures: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.videos, "a truth of nothing"

    def of_category(self, category: int | None) -> Truth:
        """Returns the videos of a 300-VW category; raises UsageError where there are none."""
        if category is None:
            return self
        kept = {name: path for name, path in self.videos.items() if name in CATEGORIES[category]}
        whole = len(CATEGORIES[category])
        if not kept:
            raise UsageError(f"the truth has none of the {whole} videos of category {category}")
        return Truth(f"300-VW category {category}, {len(kept)} of its {whole} videos", kept)


def find_truth(path: Path) -> Truth:
    """Returns the truth that a file or folder holds; raises FormatError where it holds none that is recognised."""
    if not path.exists():
        raise FormatError(*absent(path, "no such file or folder"))
    if not path.is_dir():
        return Truth("a tracks file", {_name_of(path): path})
    pictures = {p.with_suffix("").relative_to(path).as_posix(): p for p in _pictures_below(path)}
    if pictures:
        return Truth(PICTURES, {name: p.with_suffix(".pts") for name, p in pictures.items()}, pictures)
    if _is_video_folder(path):
        return Truth("a video of 300-VW", {_name_of(path): path})
    videos = {entry.name: entry for entry in sorted(path.iterdir()) if _is_video_folder(entry)}
    if videos:
        return Truth("300-VW videos", videos)
    files = {formats.stem(entry): entry for entry in sorted(path.iterdir()) if _is_tracks_file(entry)}
    if files:
        return Truth("a folder of tracks files", files)
    remedy = "give a tracks file, VIDEO/annot/*.pts, pictures with .pts files, or a folder of those"
    raise FormatError("holds no truth to score against", path, remedy)


def find_predictions(path: Path, truth: Truth) -> dict[str, Path]:
    """Returns where the predictions are, by the names of the truth's videos; what has none is left out.

    Raises UsageError where one file is given for the truth of many videos, FormatError where there is nothing at all.
    """
    if not path.exists():
        raise FormatError(*absent(path, "no such file or folder"))
    if not path.is_dir() or (len(truth.videos) == 1 and _is_video_folder(path)):
        if len(truth.videos) > 1:
            raise UsageError(f"is one prediction for a truth of {len(truth.videos)} videos", path, "give their folder")
        return {next(iter(truth.videos)): path}
    found = {name: _find_prediction(path, name) for name in truth.videos}
    predictions = {name: place for name, place in found.items() if place is not None}
    if not predictions:
        example = next(iter(truth.videos))
        raise FormatError("holds no prediction for any video of the truth", path, f"name one {example}.h5, for example")
    return predictions


def pairs(
    truth: Truth, predictions: Mapping[str, Path], origin: float | None = None, pred_origin: float | None = None
) -> Iterator[Pair]:
    """Yields a pair for each video of the truth. The origins are those of `.pts` pixels; None: recorded, else 1."""
    for name, path in truth.videos.items():
        place = predictions.get(name)
        yield Pair(name, read_tracks(path, origin), None if place is None else read_tracks(place, pred_origin))


def read_tracks(path: Path, origin: float | None = None) -> Tracks:
    """Returns the tracks of a file or folder of any format; `origin` is that of `.pts` pixels."""
    found = formats.sniff(path)
    return found.read(path, **({"origin": origin} if found.name == "pts" and origin is not None else {}))


def _name_of(path: Path) -> str:
    """Returns the name of a video: that of its file or folder, or of the folder above one called vid or annot."""
    name = formats.stem(path)
    return path.absolute().parent.name if name in _INNER_NAMES else name


def _is_video_folder(path: Path) -> bool:
    """Returns whether a folder holds the points of one video: `annot` folders, or numbered `.pts` files."""
    if not path.is_dir():
        return False
    return (path / "annot").is_dir() or any(_NUMBERED.fullmatch(entry.name) for entry in path.iterdir())


def _is_tracks_file(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in TRACKS_ENDINGS


def _pictures_below(folder: Path) -> list[Path]:
    """Returns the pictures below a folder that have a `.pts` file beside them, in order of their paths."""
    files = (file for file in files_below(folder) if isinstance(file, Path))  # folders that cannot be read are empty
    found = (p for p in files if p.suffix.lower() in PICTURE_ENDINGS and p.with_suffix(".pts").is_file())
    return sorted(found)


def _find_prediction(folder: Path, name: str) -> Path | None:
    """Returns the file or folder that holds the prediction of a video; None where there is none."""
    for base in (name, Path(name).name):
        for place in (folder / base, folder / base / "vid", *(folder / f"{base}{joint}vid" for joint in "-_")):
            files = [p for ending in _ENDINGS if (p := place.parent / (place.name + ending)).is_file()]
            if files:
                return files[0]
            if _is_video_folder(place):
                return place
    return None
