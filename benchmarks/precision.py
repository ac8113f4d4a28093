"""What fewer bits cost and gain: the network alone on real crops, each precision against 32 bits, in one run.

    python benchmarks/precision.py [VIDEO] [--device cpu] [--seconds 2]

Points are compared in pixels of the crop (128 to a side). `int8` needs a CPU with VNNI. On a GPU `compiled` is
`torch.compile` of the convolutions.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from redtrack.device import hardware
from redtrack.errors import DeviceError
from redtrack.inference.annotate import annotate_with
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.rednet.model import RedNet
from redtrack.video import Video

CLIP = Path(__file__).parent.parent / "examples" / "astronaut.mp4"
Calls = list[tuple[Tensor, np.ndarray]]


def compiled(net: RedNet) -> RedNet:
    """A copy of the network with compiled convolutions."""
    net = copy.deepcopy(net)
    body: Any = net.body()
    body.encode, body.decode = torch.compile(body.encode), torch.compile(body.decode)
    return net


def calls_of(video: Path, device: torch.device, seconds: float) -> Calls:
    """Windows of the video's faces, one at a time on a CPU, all at once on a GPU."""
    models = Landmarker(None, str(device), Options())
    tracks = annotate_with(models, video, Options(end=seconds))
    frames = torch.from_numpy(np.stack([frame.image for frame in Video(video).frames(end=seconds)])).to(device)
    windows, lengths = models.windows(frames, tracks.frame, tracks.boxes, 10)
    each = 1 if hardware(device).computes_alone else len(windows)
    starts = range(0, len(windows), each)
    return [(windows[start : start + each], lengths[start : start + each]) for start in starts]


def measure(models: Landmarker, calls: Calls) -> tuple[np.ndarray, float]:
    """Points of all windows, and the best seconds a crop."""
    best, device = np.inf, models.device
    for _ in range(3):
        began, points = time.thread_time() if device.type == "cpu" else time.perf_counter(), []
        for crops, lengths in calls:
            found = models.predict(crops, lengths, Options()).points
            points += [window[:length] for window, length in zip(found, lengths, strict=True)]
        ended = time.thread_time() if device.type == "cpu" else time.perf_counter()
        best = min(best, (ended - began) / sum(map(len, points)))
    return np.concatenate(points), best


def kinds(device: torch.device) -> Iterator[tuple[str, Landmarker]]:
    """What is compared: 32 bits first."""
    for name in ("fp32", "bf16", "int8") if device.type == "cpu" else ("fp32", "bf16", "half"):
        try:
            yield name, Landmarker(None, str(device), Options(), False, name)
        except DeviceError as error:
            print(f"{name:10} {error}")
    if device.type != "cpu":
        models = Landmarker(None, str(device), Options(), False, "half")
        models.net = compiled(models.net)
        yield "compiled", models


def main() -> None:
    """Prints a line a precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path, default=CLIP)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    if device.type == "cpu":
        torch.set_num_threads(1)  # what a thread of the engine's has
    calls, truth, usual = calls_of(chosen.video, device, chosen.seconds), None, 0.0
    for name, models in kinds(device):
        points, seconds = measure(models, calls)
        if truth is None:
            truth, usual = points, seconds
            print(f"{name:10} {1000 * usual:7.2f} ms a crop")
            continue
        apart = np.linalg.norm(points - truth, axis=-1)
        speed = f"{1000 * seconds:7.2f} ms a crop, {usual / seconds:.2f} times as fast"
        off = f"{apart.mean():.3f} px in the mean, {np.quantile(apart, 0.999):.3f} at 99.9 %, {apart.max():.3f} at most"
        print(f"{name:10} {speed}; points off by {off}", flush=True)


if __name__ == "__main__":
    main()
