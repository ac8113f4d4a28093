"""Does a sampled code help? EVAE-CNN's first step (`var68`) against the same without sampling and RED-Net's (`det7`).

Every row goes on from the encoder and the decoder of trained weights, with a first step and a feedback of its own from
nothing, for the same number of batches on the same faces. It is measured on faces held out: as they are, and with a
quarter or half of the face covered by a grey square. Peaks: local maxima above half of the
highest in a map of the first step, of which the seed claims that sampling leaves fewer ("much smoother"). The last two
columns are the rank correlation of the error of a point with the spread of 16 samples and with its map's peak.

    python benchmarks/evae.py --data 300w -o runs/evae [--steps 300] [--seeds 2]
        [--start rednet-small] [--report benchmarks/evae.md]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack import checkpoint
from redtrack.device import hardware
from redtrack.evaluate.protocol import eye_distance
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.variational import spread
from redtrack.training.landmarks.augment import cut, random_crops
from redtrack.training.landmarks.faces import FaceSet, read_faces
from redtrack.training.landmarks.image import VALIDATION_SHIFT, image_loss
from redtrack.training.loop import Run, train
from redtrack.training.schedule import Schedule

BATCH, SAMPLES = 16, 16
ROWS = {
    "det7, reg68 (RED-Net)": RedNetConfig(steps=("det7", "reg68")),
    "var68, reg68, not sampled (FCN)": RedNetConfig(steps=("var68", "reg68"), sampled=False),
    "var68, reg68 (EVAE)": RedNetConfig(steps=("var68", "reg68")),
}
HEAD = """| first step | error, % | a quarter covered | half covered | peaks a map | error and spread | error and peak |
| --- | --- | --- | --- | --- | --- | --- |
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--start", default="rednet-small")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    faces, held_out = read_faces(chosen.data)
    began, lines = time.monotonic(), []
    for name, config in ROWS.items():
        for seed in range(chosen.seeds):
            torch.manual_seed(seed)
            folder = chosen.out / f"{config.steps[0]}_{config.sampled}_{seed}"
            net = trained(begun(config, chosen.start), faces, folder, chosen.steps, seed)
            lines.append(f"| {name}, seed {seed} | {measured(net, held_out)} |")
            print(lines[-1], flush=True)
    minutes = (time.monotonic() - began) / 60 / len(lines)
    text = (
        f"# A sampled first step (EVAE-CNN) against others\n\n`python benchmarks/evae.py --steps {chosen.steps} "
        f"--seeds {chosen.seeds}`: {chosen.steps} batches of {BATCH} faces a row, {minutes:.1f} minutes each with\n"
        f"measuring, {torch.get_num_threads()} thread(s); {len(held_out)} faces held out. All go on from the encoder "
        f"and the decoder of\n{chosen.start}, with a first step and a feedback of their own from nothing.\n\n{HEAD}"
        + "\n".join(lines)
        + "\n"
    )
    if chosen.report:
        chosen.report.write_text(text)
    print(text)


def begun(config: RedNetConfig, start: str) -> RedNet:
    """Returns a network with the encoder, decoder and last step of trained weights; the rest is new."""
    before = checkpoint.load(start, fused=False)
    assert isinstance(before, RedNet), type(before)
    net = RedNet(replace(config, crop_scale=before.config.crop_scale))
    new = ("bodies.0.feedback.", f"heads.{config.steps[0]}.")
    own = net.state_dict()
    kept = {k: v for k, v in before.state_dict().items() if k in own and not k.startswith(new)}
    net.load_state_dict(kept, strict=False)
    return net


def trained(net: RedNet, faces: FaceSet, folder: Path, steps: int, seed: int) -> RedNet:
    """Returns the average of a network that was trained for so many batches."""
    run = Run(net, Schedule(steps=steps, warmup=steps // 10), folder, np.random.default_rng(seed))
    shares = faces.weight / faces.weight.sum()
    half = hardware(torch.device("cpu")).is_faster_in_bfloat16
    train(run, image_loss(faces, shares, batch=BATCH, half=half), lambda net: {}, show=False)
    average = run.average
    assert isinstance(average, RedNet), type(average)
    return average.eval()


@torch.inference_mode()
def measured(net: RedNet, faces: FaceSet) -> str:
    """Returns the cells of a row: errors, peaks, correlations."""
    rng = np.random.default_rng(1)
    crops = random_crops(faces.points, net.config.size, VALIDATION_SHIFT, rng, net.config.crop_scale)
    pictures, truth = cut(faces.images, crops), torch.from_numpy(crops.to_crop(faces.points)).float()
    eyes = torch.from_numpy(eye_distance(truth.numpy())).float()[:, None]
    cells = []
    for share in (0.0, 0.25, 0.5):
        outputs = net.image_steps(covered(pictures, truth, share))
        points, scores = net.read(outputs[-1])
        error = (points - truth).norm(dim=-1) / eyes  # (B, 68)
        cells.append(f"{100 * error.mean():.2f}")
        if not share:
            cells_behind = [f"{peaks(outputs[0].logits):.2f}"]
            apart = spread(net, pictures, SAMPLES) if "var68" in net.config.steps else None
            cells_behind.append("" if apart is None else f"{rank_correlation(apart / eyes, error):.2f}")
            cells_behind.append(f"{rank_correlation(-scores, error):.2f}")
    return " | ".join(cells + cells_behind)


def covered(pictures: Tensor, truth: Tensor, share: float) -> Tensor:
    """Returns crops (B, 3, S, S) with a share of the face's box covered, from its lower right corner."""
    low, high = truth.amin(1), truth.amax(1)
    start = high - (high - low) * share**0.5
    axis = torch.arange(pictures.shape[-1])
    across, down = ((axis >= start[:, k, None]) & (axis <= high[:, k, None]) for k in (0, 1))
    hidden = (down[:, :, None] & across[:, None])[:, None] & (share > 0)
    return torch.where(hidden, torch.tensor(0.5), pictures)


def peaks(logits: Tensor) -> float:
    """Returns the mean number of local maxima above half of the highest, of maps (B, C, M, M) before the sigmoid."""
    heat = logits.sigmoid()
    highest = heat.amax((2, 3), keepdim=True)
    return ((heat == F.max_pool2d(heat, 3, 1, 1)) & (heat > highest / 2)).sum((2, 3)).float().mean().item()


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Returns Spearman's correlation over all points."""
    ranks = [np.argsort(np.argsort(x.numpy().ravel())) for x in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


if __name__ == "__main__":
    main()
