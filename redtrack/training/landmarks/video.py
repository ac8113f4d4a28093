"""Stage 3 of the paper's three (section 5.1): the LSTM on clips of T frames, forward and backward in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.errors import UsageError
from redtrack.files import files_below
from redtrack.formats.pts import read_68
from redtrack.geometry import CropTransform, landmark_box
from redtrack.rednet import maps
from redtrack.rednet.model import RedNet, Walk
from redtrack.rednet.predict import reorder
from redtrack.rednet.temporal import first_state
from redtrack.rednet.tie import alone, reversed_order, undo
from redtrack.training.landmarks.clips import Clip, random_clip, still_clip
from redtrack.training.landmarks.faces import STORED_SIZE, FaceSet, cut_square
from redtrack.training.landmarks.losses import COORDINATE, REGRESSION, coordinate_loss, regression_loss
from redtrack.training.loop import BatchLoss
from redtrack.video import Video

STORED_FRAMES = 30  # real clips are stored in pieces of so many frames under one fixed square
WINDOWS = 2  # windows one after another in a training clip
REAL = 0.3  # share of real clips where there are any
SMOOTHNESS = 4.0  # weight of the error's second difference beside the coordinate term


@dataclass
class ClipSet:
    """Stills to be moved, and real clips."""

    stills: FaceSet
    real: list[Clip] = field(default_factory=list)


def read_clips(folder: Path) -> tuple[list[Clip], list[str]]:
    """The labelled runs of every video of a 300-VW folder (`NAME/vid.*`, `NAME/annot/000001.pts`), in pieces.

    Raises UsageError where there is no such video.
    """
    clips, names = [], []
    labels = (file for file in files_below(folder) if isinstance(file, Path) and file.suffix == ".pts")
    for annot in sorted({file.parent for file in labels if file.parent.name == "annot"}):
        video = next(iter(sorted(annot.parent.glob("vid.*"))), None)
        if video is None:
            continue
        for clip in _labelled_runs(video, annot):
            clips.append(clip)
            names.append(annot.parent.name)
    if not clips:
        raise UsageError("no labelled videos", path=folder, remedy="name a folder with NAME/vid.* and NAME/annot/*.pts")
    return clips, names


def _labelled_runs(video: Path, annot: Path) -> list[Clip]:
    """Pieces of consecutive labelled frames, each under one fixed square."""
    clips: list[Clip] = []
    images: list[np.ndarray] = []
    points: list[np.ndarray] = []
    with Video(video) as opened:
        for frame in opened.frames():
            pts = annot / f"{frame.index + 1:06d}.pts"
            if pts.exists():
                images.append(frame.image)
                points.append(read_68(pts))
            if images and (not pts.exists() or len(images) == STORED_FRAMES):
                clips.append(store_clip(images, np.stack(points)))
                images, points = [], []
    if images:
        clips.append(store_clip(images, np.stack(points)))
    return clips


def store_clip(images: list[np.ndarray], points: np.ndarray) -> Clip:
    """Frames (H, W, 3) and points (T, 68, 2) cut out under one square with room around the face's whole way."""
    boxes = landmark_box(points.astype(np.float64))
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    side = max((boxes[:, 2:] - boxes[:, :2]).max() * 1.7, (high - low).max() * 1.3)
    crop = CropTransform(((low + high) / 2)[None], np.array([side]), np.zeros(1), STORED_SIZE)
    cut = torch.stack([cut_square(image, crop) for image in images])
    every = crop[np.zeros(len(points), dtype=np.int64)]
    return Clip(cut, every.to_crop(points).astype(np.float32))


def set_frozen(net: RedNet, frozen: bool) -> None:
    """Whether the encoder-decoder and its heads stay as they are while the temporal part learns."""
    for module in (net.bodies, net.heads):
        module.requires_grad_(not frozen)


