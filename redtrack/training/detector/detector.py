"""Trains the face detector on whole photos with boxed faces: `redtrack train detector`."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.errors import UsageError, WeightsError
from redtrack.faces.detector import DetectorConfig, FaceDetector, cells
from redtrack.training.detector.cutouts import cutout_scenes
from redtrack.training.detector.loss import detector_loss, stack_truth
from redtrack.training.detector.mining import mine
from redtrack.training.detector.mosaics import Mosaics
from redtrack.training.detector.scenes import drawn_scenes, faceless_scenes, read_scenes
from redtrack.training.detector.spoil import cover, spoil
from redtrack.training.loop import read_checkpoint, update_average
from redtrack.training.parallel import check_alone
from redtrack.training.schedule import half_cosine

SIZES = (256, 256, 320, 192, 320, 384, 512)  # px; one is drawn for each batch
PIXELS = 32 * 256 * 256  # of one batch, whatever the size of its pictures
RATE = 2e-3  # AdamW's highest: a usual value, not tuned
WARM_UP = 200  # steps
KEEP = 0.999  # of the running average, a step
SAVE_EVERY = 120.0  # seconds
SAY_EVERY = 50  # steps
MINE_EVERY = 1500  # steps after which the photos are searched again for what the network gets wrong


class DetectorTraining:
    """A detector in training: network, its running average, optimiser, and the time spent so far."""

    def __init__(
        self, config: DetectorConfig | None = None, device: str = "cpu", start: FaceDetector | None = None
    ) -> None:
        self.device = torch.device(device)
        net = FaceDetector(config) if start is None else copy.deepcopy(start).requires_grad_(True)
        net.verifier, net.config = None, replace(net.config, verifier=0)  # it is trained afterwards, by itself
        self.net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.net).eval()
        self.optimiser = torch.optim.AdamW(parameters(self.net), lr=RATE, betas=(0.9, 0.99))
        self.step, self.seconds = 0, 0.0

    def learn(
        self, pictures: Tensor, boxes: list[np.ndarray], ignore: list[np.ndarray], rate: float
    ) -> dict[str, float]:
        """One step on pictures (B, 3, S, S) in 0..1; returns the losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate * min(1.0, (self.step + 1) / WARM_UP)
        truth = stack_truth(boxes, ignore, self.device)
        pictures = pictures.to(self.device, memory_format=torch.channels_last)
        self.net.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            logits, reach = self.net(pictures)
        centres, strides = cells(pictures.shape[-2], pictures.shape[-1], self.device)
        losses = detector_loss(logits.float(), reach.float(), centres, strides, truth)
        self.optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        update_average(self.average, self.net, KEEP, self.step)
        return {name: float(value.detach()) for name, value in losses.items()}

    def save(self, path: Path) -> None:
        """Writes everything needed to go on, under its final name only when complete."""
        state = {
            "config": asdict(self.net.config), "net": self.net.state_dict(), "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(), "step": self.step, "seconds": self.seconds,
        }  # fmt: skip
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(path)

    @classmethod
    def resume(cls, path: Path, device: str = "cpu") -> DetectorTraining:
        """A training that goes on from `path`."""
        if not path.is_file():
            raise WeightsError("there is no training to resume", path=path)
        state = read_checkpoint(path, device)
        training = cls(DetectorConfig(**state["config"]), device)
        training.net.load_state_dict(state["net"])
        training.average.load_state_dict(state["average"])
        training.optimiser.load_state_dict(state["optimiser"])
        training.step, training.seconds = state["step"], state["seconds"]
        return training


