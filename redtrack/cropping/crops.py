"""Crops of faces from a video and its tracks, frame by frame: the generator that the command, too, is made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from redtrack.cropping.alignment import Alignment, make_alignment
from redtrack.cropping.path import BRIDGE, SMOOTH, CropPath, crop_paths
from redtrack.errors import UsageError, VideoError
from redtrack.render.film import check_fit
from redtrack.tracks import Tracks
from redtrack.video import Frame, Reading, Video, read_ahead

__all__ = ["Crop", "crops", "crops_along"]

_TOGETHER = 8  # frames whose crops are cut in one call


@dataclass(frozen=True)
class Crop:
    """One crop of a face: its frame's number and time, its picture, and where it lies.

    image is uint8 (size, size, 3) RGB, black outside of the frame; matrix (2, 3) takes frame pixels to crop pixels;
    part counts the unbroken ways of the face; seen is False in short gaps.
    """

    face: int
    part: int
    frame: int
    time: float
    image: np.ndarray
    matrix: np.ndarray
    seen: bool


def crops(
    video: str | os.PathLike[str],
    tracks: Tracks,
    preset: str | Alignment = "openface",
    *,
    faces: Iterable[int] | None = None,
    size: int | None = None,
    align: str | None = None,
    margin: float | None = None,
    smooth: int = SMOOTH,
    bridge: float = BRIDGE,
) -> Iterator[Crop]:
    """Yields steady crops of the faces of a video, in order of frames, then faces.

    preset, size, align and margin: docs/crops.md. smooth: frames to either side over which a crop's way is smoothed.
    bridge: seconds without the face across which it goes on. Raises UsageError for a preset or a face that is not there
    and for tracks of a picture of another size, VideoError where the video cannot be decoded or is shorter than the
    tracks.
    """
    alignment = preset if isinstance(preset, Alignment) else make_alignment(preset, size, align, margin)
    paths = [path for face in _chosen(tracks, faces) for path in crop_paths(tracks, face, alignment, smooth, bridge)]
    source = Video(video, reading=Reading.of(tracks.info))
    check_fit(tracks, source.info)
    return crops_along(source, paths, tracks)


def crops_along(video: Video, paths: Sequence[CropPath], tracks: Tracks) -> Iterator[Crop]:
    """Yields the crops along some ways; decodes no further than the last of them."""
    last = max((path.last for path in paths), default=-1)
    index = -1
    frames = read_ahead(video.frames(), 2 * _TOGETHER) if paths else iter(())
    while index < last and (batch := list(islice(frames, min(_TOGETHER, last - index)))):
        index = batch[-1].index
        yield from _cut(batch, paths)
    if index < last:
        reason = video.report.reason or f"it has {index + 1} frames, the tracks are of {tracks.frames}"
        raise VideoError(reason, video.info.path, "give the video that was annotated")


def _cut(frames: Sequence[Frame], paths: Sequence[CropPath]) -> Iterator[Crop]:
    """Yields the crops of consecutive frames; those along one way are cut together."""
    found: list[Crop] = []
    for path in paths:
        here = [frame for frame in frames if path.first <= frame.index <= path.last]
        if here:
            first = here[0].index - path.first
            for place, (frame, image) in enumerate(zip(here, _images(here, path, first), strict=True), start=first):
                about = path.matrices[place], bool(path.seen[place])
                found.append(Crop(path.face, path.part, frame.index, frame.time, image, *about))
    yield from sorted(found, key=lambda crop: (crop.frame, crop.face))


def _images(frames: Sequence[Frame], path: CropPath, first: int) -> np.ndarray:
    """Returns uint8 (n, S, S, 3), the crops of frames along a way, whose first is number `first` on it."""
    import torch

    from redtrack.inference.crop import region_of, resample

    transform = path.transform[first : first + len(frames)]
    x0, y0, x1, y1 = region = region_of(transform, *frames[0].image.shape[:2])
    pixels = np.stack([frame.image[y0:y1, x0:x1] for frame in frames])
    cut = resample(torch.from_numpy(pixels), region, transform)  # (n, 3, S, S)
    whole = cut.add_(0.5).to(torch.uint8, memory_format=torch.channels_last)
    images: np.ndarray = whole.permute(0, 2, 3, 1).numpy()
    return images


def _chosen(tracks: Tracks, faces: Iterable[int] | None) -> list[int]:
    chosen = tracks.faces if faces is None else list(faces)
    if missing := [face for face in chosen if face not in tracks.faces]:
        known = ", ".join(map(str, tracks.faces[:12])) or "none"
        raise UsageError(f"there is no face {missing[0]}", remedy=f"the faces are {known}")
    return chosen
