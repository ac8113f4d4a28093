"""Evidence of windows as the network gives it, and an untrained recurrence of points."""

import numpy as np
import torch

from redtrack.rednet.temporal import EVIDENCE, PointRecurrence


def made_evidence(frames: int, seed: int = 0) -> np.ndarray:
    """Evidence (frames, 2, 68, E) of points that drift and tremble, with a silent LSTM."""
    rng = np.random.default_rng(seed)
    evidence = np.zeros((frames, 2, 68, EVIDENCE), np.float32)
    evidence[..., :2] = 0.5 + 0.004 * np.arange(frames)[:, None, None, None]
    evidence[..., :2] += rng.normal(0, 0.005, (frames, 1, 68, 2)) + rng.normal(0, 0.001, (frames, 2, 68, 2))
    evidence[..., 2] = 0.9
    return evidence


def untrained() -> PointRecurrence:
    torch.manual_seed(0)
    return PointRecurrence().eval()
