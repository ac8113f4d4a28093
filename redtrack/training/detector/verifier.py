"""Trains the detector's second opinion on what the detector proposes in its training photos."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.faces.detect import NetworkDetector
from redtrack.faces.detector import FaceDetector
from redtrack.faces.verifier import CONTEXT, SIZE, Verifier
from redtrack.geometry import box_iou
from redtrack.training.detector.detector import parameters
from redtrack.training.detector.evaluation import share_inside
from redtrack.training.detector.mosaics import STRETCH
from redtrack.training.detector.scenes import (
    Scene,
    as_frame,
    cut_whole,
    faceless_scenes,
    read_scenes,
    rotation,
    sample,
    stretch,
)  # fmt: skip
from redtrack.training.detector.spoil import blur, colours, compress, night, noise, smear, some
from redtrack.training.loop import update_average
from redtrack.training.schedule import half_cosine

LEAST = 0.12  # score from which a box is learnt from
FACE, NO_FACE = 0.5, 0.35  # IoU from which a box is a face's, and below which it is none; between, it is not used
UNSURE, LIKELY = 0.7, 0.3  # faces found with less than the first are shown as often as all others together, and so
# are boxes that are none but have more than the second
FACELESS_VIEWS = 12  # of each of the few pictures without any face
BATCH = 128
RATE = 2e-3  # AdamW's highest: a usual value, not tuned
WARM_UP = 100  # steps
KEEP = 0.998  # of the running average, a step


@dataclass(frozen=True)
class Proposal:
    """A square of a photo that the detector took for a face's, or that is one's."""

    scene: Scene
    inverse: np.ndarray  # (2, 3): position in the square (px) -> position in the photo
    score: float


@dataclass(frozen=True)
class Proposals:
    """What there is to learn from."""

    sure: list[Proposal]  # faces that the detector is sure of
    unsure: list[Proposal]  # faces that it is not
    likely: list[Proposal]  # no faces, though the detector thought so
    others: list[Proposal]  # no faces

    def join(self, more: Proposals) -> None:
        """Takes in others."""
        for own, new in zip(vars(self).values(), vars(more).values(), strict=True):
            own.extend(new)


def propose(net: FaceDetector, scenes: Sequence[Scene], views: int, device: str = "cpu", seed: int = 0) -> Proposals:
    """The boxes that a network proposes in `views` versions of each photo: as it is, then scaled, turned, stretched."""
    detector = NetworkDetector(net, device, threshold=LEAST, weak=LEAST, verify=False)
    random = np.random.default_rng(seed)
    found = Proposals([], [], [], [])
    for turn in range(views):
        for scene in scenes:
            scale = 1.0 if turn == 0 else float(np.exp(random.uniform(-0.7, 0.25)))
            degrees = 0.0 if turn == 0 else float(random.uniform(-40, 40))
            wider = 1.0 if turn == 0 else float(np.exp(random.uniform(-STRETCH, STRETCH)))
            _propose(detector, scene, (scale, degrees, wider), found)
    return found


def _propose(detector: NetworkDetector, scene: Scene, view: tuple[float, float, float], found: Proposals) -> None:
    shown, matrix = cut_whole(scene, *view)
    rows = detector.detect(as_frame(shown.picture)[None])[0]
    faces = shown.boxes[~shown.ignore]
    overlap = box_iou(rows[:, :4], faces).max(1) if len(faces) and len(rows) else np.zeros(len(rows))
    doubtful = share_inside(rows[:, :4], shown.boxes[shown.ignore]) >= 0.4
    for row, share, doubt in zip(rows, overlap, doubtful, strict=True):
        proposal = Proposal(scene, square_to_scene(row[:4], matrix), float(row[4]))
        if share >= FACE:
            (found.sure if row[4] >= UNSURE else found.unsure).append(proposal)
        elif share < NO_FACE and not doubt:
            (found.likely if row[4] >= LIKELY else found.others).append(proposal)
    best = box_iou(faces, rows[:, :4]).max(1) if len(faces) and len(rows) else np.zeros(len(faces))
    found.unsure.extend(Proposal(scene, square_to_scene(box, matrix), 0.0) for box in faces[best < FACE])


def square_to_scene(box: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The map (2, 3) from the square around a box (4,) of a tile to the photo, whose map to the tile is `matrix`."""
    side = CONTEXT * math.sqrt(max((box[2] - box[0]) * (box[3] - box[1]), 1.0))
    step = side / SIZE
    corner = (box[:2] + box[2:]) / 2 - step * (SIZE - 1) / 2
    back = np.linalg.inv(matrix[:, :2])
    return np.concatenate([back * step, (back @ (corner - matrix[:, 2]))[:, None]], axis=1)


