"""Labelled videos in the layout of 300-VW (`NAME/vid.*`, `NAME/annot/000001.pts`): as clips, or as single faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from redtrack.errors import UsageError
from redtrack.files import files_below
from redtrack.geometry import CropTransform, landmark_box
from redtrack.training.landmarks.clips import Clip
from redtrack.training.landmarks.faces import (
    STORED_SIZE,
    FaceSet,
    cut_face,
    cut_square,
    held_out,
    make_set,
    read_labels,
    split,
)
from redtrack.video import Video

STORED_FRAMES = 30  # clips are stored in pieces of at least so many frames under one fixed square
MOST_FACES = 60  # of one video: neighbouring frames teach little that is new
ENOUGH = 5  # videos from which one is held out in any case


@dataclass(frozen=True)
class LabelledVideo:
    """A video and the `.pts` file of each labelled frame, by its number from 0."""

    name: str
    video: Path
    labels: dict[int, Path]

    def points(self, frame: int, height: int, width: int) -> np.ndarray:
        """The labels (68, 2) of a frame; raises FormatError where they cannot be those of its picture."""
        return read_labels(self.labels[frame], height, width)


def labelled_videos(folder: Path) -> list[LabelledVideo]:
    """The labelled videos below a folder, by name."""
    labels = [file for file in files_below(folder) if isinstance(file, Path) and file.suffix == ".pts"]
    found = []
    for annot in sorted({file.parent for file in labels if file.parent.name == "annot"}):
        video = next(iter(sorted(annot.parent.glob("vid.*"))), None)
        frames = {int(file.stem) - 1: file for file in sorted(annot.glob("*.pts")) if file.stem.isdecimal()}
        if video is not None and frames:
            found.append(LabelledVideo(annot.parent.name, video, frames))
    return found


def some_videos(folder: Path) -> list[LabelledVideo]:
    """The labelled videos below a folder; raises UsageError where there are none."""
    videos = labelled_videos(folder)
    if not videos:
        remedy = "name a folder with NAME/vid.* and NAME/annot/000001.pts"
        raise UsageError("no labelled videos", folder, remedy)
    return videos


def videos_held_out(names: list[str], asked: tuple[str, ...] = ()) -> set[str]:
    """The names of the videos kept for validation: those asked for; else one name in ten by its checksum, and one of
    five or more videos in any case."""
    if asked:
        return {name for name in names if name in asked}
    chosen = {name for name in names if held_out(name)}
    return chosen or ({min(names)} if len(set(names)) >= ENOUGH else set())


def read_clips(
    folder: Path, length: int = 1, size: int = STORED_SIZE, *, axis: float = 0.0, show: bool = False
) -> tuple[list[Clip], list[str]]:
    """The labelled runs of every video of a folder, in pieces of at least `length` frames where they are that long,
    and the name of each one's video.

    Raises UsageError where there is no labelled video.
    """
    clips, names = [], []
    for video in tqdm(some_videos(folder), f"reading {folder.name}", disable=not show, leave=False):
        for clip in _labelled_runs(video, max(STORED_FRAMES, length), size, axis):
            clips.append(clip)
            names.append(video.name)
    return clips, names


def _labelled_runs(labelled: LabelledVideo, most: int, size: int, axis: float) -> list[Clip]:
    """Pieces of consecutive labelled frames, each under one fixed square."""
    clips: list[Clip] = []
    images: list[np.ndarray] = []
    points: list[np.ndarray] = []
    with Video(labelled.video) as opened:
        for frame in opened.frames():
            there = frame.index in labelled.labels
            if there:
                images.append(frame.image)
                points.append(labelled.points(frame.index, *frame.image.shape[:2]))
            if images and (not there or len(images) == most):
                clips.append(store_clip(images, np.stack(points), size, axis))
                images, points = [], []
    if images:
        clips.append(store_clip(images, np.stack(points), size, axis))
    return clips


def store_clip(images: list[np.ndarray], points: np.ndarray, size: int = STORED_SIZE, axis: float = 0.0) -> Clip:
    """Frames (H, W, 3) and points (T, 68, 2) cut out under one square with room around the face's whole way."""
    boxes = landmark_box(points.astype(np.float64))
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    side = max((boxes[:, 2:] - boxes[:, :2]).max() * 1.7, (high - low).max() * 1.3)
    crop = CropTransform(((low + high) / 2)[None], np.array([side]), np.zeros(1), size)
    cut = torch.stack([cut_square(image, crop) for image in images])
    every = crop[np.zeros(len(points), dtype=np.int64)]
    return Clip(cut, every.to_crop(points).astype(np.float32), axis)


def footage_faces(
    folder: Path,
    weight: float = 1.0,
    *,
    axis: float = 0.0,
    size: int = STORED_SIZE,
    hold_out: tuple[str, ...] = (),
    show: bool = False,
) -> tuple[FaceSet, FaceSet]:
    """Up to `MOST_FACES` frames of each labelled video of a folder as single faces: those to train on, those held out.

    Raises FormatError for labels that cannot be those of their picture.
    """
    videos = some_videos(folder)
    out = videos_held_out([video.name for video in videos], hold_out)
    images: list[Tensor] = []
    points: list[np.ndarray] = []
    names: list[str] = []
    for video in tqdm(videos, f"reading {folder.name}", disable=not show, leave=False):
        for index, image, own in _some_frames(video):
            cut, there = cut_face(image, own, size)
            images.append(cut)
            points.append(there)
            names.append(f"{video.name}/{index + 1:06d}")
    if not images:
        raise UsageError("no labelled frames in the videos", path=folder, remedy="count frames from 000001.pts")
    faces = make_set(images, points, names, folder.name, size=size, weight=weight, axis=axis)
    return split(faces, np.array([name.split("/")[0] in out for name in names]))


def _some_frames(video: LabelledVideo) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Number, picture and points of labelled frames spread over a video."""
    labelled = sorted(video.labels)
    chosen = {labelled[k] for k in np.linspace(0, len(labelled) - 1, min(MOST_FACES, len(labelled))).astype(int)}
    found = []
    with Video(video.video) as opened:
        for frame in opened.frames():
            if frame.index in chosen:
                own = video.points(frame.index, *frame.image.shape[:2])
                found.append((frame.index, frame.image, own))
            if frame.index >= max(chosen):
                break
    return found
