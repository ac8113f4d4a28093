"""What the video stage is validated on: held-out stills moved by a known camera, and held-out real clips."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.evaluate.protocol import eye_distance
from redtrack.geometry import LANDMARK_SCALE
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import WindowEstimate, predict_windows
from redtrack.rednet.tie import alone
from redtrack.training.landmarks.augment import NONE
from redtrack.training.landmarks.clips import Clip, camera_path, clip_crops, pass_occluder, random_bulges, still_clip
from redtrack.training.landmarks.faces import FaceSet
from redtrack.training.landmarks.video import WINDOWS
from redtrack.training.loop import Figures


@dataclass
class Trial:
    """Held-out clips of two windows: crops (N, 2 T, 3, S, S) and truth (N, 2 T, 68, 2) in crop pixels."""

    name: str
    crops: Tensor
    truth: np.ndarray


def still_trial(
    stills: FaceSet,
    count: int,
    frames: int,
    size: int,
    *,
    occluded: bool,
    seed: int = 7,
    scale: float = LANDMARK_SCALE,
) -> Trial:
    """Held-out stills moved by the camera, noise in each frame, with a passing occluder or without."""
    rng = np.random.default_rng(seed)
    crops, truth = [], []
    for k in rng.choice(len(stills), count, replace=len(stills) < count):
        clip = still_clip(stills.images[int(k)], stills.points[int(k)], frames)
        bulges = random_bulges(clip.points[0], frames, rng)
        bulges.push[:] = 0  # a still face: only the camera moves
        made, points = clip_crops(clip, camera_path(clip, size, NONE, rng, scale), bulges)
        if occluded:
            made = pass_occluder(made, rng)
        noise = torch.from_numpy(rng.normal(0, 0.015, made.shape).astype(np.float32)).to(made.device)
        crops.append((made + noise).clamp(0, 1))
        truth.append(points.numpy())
    return Trial("occluded" if occluded else "stills", torch.stack(crops), np.stack(truth))


def real_trial(clips: list[Clip], frames: int, size: int, scale: float = LANDMARK_SCALE) -> Trial:
    """Held-out real clips, whole windows one after another."""
    rng = np.random.default_rng(7)
    crops, truth = [], []
    for clip in clips:
        for start in range(0, len(clip) - frames + 1, frames):
            part = clip.part(start, frames)
            made, points = clip_crops(part, camera_path(part, size, NONE, rng, scale), None)
            crops.append(made)
            truth.append(points.numpy())
    return Trial("real", torch.stack(crops), np.stack(truth))


def trial_points(net: RedNet, trial: Trial, direction: str, temporal: bool, batch: int = 6) -> np.ndarray:
    """The points of a trial's clips in crop pixels, (N, 2 T, 68, 2)."""
    found = []
    for start in range(0, len(trial.crops), batch):
        part = trial.crops[start : start + batch].to(net.pixel_mean.device)
        windows = part.unflatten(1, (WINDOWS, -1)).flatten(0, 1)
        lengths = torch.full((len(windows),), windows.shape[1])
        seen = predict_windows(net, windows, lengths, direction, temporal=temporal, recur=False)
        found.append(run_on(net, seen, direction).reshape(len(part), -1, *seen.points.shape[2:]))
    return np.concatenate(found)


def measure(net: RedNet, trial: Trial, direction: str, temporal: bool) -> tuple[float, float]:
    """Error and jitter in percent of the eye distance; the jitter is the second difference of the error."""
    error = trial_points(net, trial, direction, temporal) - trial.truth
    scale = 100 / eye_distance(trial.truth).mean(1)[:, None, None]
    second = error[:, 2:] - 2 * error[:, 1:-1] + error[:, :-2]
    return (
        float((np.linalg.norm(error, axis=-1) * scale).mean()),
        float((np.linalg.norm(second, axis=-1) * scale).mean()),
    )


@torch.inference_mode()
def run_on(net: RedNet, seen: WindowEstimate, direction: str) -> np.ndarray:
    """The points of pairs of windows (2 N, T, ...) run on from one to the other, as `tie` does, in crop pixels."""
    if not seen.evidence.shape[2]:
        return seen.points
    evidence = torch.from_numpy(seen.evidence).unflatten(0, (-1, WINDOWS)).flatten(1, 2)
    lengths = torch.full((len(evidence),), evidence.shape[1])
    recurrence = copy.deepcopy(net.recurrence).cpu()
    points: np.ndarray = alone(recurrence, evidence, lengths, direction).points.numpy() * net.config.size
    return points


def video_validator(trials: list[Trial]) -> Callable[[nn.Module], Figures]:
    """Error and jitter with the LSTM and without it; `error` is the mean of the trials' error and jitter.

    Without trials there are no figures.
    """
    without: dict[str, tuple[float, float]] = {}

    def validate(net: nn.Module) -> Figures:
        assert isinstance(net, RedNet)
        if not trials:
            return {}
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