class Squares:
    """Random training squares, moved, scaled, turned, mirrored and spoilt a little."""

    def __init__(self, proposals: Proposals, seed: int = 0) -> None:
        self.proposals = proposals
        self.random = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Squares (count, 3, S, S) in 0..1 and labels (count,): half of them faces, half of either kind hard ones."""
        faces = self.random.random(count) < 0.5
        tiles = [self.square(self.pick(bool(face))) for face in faces]
        pictures = colours(torch.stack(tiles), self.generator)
        for rate, damage in DAMAGES:
            pictures = some(pictures, rate, self.generator, damage)
        return pictures.clamp_(0, 1), torch.from_numpy(faces.astype(np.float32))

    def pick(self, face: bool) -> Proposal:
        """One proposal of a kind."""
        known = self.proposals
        kinds = [kind for kind in ((known.sure, known.unsure) if face else (known.likely, known.others)) if kind]
        kind = kinds[int(self.random.integers(len(kinds)))]
        return kind[int(self.random.integers(len(kind)))]

    def square(self, proposal: Proposal) -> Tensor:
        """A proposal as (3, S, S), farther off than a detector's boxes are, half of the time partly hidden.

        Photos are few, and what is learnt from them has to hold for others.
        """
        random = self.random
        angle, scale, wider = np.radians(random.normal() * 12), *np.exp(random.normal(size=2) * (0.12, 0.12))
        linear = scale * rotation(angle) @ stretch(wider) @ np.diag([random.choice([-1, 1]), 1])
        middle = np.array([SIZE - 1, SIZE - 1]) / 2
        move = middle + random.normal(size=2) * 0.07 * SIZE / CONTEXT - linear @ middle
        back = proposal.inverse[:, :2]
        inverse = np.concatenate([back @ linear, (back @ move + proposal.inverse[:, 2])[:, None]], axis=1)
        return hide(sample(proposal.scene, inverse, SIZE, SIZE), random)


def hide(square: Tensor, random: np.random.Generator) -> Tensor:
    """Hides part of a square (3, S, S), in place: one in four beyond a black edge, one in four behind a rectangle."""
    kind = random.random()
    if kind < 0.25:
        side, depth = int(random.integers(4)), int(random.integers(1, SIZE // 3))
        upright = square if side < 2 else square.transpose(1, 2)
        (upright[:, :depth] if side % 2 else upright[:, -depth:]).zero_()
    elif kind < 0.5:
        height, width = (int(length) for length in random.integers(SIZE // 10, 2 * SIZE // 5, 2))
        top, left = int(random.integers(SIZE - height)), int(random.integers(SIZE - width))
        colour = torch.from_numpy(random.random((3, 1, 1)).astype(np.float32))
        square[:, top : top + height, left : left + width] = colour
    return square


def soften(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """What is left after a smaller picture was enlarged: 16 to 40 px a side."""
    side = int(torch.randint(16, 41, (1,), generator=generator))
    small = F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True)
    return F.interpolate(small, size=pictures.shape[-2:], mode="bilinear")


DAMAGES = ((0.15, soften), (0.08, blur), (0.05, smear), (0.02, night), (0.1, noise), (0.15, compress))


def with_verifier(
    net: FaceDetector,
    data: str | Path,
    minutes: float,
    device: str = "cpu",
    seed: int = 0,
    report: Callable[[str], None] = print,
    width: int = 24,
    views: int = 3,
    steps: int | None = None,
    start: Verifier | None = None,
) -> FaceDetector:
    """A copy of a detector with a verifier trained for `minutes` on what it proposes in the photos of
    `data`/boxes.csv; without one where it proposes nothing that is no face, or no faces. `start` is a trained one to go
    on from, whose width then counts.
    """
    proposals = propose(net, read_scenes(data, validation=False), views, device, seed)
    proposals.join(propose(net, faceless_scenes(), FACELESS_VIEWS, device, seed + 1))
    none = len(proposals.likely) + len(proposals.others)
    report(f"{len(proposals.sure)} + {len(proposals.unsure)} faces, {none} boxes that are none")
    if not none or not proposals.sure + proposals.unsure:
        report("nothing to tell apart: there will be no verifier")
        return net
    torch.manual_seed(seed)
    verifier = Verifier(width) if start is None else copy.deepcopy(start).requires_grad_(True)
    net = copy.deepcopy(net)
    net.verifier = train_verifier(verifier, proposals, minutes, device, seed, report, steps)
    net.config = replace(net.config, verifier=verifier.width)
    return net


def train_verifier(
    net: Verifier,
    proposals: Proposals,
    minutes: float,
    device: str = "cpu",
    seed: int = 0,
    report: Callable[[str], None] = print,
    steps: int | None = None,
) -> Verifier:
    """Trains a verifier for `minutes`, or `steps` batches; returns the average over the last of them."""
    net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(parameters(net), lr=RATE, betas=(0.9, 0.99))
    squares, began, step, mean = Squares(proposals, seed), time.monotonic(), 0, 0.7
    while (gone := (time.monotonic() - began) / (60 * minutes)) < 1 and (steps is None or step < steps):
        rate = RATE * min(1.0, (step + 1) / WARM_UP) * half_cosine(gone)
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = learn(net, optimiser, *squares.draw(BATCH), device)
        step += 1
        update_average(average, net, KEEP, step)
        mean = 0.99 * mean + 0.01 * loss
        if step % 200 == 0:
            report(f"verifier: step {step}, {60 * gone * minutes:.0f} s, rate {rate:.5f}: {mean:.4f}")
    return average


def learn(net: Verifier, optimiser: torch.optim.Optimizer, pictures: Tensor, faces: Tensor, device: str) -> float:
    """One step; returns the loss."""
    net.train()
    pictures = pictures.to(device, memory_format=torch.channels_last)
    with torch.autocast(torch.device(device).type, torch.bfloat16):
        logits = net(pictures)
    loss = F.binary_cross_entropy_with_logits(logits.float(), faces.to(device))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()
    return float(loss.detach())
