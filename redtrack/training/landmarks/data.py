"""All that a recipe names to learn from and to be measured on, read into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from redtrack.errors import UsageError
from redtrack.training import parallel
from redtrack.training.landmarks.clips import Clip
from redtrack.training.landmarks.faces import FaceSet, join, read_faces, turned
from redtrack.training.landmarks.footage import footage_faces, labelled_videos, read_clips, videos_held_out
from redtrack.training.landmarks.mended import SOURCE, edited_tracks, mended_faces
from redtrack.training.landmarks.recipe import Recipe
from redtrack.training.landmarks.teacher import Teacher, check_teacher, taught, unlabelled_faces
from redtrack.training.landmarks.video import WINDOWS

HINT = "name a folder of pictures with .pts files by --data, or of labelled videos"
MENDED = 0.3  # share of the draws


@dataclass
class Data:
    """Faces and clips to learn from, and those held out; short: clips that were too short."""

    faces: FaceSet
    held_out: FaceSet
    clips: list[Clip] = field(default_factory=list)
    clips_held_out: list[Clip] = field(default_factory=list)
    short: int = 0

    def to(self, device: str) -> Data:
        """The same with all pictures on a device."""
        clips, kept = (
            [Clip(c.images.to(device), c.points, c.axis) for c in x] for x in (self.clips, self.clips_held_out)
        )
        return Data(self.faces.to(device), self.held_out.to(device), clips, kept, self.short)


def read_data(recipe: Recipe, size: int, axis: float = 0.0, teacher: Teacher | None = None) -> Data:
    """All data of a recipe, faces stored at a side of `size` px.

    axis: how far labels lie off the faces' middle where the recipe does not say; teacher: labels what is coarse.
    Raises UsageError where nothing is left to learn from, and WeightsError for a teacher that is none.
    """
    check_options(recipe)
    check_names(recipe)
    show = recipe.show and not parallel.rank()
    sets = list(read_sets(recipe, size, axis, show))
    if teacher is not None:
        assert recipe.teacher is not None
        if sets:
            check_teacher(teacher, join([inside for inside, _ in sets]), recipe.teacher)
        sets = [(taught(teacher, inside, recipe.teacher_share, show=show), out) for inside, out in sets]
        for folder in recipe.unlabelled:
            found = unlabelled_faces(teacher, folder, size, show=show)
            sets.append((found, found.subset(np.arange(0))))
    if not sets:
        raise UsageError("no training data", remedy=HINT)
    data = Data(join([inside for inside, _ in sets]), join([out for _, out in sets]))
    if not len(data.faces):
        folder = next(iter((*(f for f, _ in recipe.data), *recipe.clips, *recipe.edits)))
        raise UsageError("all pictures are held out", folder, "add pictures of other names")
    if recipe.on_clips:
        read_all_clips(recipe, data, size, axis, show)
    return data


def check_options(recipe: Recipe) -> None:
    """Raises UsageError for options that have nothing to act on."""
    if recipe.unlabelled and recipe.teacher is None:
        raise UsageError("--unlabelled pictures need labels", recipe.unlabelled[0], "name a network by --teacher")
    if recipe.teacher_share and recipe.teacher is None:
        raise UsageError("--teacher-share without a teacher", remedy="name a network by --teacher")
    folders = (*(folder for folder, _ in recipe.data), *recipe.clips, *recipe.edits)
    known = {"", *(folder.name for folder in folders), *map(str, folders)}
    if unknown := [name for name, _ in recipe.axis if name not in known]:
        raise UsageError(f"--axis {unknown[0]} is none of the folders of data", remedy="name it as by --data")


def check_names(recipe: Recipe) -> None:
    """Raises UsageError for the name of a video to hold out that is nowhere."""
    folders = (*(folder for folder, _ in recipe.data), *recipe.clips) if recipe.hold_out else ()
    names = {video.name for folder in folders for video in labelled_videos(folder)}
    names |= {path.stem for folder in recipe.edits for path, _ in edited_tracks(folder)} if recipe.hold_out else set()
    if missing := set(recipe.hold_out) - names:
        remedy = "name folders below --clips or --data"
        raise UsageError(f"--hold-out {min(missing)} is none of the labelled videos", remedy=remedy)


def read_sets(recipe: Recipe, size: int, axis: float, show: bool) -> Iterator[tuple[FaceSet, FaceSet]]:
    """The faces of each folder, to train on and held out; of clips where they are the only data."""
    for folder, trust in recipe.data:
        off = recipe.axis_for(folder, axis)
        if labelled_videos(folder):
            yield footage_faces(folder, trust, axis=off, size=size, hold_out=recipe.hold_out, show=show)
        else:
            yield read_faces(folder, trust, axis=off, size=size, show=show)
    for folder in recipe.edits:
        off = recipe.axis_for(folder, axis)
        yield mended_faces(folder, axis=off, size=size, hold_out=recipe.hold_out, show=show)
    if not (recipe.data or recipe.edits):
        for folder in recipe.clips:
            off = recipe.axis_for(folder, axis)
            yield footage_faces(folder, axis=off, size=size, hold_out=recipe.hold_out, show=show)


def read_all_clips(recipe: Recipe, data: Data, size: int, axis: float, show: bool) -> None:
    """Adds the clips of a recipe's 300-VW folders; raises UsageError where all are too short."""
    length = WINDOWS * recipe.frames
    for folder in recipe.clips:
        clips, names = read_clips(folder, length, size, axis=recipe.axis_for(folder, axis), show=show)
        out = videos_held_out(names, recipe.hold_out)
        for clip, name in zip(clips, names, strict=True):
            if len(clip) < length:
                data.short += 1
            else:
                (data.clips_held_out if name in out else data.clips).append(clip)
    if data.short and not (data.clips or data.clips_held_out):
        message = f"no clip has {length} labelled frames in a row, two windows of {recipe.frames}"
        raise UsageError(message, recipe.clips[0], "lower --frames, or label more frames")


def draw_chances(faces: FaceSet, *, turns: bool = True) -> np.ndarray:
    """The chance of each face to be drawn (N,): by the trust in its labels, and more often the more it is `turned`.

    Mended faces, which are few, make up at least a share `MENDED` of the draws.
    """
    chances = faces.weight.astype(np.float64) * (turned(faces.points) if turns else 1)
    chances /= chances.sum()
    mended = np.array([source == SOURCE for source in faces.source])
    own = chances[mended].sum()
    if 0 < own < MENDED:
        chances *= np.where(mended, MENDED / own, (1 - MENDED) / (1 - own))
    return chances


def trusted(faces: FaceSet) -> FaceSet:
    """The faces with exact labels, or all where none are."""
    exact = np.flatnonzero(faces.weight >= 1)
    return faces.subset(exact) if len(exact) else faces


def nameless(faces: FaceSet) -> FaceSet:
    """The faces of no known person, which are the sharper ones, or all where none are."""
    some = np.flatnonzero(faces.identity < 0)
    return faces.subset(some) if len(some) else faces
