"""Stage 3 of the paper's three (section 5.1): the LSTM on clips of T frames, forward and backward in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.errors import UsageError
from redtrack.formats.pts import read_points
from redtrack.geometry import CropTransform, landmark_box
from redtrack.rednet import maps
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import predict_windows, reorder, reversed_order, undo
from redtrack.rednet.temporal import first_state
from redtrack.training.augment import NONE
from redtrack.training.clips import (
    Clip,
    camera_path,
    clip_crops,
    pass_occluder,
    random_bulges,
    random_clip,
    still_clip,
)
from redtrack.training.faces import STORED_SIZE, FaceSet, cut_square
from redtrack.training.image import LossWeights, eye_distance
from redtrack.training.loop import BatchLoss, Figures
from redtrack.training.losses import coordinate_loss, regression_loss
from redtrack.video import Video

STORED_FRAMES = 24  # real clips are stored in pieces of so many frames under one fixed square
SMOOTHNESS = 2.0  # weight of the error's second difference beside the coordinate term; tuned on held-out moving stills


@dataclass
class ClipSet:
    """Real clips by the name of their video, and stills to be moved."""

    stills: FaceSet
    real: list[Clip] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def read_clips(folder: Path) -> tuple[list[Clip], list[str]]:
    """The labelled runs of every video of a 300-VW folder (`NAME/vid.*`, `NAME/annot/000001.pts`), in pieces.

    Raises UsageError where there is no such video.
    """
    clips, names = [], []
    for annot in sorted(folder.rglob("annot")):
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
                points.append(read_points(pts))
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
    clips: ClipSet, n: int, frames: int, size: int, real_share: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """n clips: crops (n, T, 3, S, S), truth (n, T, 68, 2) in crop pixels, and the trust in each one's labels (n,)."""
    usable = [c for c in clips.real if len(c) >= frames]
    crops, truth, trust = [], [], []
    for _ in range(n):
        real = bool(usable) and rng.random() < real_share
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
    clips: ClipSet,
    *,
    frames: int = 10,
    batch: int = 5,
    real_share: float = 0.3,
    factors: LossWeights | None = None,
    frozen: bool = True,
    half: bool = False,
    device: str = "cpu",
) -> BatchLoss:
    """The loss of a random batch of clips, both ways in time (eq. 11); 5 clips of 10 frames as in the paper."""
    factors = factors or LossWeights()

    def loss(net: nn.Module, rng: np.random.Generator, _progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(net, RedNet)
        if frozen:
            net.bodies.eval()
        crops, truth, trust = random_batch(clips, batch, frames, net.config.size, real_share, rng)
        crops, truth, trust = crops.to(device), truth.to(device), trust.to(device)
        pictures = crops.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16, enabled=half), torch.set_grad_enabled(not frozen):
            encoded = net.encode_last(pictures)
        order = reversed_order(torch.full((batch,), frames, device=device), frames)
        with torch.autocast(device, torch.bfloat16, enabled=half):
            forward = net.walk(encoded, first_state(batch, net.pixel_mean))
            backward = net.walk(reorder(encoded, order), first_state(batch, net.pixel_mean))
        parts = {
            "coordinate": crops.new_zeros(()),
            "regression": crops.new_zeros(()),
            "unsteady": crops.new_zeros(()),
        }
        each = trust.repeat_interleave(frames)
        for walk, wanted in ((forward, truth), (backward, undo(truth, order))):
            flat = wanted.flatten(0, 1)
            target = maps.gaussian_maps(maps.crop_to_map(flat, net.stride), net.map_size)
            parts["regression"] += factors.regression * regression_loss(walk.logits, target, each) / 2
            parts["coordinate"] += coordinate_loss(walk.points.flatten(0, 1), flat, net.config.size, each) / 2
            parts["unsteady"] += SMOOTHNESS * unsteadiness(walk.points, wanted, net.config.size, trust) / 2
        return torch.stack(list(parts.values())).sum(), parts

    return loss


