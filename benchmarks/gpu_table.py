"""The table of a GPU's speed for the README: whole job against decoding alone, one and four faces, 360p and 1080p.

    python benchmarks/gpu_table.py [VIDEO ...] [--device cuda] [--precision half fp32] [--decode cpu cuda]
                                   [--batch 320 1280]

Without VIDEO, clips are made up of the example's face: 640 x 360 and 1920 x 1080, with one face and with four. Each
line is a video and a setting, as soon as it is known; one that fails says so and leaves the others. Asked of a GPU is a
whole job of 0.9 of decoding alone. The last column is the network's share of what the device's matrix product reaches
with as many bits. It also runs on a CPU (`--device cpu --frames 50 --side 512`). What compiling the network would gain,
`benchmarks/network.py --compile` tells.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import cycle, islice, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from network import gemm_gflops

from redtrack.bench import Report, bench
from redtrack.device import find_device, hardware
from redtrack.video import Video, write_video
from redtrack.video.pictures import Pictures

if TYPE_CHECKING:
    import torch

CLIP = Path(__file__).parent.parent / "examples" / "astronaut.mp4"
SIZES = {"360p": (640, 360), "1080p": (1920, 1080)}


def pictures(width: int, height: int, faces: int, count: int) -> Iterator[np.ndarray]:
    """Yields so many pictures of this size with one face, or four in a mosaic."""
    across = 1 if faces == 1 else 2
    rows = np.arange(height // across) * 360 * across // height
    columns = np.arange(width // across) * 640 * across // width
    clip = [frame.image[rows][:, columns] for frame in Video(CLIP).frames()]
    for tile in islice(cycle([*clip, *clip[-2:0:-1]]), count):
        yield np.tile(tile, (across, across, 1))


def made_up(folder: Path, count: int) -> list[Path]:
    """Writes the four clips."""
    paths = []
    for name, (width, height) in SIZES.items():
        for faces in (1, 4):
            paths.append(folder / f"{name}, {faces} face{'s' if faces > 1 else ''}.mp4")
            write_video(paths[-1], pictures(width, height, faces, count), np.arange(count) / 25)
    return paths


def gflop_a_crop(device: str) -> float:
    """Counts what the network computes for a crop, both directions, in 10^9 products and sums."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from redtrack import checkpoint
    from redtrack.rednet.predict import predict_windows

    net = checkpoint.load(device=device)
    crops = torch.rand(1, 10, 3, net.config.size, net.config.size, device=device)  # type: ignore[union-attr]
    counter = FlopCounterMode(display=False)
    with counter:
        predict_windows(net, crops, torch.tensor([10]))  # type: ignore[arg-type]
    return counter.get_total_flops() / 10 / 1e9


def decoder(video: Path, asked: str) -> str:
    """Names what really decodes: what a GPU (`cuda:N`) cannot decode is left to the processor without a word."""
    if asked == "cpu":
        return asked
    pictures = Pictures(video, device=asked)
    with closing(iter(pictures)) as found:  # type: ignore[type-var]
        next(found)
        return asked if pictures.reader.stream.codec_context.is_hwaccel else "cpu"


def line(video: Path, report: Report, gflop: float, peak: float) -> str:
    """One row of the table, in Markdown. gflop a crop; peak in GFLOP/s."""
    rates = {part.name: part.rate for part in report.parts}
    network = rates["network"] * report.about["faces_per_frame"] * gflop
    share = rates["whole job"] / rates["decoder"]
    done = [f"{rates[name]:.0f}" for name in ("decoder", "network", "whole job")]
    of_peak = f"{100 * network / peak:.0f} %"
    about = report.about
    setting = f"{about['precision']}, {about['batch']} crops, decoded by {decoder(video, about['decode'])}"
    return f"| {' | '.join([video.stem, setting, *done, f'{share:.2f}', of_peak])} |"


def head(device: torch.device, gflop: float, peaks: dict[str, float]) -> str:
    """What the table holds for, and its titles."""
    import torch

    name = hardware(device).name
    products = ", ".join(f"{peak:.0f} GFLOP/s ({bits})" for bits, peak in peaks.items())
    return (
        f"{name}, torch {torch.__version__}, {gflop:.2f} GFLOP a crop, matrix product {products}\n\n"
        "| video | setting | decoder | network | whole job | of decoder | of peak |\n"
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    )


def main() -> None:
    """Prints the table; exit status 1 where a line is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", nargs="+", default=["auto"])
    parser.add_argument("--decode", nargs="+", default=["auto"])
    parser.add_argument("--batch", nargs="+", type=int, default=[None], help="crops in one call")
    parser.add_argument("--frames", type=int, default=1500, help="of the clips that are made up")
    parser.add_argument("--side", type=int, default=8192, help="of the matrices whose product is the peak")
    chosen = parser.parse_args()
    device = find_device(chosen.device)
    gflop = gflop_a_crop(chosen.device)
    kinds = {hardware(device).precision(name).points for name in chosen.precision}
    peaks = {bits: gemm_gflops(str(device), bits, chosen.side) for bits in sorted(kinds)}
    print(head(device, gflop, peaks), flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        videos = chosen.videos or made_up(Path(folder), chosen.frames)
        settings = list(product(chosen.precision, chosen.decode, chosen.batch))
        with suppress(Exception):  # loads and allots what the first use does; what fails does so again in its line
            bench(videos[0], device=chosen.device, precision=settings[0][0])
        for video, (precision, decode, batch) in product(videos, settings):
            try:
                report = bench(video, device=chosen.device, precision=precision, decode=decode, batch=batch)
                row = line(video, report, gflop, peaks[report.about["precision"]])
            except Exception as error:  # noqa: BLE001 - the other lines are wanted all the same
                failed = True
                traceback.print_exc()
                row = f"| {video.stem} | {precision}, decode {decode}, batch {batch} | {type(error).__name__} | | | | |"
            print(row, flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