def parameters(net: nn.Module) -> list[dict[str, object]]:
    """Parameter groups: weights decay, biases and normalisation do not."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": 0.03}, {"params": others, "weight_decay": 0.0}]


def batches(mosaics: Mosaics, seed: int) -> Iterator[tuple[Tensor, list[np.ndarray], list[np.ndarray]]]:
    """Endless batches: pictures (B, 3, S, S) in 0..1, boxes and ignore marks of each."""
    generator = torch.Generator().manual_seed(seed)
    random = np.random.default_rng(seed)
    while True:
        size = int(random.choice(SIZES))
        drawn = [mosaics.draw(size) for _ in range(max(1, PIXELS // size**2))]
        pictures = torch.stack([one.picture for one in drawn])
        cover(pictures, [one.boxes for one in drawn], random)
        yield spoil(pictures, generator), [one.boxes for one in drawn], [one.ignore for one in drawn]


def look_again(training: DetectorTraining, mosaics: Mosaics, report: Callable[[str], None]) -> None:
    """Tells the mosaics which places of the training photos the network now gets wrong."""
    mistakes = mine(training.average, mosaics.scenes, str(training.device))
    mosaics.hard = [mistakes.faces, mistakes.others]
    report(f"{len(mistakes.faces)} faces hardly seen, {len(mistakes.others)} boxes that are no face")


def read_mosaics(data: Path, faces: Sequence[Path], seed: int, step: int, report: Callable[[str], None]) -> Mosaics:
    """Mosaics of the photos that are not held out and, in places, of cut-out faces; reports how many there are."""
    cutouts = [scene for folder in faces for scene in cutout_scenes(folder)]
    photos = read_scenes(data, validation=False)
    if not photos:
        raise UsageError("names no photo to train on", data / "boxes.csv", "add photos; a tenth is held out")
    faceless = [*faceless_scenes(), *drawn_scenes(60, seed)]
    report(f"{len(photos)} photos, {len(faceless)} without faces, {len(cutouts)} cut-out faces, from step {step}")
    return Mosaics(photos, faceless, seed + step, cutouts)


class LossReport:
    """Says the running means of the losses, now and then."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._means: dict[str, float] = {}

    def add(self, training: DetectorTraining, losses: dict[str, float], rate: float) -> None:
        """Takes the losses of the step that was just done, with the rate that it had."""
        self._means = {name: 0.98 * self._means.get(name, value) + 0.02 * value for name, value in losses.items()}
        if training.step % SAY_EVERY == 0:
            text = ", ".join(f"{name} {value:.4f}" for name, value in self._means.items())
            self._report(f"step {training.step}, {training.seconds / 60:.1f} min, rate {rate:.5f}: {text}")


def train_detector(
    data: str | Path,
    out: str | Path,
    minutes: float,
    device: str = "cpu",
    resume: bool = False,
    config: DetectorConfig | None = None,
    seed: int = 0,
    report: Callable[[str], None] = print,
    steps: int | None = None,
    start: FaceDetector | None = None,
    rate: float = RATE,
    faces: Sequence[Path] = (),
) -> FaceDetector:
    """Trains on `data`/boxes.csv until `minutes` have been spent, or `steps` done, in all; returns the average network.

    `out` is a folder: `training.pt` in it holds all that `resume` needs, and is written every two minutes, at the end
    and on Ctrl-C. The learning rate falls along half a cosine over the whole time, so more minutes than before continue
    a training at the rate that suits the longer one. `start` is a trained network to go on from, as a new training.
    `faces` are folders of cut-out faces with `.pts` files, which the mosaics show too. Raises UsageError where `out`
    holds a run already, `data` no photo to train on, or torchrun started several processes; WeightsError where
    there is nothing to resume.
    """
    check_alone("the detector")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "training.pt"
    if checkpoint.exists() and not resume:
        raise UsageError("the folder holds a run", out, "add --resume, or name another by --out")
    training = DetectorTraining.resume(checkpoint, device) if resume else DetectorTraining(config, device, start)
    torch.manual_seed(seed + training.step)
    mosaics = read_mosaics(Path(data), faces, seed, training.step, report)
    said, saved, clock = LossReport(report), time.monotonic(), time.monotonic() - training.seconds
    due = MINE_EVERY if start is None else 0
    try:
        for pictures, boxes, ignore in batches(mosaics, seed + training.step):
            training.seconds = time.monotonic() - clock
            if training.seconds >= 60 * minutes or (steps is not None and training.step >= steps):
                break
            if training.step >= due:
                due = training.step + MINE_EVERY
                look_again(training, mosaics, report)
            now = rate * half_cosine(training.seconds / (60 * minutes))
            said.add(training, training.learn(pictures, boxes, ignore, now), now)
            if time.monotonic() - saved > SAVE_EVERY:
                training.save(checkpoint)
                saved = time.monotonic()
    except KeyboardInterrupt:
        training.save(checkpoint)
        raise
    training.save(checkpoint)
    return training.average
