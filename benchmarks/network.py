"""How fast the network alone is: faces a second, beside what the machine's matrix product says is possible.

python benchmarks/network.py [--weights PATH] [--batch 24] [--threads N] [--device cpu]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from redtrack import checkpoint
from redtrack.rednet.predict import predict_windows

FRAMES = 8  # of a window: three windows are a batch of 24


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The best time of several calls, the first of which only warms."""
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def gemm_gflops(device: str) -> float:
    """GFLOP/s of a 1024 x 1024 matrix product in float32."""
    a = torch.rand(1024, 1024, device=device)
    return 2 * 1024**3 / seconds(lambda: (a @ a).sum().item(), 10) / 1e9


def main() -> None:
    """Prints a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    net = checkpoint.load(chosen.weights, device=chosen.device)
    windows = max(1, chosen.batch // FRAMES)
    size = net.config.size
    crops = torch.rand(windows, FRAMES, 3, size, size, device=chosen.device)
    lengths = torch.full((windows,), FRAMES)
    print(f"{chosen.device}, {torch.get_num_threads()} threads, GEMM {gemm_gflops(chosen.device):.0f} GFLOP/s")
    for name, options in {
        "single frames, both spatial steps": {"temporal": False},
        "one direction, both spatial steps": {"direction": "forward"},
        "both directions, both spatial steps": {"direction": "both"},
        "one direction, the last spatial step": {"direction": "forward", "spatial_steps": 1},
    }.items():
        taken = seconds(lambda options=options: predict_windows(net, crops, lengths, **options), 7)
        print(f"{name:38} {windows * FRAMES / taken:8.1f} faces/s in batches of {windows * FRAMES}")


if __name__ == "__main__":
    main()