def random_batch(
    clips: ClipSet, n: int, frames: int, size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """n clips: crops (n, T, 3, S, S), truth (n, T, 68, 2) in crop pixels, and the trust in each one's labels (n,)."""
    usable = [c for c in clips.real if len(c) >= frames]
    crops, truth, trust = [], [], []
    for _ in range(n):
        real = bool(usable) and rng.random() < REAL
        if real:
            whole = usable[rng.integers(len(usable))]
            start = rng.integers(len(whole) - frames + 1)
            clip = Clip(whole.images[start : start + frames], whole.points[start : start + frames])
        else:
            k = int(rng.integers(len(clips.stills)))
            clip = still_clip(clips.stills.images[k], clips.stills.points[k], frames)
        made, points = random_clip(clip, size, rng, still=not real)
        crops.append(made)
        truth.append(points)
        trust.append(0.5 if real else 1.0)
    return torch.stack(crops), torch.stack(truth), torch.tensor(trust)


def unsteadiness(points: Tensor, truth: Tensor, size: int, weight: Tensor) -> Tensor:
    """Mean length of the error's second difference, in hundredths of the crop. points, truth (N, T, P, 2)."""
    error = (points - truth) * (100 / size)
    second = error[:, 2:] - 2 * error[:, 1:-1] + error[:, :-2]
    length = (second.square().sum(-1) + 1e-6).sqrt().mean((1, 2))
    return (length * weight).sum() / weight.sum()


def video_loss(
    clips: ClipSet, *, frames: int = 10, batch: int = 3, frozen: bool = True, half: bool = False, device: str = "cpu"
) -> BatchLoss:
    """The loss of a random batch of clips, both ways in time (eq. 11).

    A clip is two windows of T frames one after the other, so that the border between windows counts as well: the
    paper's 5 clips of one window are 3 of two here.
    """

    def loss(net: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(net, RedNet)
        if frozen:
            net.bodies.eval()
        crops, truth, trust = random_batch(clips, batch, WINDOWS * frames, net.config.size, rng)
        crops, truth, trust = crops.to(device), truth.to(device), trust.to(device)
        windows = truth.unflatten(1, (WINDOWS, frames)).flatten(0, 1)  # (N * 2, T, P, 2)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
            walks, order = both_ways(net, crops.flatten(0, 1), len(windows), frames, frozen)
        each = trust.repeat_interleave(WINDOWS * frames)
        parts = {"regression": heat_map_loss(net, walks, (windows, undo(windows, order)), each)}
        evidence = torch.stack((walks[0].evidence, undo(walks[1].evidence, order)), 2)  # (N * 2, T, 2, P, E)
        evidence = evidence.float().unflatten(0, (batch, WINDOWS)).flatten(1, 2)  # `tie` runs on from window to window
        parts |= point_losses(net, evidence, truth, trust)
        return torch.stack(list(parts.values())).sum(), parts

    return loss


def heat_map_loss(net: RedNet, walks: tuple[Walk, Walk], truth: tuple[Tensor, Tensor], weight: Tensor) -> Tensor:
    """The heat maps' loss, mean of both ways through time. truth (N, T, P, 2) in each one's order, weight (N * T,)."""
    total = weight.new_zeros(())
    for walk, wanted in zip(walks, truth, strict=True):
        target = maps.gaussian_maps(maps.crop_to_map(wanted.flatten(0, 1), net.stride), net.map_size)
        total = total + REGRESSION * regression_loss(walk.logits, target, weight) / 2
    return total


def point_losses(net: RedNet, evidence: Tensor, truth: Tensor, trust: Tensor) -> dict[str, Tensor]:
    """The points' losses, of each way through time and of both: evidence (N, T, 2, P, E), truth (N, T, P, 2)."""
    count, frames = truth.shape[:2]
    lengths = torch.full((count,), frames, device=truth.device)
    each, size = trust.repeat_interleave(frames), net.config.size
    coordinate = truth.new_zeros(())
    for name in ("forward", "backward", "both"):
        ways = evidence if name == "both" else evidence[:, :, ("forward", "backward").index(name), None]
        found = alone(net.recurrence, ways, lengths, name).points * size
        share = 1.0 if name == "both" else 0.5
        coordinate = coordinate + share * COORDINATE * coordinate_loss(
            found.flatten(0, 1), truth.flatten(0, 1), size, each
        )
    return {"coordinate": coordinate, "unsteady": SMOOTHNESS * unsteadiness(found, truth, size, trust)}


def both_ways(net: RedNet, crops: Tensor, windows: int, frames: int, frozen: bool) -> tuple[tuple[Walk, Walk], Tensor]:
    """The walks forward and backward through crops (N * T, 3, S, S), and the frames' order in the second (N, T)."""
    pictures = crops.contiguous(memory_format=torch.channels_last)
    with torch.set_grad_enabled(not frozen):
        encoded = net.encode_last(pictures)
    order = reversed_order(torch.full((windows,), frames, device=crops.device), frames)
    start = first_state(windows, net.pixel_mean)
    return (net.walk(encoded, start), net.walk(reorder(encoded, order), start)), order
