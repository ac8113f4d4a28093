"""How fast the network alone is: faces a second, beside what the machine's matrix product says is possible.

    python benchmarks/network.py [--weights PATH] [--batch 24] [--threads N] [--device cpu] [--precision fp32]
                                 [--compile default reduce-overhead]

--compile does it again with the convolutions compiled, in one or more of torch's modes (`reduce-overhead` is a CUDA
graph on a GPU; `eager` only traces), and says how far the points are from those before.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from redtrack.device import Precision
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import predict_windows

FRAMES = 8  # of a window: three windows are a batch of 24
WAYS: dict[str, dict[str, Any]] = {
    "single frames, both spatial steps": {"temporal": False},
    "one direction, both spatial steps": {"direction": "forward"},
    "both directions, both spatial steps": {"direction": "both"},
    "one direction, the last spatial step": {"direction": "forward", "spatial_steps": 1},
}


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The best time of several calls, the first of which only warms."""
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def gemm_gflops(device: str, precision: Precision, side: int = 1024) -> float:
    """GFLOP/s of a product of two square matrices, in the arithmetic around the body."""
    a = torch.rand(side, side, device=device)
    with precision.context(a.device):
        kind = (a[:1] @ a).dtype
    a = a.to(kind)
    return 2 * side**3 / seconds(lambda: (a @ a).sum().item(), 10) / 1e9


def compiled(net: RedNet, mode: str) -> RedNet:
    """The network with all that is convolution compiled."""
    how: dict[str, Any] = {"backend": "eager"} if mode == "eager" else {"mode": mode}
    net = copy.deepcopy(net)
    for part in ("encode_last", "decode_last"):
        setattr(net, part, torch.compile(getattr(net, part), dynamic=False, **how))
    return net


def main() -> None:
    """Prints a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--compile", nargs="*", default=[], metavar="MODE")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    device = torch.device(chosen.device)
    models = Landmarker(chosen.weights, chosen.device, Options(), False, chosen.precision)
    net, bits = models.net, models.precision
    windows = max(1, chosen.batch // FRAMES)
    torch.manual_seed(0)
    crops = torch.rand(windows, FRAMES, 3, net.config.size, net.config.size, device=device)
    lengths = torch.full((windows,), FRAMES)

    def predict(net: RedNet, how: dict[str, Any]) -> np.ndarray:
        if chosen.compile and device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # outputs of graphs last until both directions have used them
        with bits.context(device):
            return predict_windows(net, crops, lengths, **how).points

    rate = gemm_gflops(chosen.device, bits)
    print(f"{chosen.device}, {bits.name}, {torch.get_num_threads()} threads, GEMM {rate:.0f} GFLOP/s")
    for mode in (None, *chosen.compile):
        faster = net if mode is None else compiled(net, mode)
        for name, how in WAYS.items():
            taken = seconds(partial(predict, faster, how), 7)
            how_far = ""
            if mode is not None:
                apart = np.abs(predict(faster, how) - predict(net, how)).max()
                how_far = f", compiled ({mode}), {apart:.3f} crop px at most from before"
            print(f"{name:38} {crops[:, :, 0, 0, 0].numel() / taken:8.1f} faces/s in batches of {windows * FRAMES}"
                  f"{how_far}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