@dataclass
class Trial:
    """Held-out clips for validation: crops (N, T, 3, S, S) and truth (N, T, 68, 2) in crop pixels."""

    name: str
    crops: Tensor
    truth: np.ndarray


def still_trial(stills: FaceSet, count: int, frames: int, size: int, *, occluded: bool, seed: int = 7) -> Trial:
    """Held-out stills moved by the camera, noise in each frame, with a passing occluder or without."""
    rng = np.random.default_rng(seed)
    crops, truth = [], []
    for k in rng.choice(len(stills), count, replace=len(stills) < count):
        clip = still_clip(stills.images[int(k)], stills.points[int(k)], frames)
        bulges = random_bulges(clip.points[0], frames, rng)
        bulges.push[:] = 0  # a still face: only the camera moves
        made, points = clip_crops(clip, camera_path(clip, size, NONE, rng), bulges)
        if occluded:
            made = pass_occluder(made, rng)
        noise = torch.from_numpy(rng.normal(0, 0.015, made.shape).astype(np.float32))
        crops.append((made + noise).clamp(0, 1))
        truth.append(points.numpy())
    return Trial("occluded" if occluded else "stills", torch.stack(crops), np.stack(truth))


def real_trial(clips: list[Clip], frames: int, size: int, seed: int = 7) -> Trial:
    """Held-out real clips, whole windows one after another."""
    rng = np.random.default_rng(seed)
    crops, truth = [], []
    for clip in clips:
        for start in range(0, len(clip) - frames + 1, frames):
            part = Clip(clip.images[start : start + frames], clip.points[start : start + frames])
            made, points = clip_crops(part, camera_path(part, size, NONE, rng), None)
            crops.append(made)
            truth.append(points.numpy())
    return Trial("real", torch.stack(crops), np.stack(truth))


def measure(net: RedNet, trial: Trial, direction: str, temporal: bool, batch: int = 6) -> tuple[float, float]:
    """Error and jitter in percent of the eye distance; the jitter is the second difference of the error."""
    found = []
    for start in range(0, len(trial.crops), batch):
        part = trial.crops[start : start + batch].to(net.pixel_mean.device)
        lengths = torch.full((len(part),), part.shape[1])
        found.append(predict_windows(net, part, lengths, direction, temporal=temporal).points)
    error = np.concatenate(found) - trial.truth
    scale = 100 / eye_distance(trial.truth).mean(1)[:, None, None]
    second = error[:, 2:] - 2 * error[:, 1:-1] + error[:, :-2]
    return (
        float((np.linalg.norm(error, axis=-1) * scale).mean()),
        float((np.linalg.norm(second, axis=-1) * scale).mean()),
    )


def video_validator(trials: list[Trial]) -> Callable[[nn.Module], Figures]:
    """Error and jitter with the LSTM and without it; `error` is the mean of the trials' error and jitter."""
    without: dict[str, tuple[float, float]] = {}

    def validate(net: nn.Module) -> Figures:
        assert isinstance(net, RedNet)
        net.eval()
        figures: Figures = {}
        for trial in trials:
            if trial.name not in without:
                without[trial.name] = measure(net, trial, "both", temporal=False)
            error, jitter = measure(net, trial, "both", temporal=True)
            figures |= {f"{trial.name}_error": error, f"{trial.name}_jitter": jitter}
            figures |= {
                f"{trial.name}_error_off": without[trial.name][0],
                f"{trial.name}_jitter_off": without[trial.name][1],
            }
        total = [figures[f"{t.name}_error"] + figures[f"{t.name}_jitter"] for t in trials]
        return {"error": float(np.mean(total)), **figures}

    return validate


__all__ = [
    "ClipSet",
    "Trial",
    "measure",
    "read_clips",
    "real_trial",
    "set_frozen",
    "still_trial",
    "video_loss",
    "video_validator",
]
