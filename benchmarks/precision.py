"""What fewer bits cost and gain: the network alone on real crops, each precision against 32 bits, in one run.

    python benchmarks/precision.py [VIDEO] [--device cpu] [--seconds 2]

Points are compared in pixels of the crop (128 to a side). `int8` is post-training quantisation of every convolution of
the encoder and the decoder but the stem and the heads, calibrated on the same crops, with the kernels that use VNNI; it
is here to be measured only (CPU). On a GPU `compiled` is `torch.compile` of the convolutions.
"""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.device import arithmetic, hardware
from redtrack.inference.annotate import annotate_with
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import predict_windows
from redtrack.video import Video

CLIP = Path(__file__).parent.parent / "examples" / "astronaut.mp4"
Calls = list[tuple[Tensor, Tensor]]


class Encoder(nn.Module):
    """`SmallBody.encode` after the feedback is added, in a form that can be traced."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        for name in ("stage32", "down16", "stage16", "down8", "stage8", "bottleneck"):
            setattr(self, name, getattr(body, name))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at32 = self.stage32(x)
        at16 = self.stage16(F.relu(self.down16(at32)))
        at8 = self.stage8(F.relu(self.down8(at16)))
        return F.relu(self.bottleneck(at8)), at32, at16


class Decoder(nn.Module):
    """`SmallBody.decode` in a form that can be traced."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        for name in ("up16", "back16", "up32", "back32", "last"):
            setattr(self, name, getattr(body, name))

    def forward(self, e: Tensor, at32: Tensor, at16: Tensor) -> Tensor:
        x = self.back16(F.relu(F.interpolate(self.up16(e), scale_factor=2.0, mode="nearest") + at16))
        x = self.back32(F.relu(F.interpolate(self.up32(x), scale_factor=2.0, mode="nearest") + at32))
        return F.relu(self.last(x))


def set_parts(net: RedNet, encoder: nn.Module, decoder: nn.Module) -> None:
    """Makes the network's one body use these."""
    body: Any = net.body()

    def encode(seen: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        e, at32, at16 = encoder(F.relu(seen + body.feedback(z)))
        return e, [at32, at16]

    body.encode = encode
    body.decode = lambda e, skips: decoder(e, *skips)


def quantised(net: RedNet, calls: Calls) -> RedNet:
    """A copy of the network with 8-bit convolutions."""
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    net = copy.deepcopy(net)
    torch.backends.quantized.engine = "x86"
    mapping, size = get_default_qconfig_mapping("x86"), net.map_size
    body: Any = net.body()
    inside = torch.zeros(1, 48, size, size)
    e, *skips = Encoder(body)(inside)
    encoder = prepare_fx(Encoder(body).eval(), mapping, (inside,))
    decoder = prepare_fx(Decoder(body).eval(), mapping, (e, *skips))
    set_parts(net, encoder, decoder)
    for crops, lengths in calls:
        predict_windows(net, crops, lengths)
    set_parts(net, convert_fx(encoder), convert_fx(decoder))
    return net


def compiled(net: RedNet, _: Calls) -> RedNet:
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
    return list(zip(windows.split(each), torch.from_numpy(lengths).split(each), strict=True))


def measure(net: RedNet, calls: Calls, name: str, device: torch.device) -> tuple[np.ndarray, float]:
    """Points of all windows, and the best seconds a crop."""
    best = np.inf
    for _ in range(3):
        began, points = time.thread_time() if device.type == "cpu" else time.perf_counter(), []
        with arithmetic(name, device):
            for crops, lengths in calls:
                found = predict_windows(net, crops, lengths).points
                points += [window[:length] for window, length in zip(found, lengths.tolist(), strict=True)]
        ended = time.thread_time() if device.type == "cpu" else time.perf_counter()
        best = min(best, (ended - began) / sum(map(len, points)))
    return np.concatenate(points), best


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
    calls = calls_of(chosen.video, device, chosen.seconds)
    net: RedNet = Landmarker(None, str(device), Options(), detects=False).net
    truth, usual = measure(net, calls, "fp32", device)
    print(f"{'fp32':10} {1000 * usual:7.2f} ms a crop")
    more: dict[str, tuple[str, Callable[[RedNet, Calls], RedNet]]] = {"bf16": ("bf16", lambda net, _: net)}
    if device.type == "cpu":
        more["int8"] = "fp32", quantised
    else:
        more |= {"half": ("half", lambda net, _: net), "compiled": ("half", compiled)}
    for name, (bits, make) in more.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's quantisation is to move to a package of its own
            points, seconds = measure(make(net, calls), calls, bits, device)
        apart = np.linalg.norm(points - truth, axis=-1)
        speed = f"{1000 * seconds:7.2f} ms a crop, {usual / seconds:.2f} times as fast"
        off = f"{apart.mean():.3f} px in the mean, {np.quantile(apart, 0.999):.3f} at 99.9 %, {apart.max():.3f} at most"
        print(f"{name:10} {speed}; points off by {off}", flush=True)


if __name__ == "__main__":
    main()
