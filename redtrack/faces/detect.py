"""Faces in pictures: the interface of a detector, and our own network behind it."""

from __future__ import annotations

import copy
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from redtrack.device import hardware
from redtrack.faces.detector import FaceDetector
from redtrack.faces.overlap import covered_share, sizes
from redtrack.faces.verifier import squares
from redtrack.fuse import fuse
from redtrack.geometry import box_area, box_iou

Boxes = NDArray[np.float32]

SAME_FACE = 0.45  # boxes of one picture that overlap more are one face: a usual value, not tuned
VOTE = 0.65  # boxes that overlap the best one more are averaged with it, which steadies it from frame to frame
INSIDE, LESS_SURE = 0.75, 0.8  # a box that lies in a better one by this share, with less than that share of its score,
# is a part of its face
MULTIPLE = 32  # px; the network's coarsest stride
GLANCE = 4  # the picture is also looked at this many times smaller, for faces that fill it
SEAM = (160.0, 320.0)  # px of the reduced picture: faces below the first are left to it, above the second to the glance

PROPOSED, SURE = 0.2, 0.85  # scores of boxes that the verifier is asked about; surer ones are faces anyway
WORD, LIMIT = 0.25, 4.0  # weight of its logit in the mean of the two, and the most that it counts: chosen on the
# validation photos, where 0.15 finds two of 505 faces fewer
SMALL_FACE = 40.0  # px of the reduced picture: where smaller faces are seen there may be others, too small to be seen
CLOSER, CLOSEST = 1.25, 2560  # a frame larger than the reduced picture by this factor is then looked at more closely,
# up to so many px
DEMANDING = 30.0  # px of the reduced picture, below which a box has to be surer: its logit is 1 less at half of this
LARGE = 200.0  # px of the reduced picture, from which its word may only lower a score: it has seen too few cats


class Detector(Protocol):
    """Anything that finds faces: the one method that another detector has to offer."""

    def detect(self, frames: Tensor) -> list[Boxes]:
        """For each of N frames, uint8 (N, H, W, 3) RGB, float32 (M, 5) rows x0 y0 x1 y1 score in frame
        pixels.
        """
        ...


class NetworkDetector:
    """Our own `FaceDetector` on pictures reduced to `long_side` px, and on those again at a quarter of the size.

    `threshold` and `weak` are scores: `detect` gives the faces above the first, `candidates` also those above
    the second, which are faces only where the frames around say so. All three default to the network's own.
    Where small faces are seen, the same is done at twice the size, and again, up to `CLOSEST` px.
    Boxes of middling score are judged again by the network's verifier, if it has one and `verify` is not False.
    CPUs that multiply bfloat16 do so here, which is quicker.
    """

    def __init__(
        self,
        net: FaceDetector,
        device: str | torch.device = "cpu",
        long_side: int | None = None,
        threshold: float | None = None,
        weak: float | None = None,
        batch: int = 4,
        verify: bool = True,
    ) -> None:
        config = net.config
        self.device = torch.device(device)
        self.long_side = long_side or config.long_side
        self.threshold = config.threshold if threshold is None else threshold
        self.weak = min(self.threshold, config.weak if weak is None else weak)
        self.batch = batch
        self.net = fuse(copy.deepcopy(net).eval()).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.verifier = getattr(self.net, "verifier", None) if verify else None
        self.half = hardware(self.device).precision("auto").around == "bf16"

    def detect(self, frames: Tensor) -> list[Boxes]:
        """Faces of N frames uint8 (N, H, W, 3): float32 (M, 5) each, x0 y0 x1 y1 score in frame px, best
        first.
        """
        return [rows[rows[:, 4] >= self.threshold] for rows in self.candidates(frames)]

    def candidates(self, frames: Tensor, long_side: int | None = None) -> list[Boxes]:
        """The same down to the score `weak`; with a `long_side` in pictures reduced to so many px, and no closer."""
        found: list[Boxes] = []
        for start in range(0, len(frames), self.batch):
            found += self._detect_batch(frames[start : start + self.batch], long_side)
        return found

    @torch.inference_mode()
    def _detect_batch(self, frames: Tensor, long_side: int | None) -> list[Boxes]:
        found = self._find(frames.to(self.device), long_side or self.long_side)
        if long_side:
            return found
        return [self._look_closer(frame, rows, self.long_side) for frame, rows in zip(frames, found, strict=True)]

    def _look_closer(self, frame: Tensor, rows: Boxes, long_side: int) -> Boxes:
        """The rows of a frame (H, W, 3) that was seen with `long_side` px; where some are of small faces, and the frame
        has more to show, with those that show at twice the size.
        """
        own = max(frame.shape[:2])
        scale = long_side / own
        if min(own, CLOSEST) < CLOSER * long_side or not (sizes(rows) * scale < SMALL_FACE).any():
            return rows
        closer = min(2 * long_side, own, CLOSEST)
        more = self._look_closer(frame, self._find(frame[None].to(self.device), closer)[0], closer)
        return suppress(np.concatenate([rows, more[sizes(more) * scale < 2 * SMALL_FACE]]))

    def _find(self, frames: Tensor, long_side: int) -> list[Boxes]:
        """Rows (M, 5) in frame px, best first, of each frame (N, H, W, 3) seen with `long_side` px."""
        height, width = frames.shape[1:3]
        seen, ratio = reduce(frames, long_side)
        pictures = unit(seen)
        rows, owner = self._look(pictures)
        if long_side > SEAM[1]:
            less, less_ratio = reduce(seen, round(long_side / GLANCE))
            far, far_owner = self._look(unit(less))
            far[:, :4] = (far[:, :4] + 0.5) / np.tile(less_ratio, 2) - 0.5
            small, large = sizes(rows) < SEAM[1], sizes(far) >= SEAM[0]
            rows, owner = np.concatenate([rows[small], far[large]]), np.concatenate([owner[small], far_owner[large]])
        rows[:, :4] = (rows[:, :4] + 0.5) / np.tile(ratio, 2) - 0.5
        rows[:, 0:4:2] = rows[:, 0:4:2].clip(0, width - 1)
        rows[:, 1:4:2] = rows[:, 1:4:2].clip(0, height - 1)
        found = [suppress(rows[owner == index]) for index in range(len(frames))]
        inside = pictures[:, :, : seen.shape[1], : seen.shape[2]]  # without what was added to fit the strides
        return found if self.verifier is None else self._verify(inside, ratio, found)

    def _verify(self, pictures: Tensor, ratio: NDArray[np.float64], found: list[Boxes]) -> list[Boxes]:
        """The rows of each picture with the verifier's opinion in their scores, best first, those below `weak`
        gone.
        """
        rows, owner = np.concatenate(found), np.repeat(np.arange(len(found)), [len(one) for one in found])
        side = sizes((rows[:, :4] + 0.5) * np.tile(ratio, 2))
        large = side >= LARGE
        asked = np.flatnonzero((rows[:, 4] < SURE) & (~large | (rows[:, 4] >= self.weak)))
        if len(asked):
            boxes, before = (rows[asked, :4] + 0.5) * np.tile(ratio, 2) - 0.5, rows[asked, 4]
            after = agreed(before, self._judge(squares(pictures, boxes, owner[asked].tolist())))
            rows[asked, 4] = np.where(large[asked], np.minimum(before, after), after)
        rows[:, 4] = moved(rows[:, 4], np.minimum(np.log2(side / DEMANDING), 0))
        kept = [rows[(owner == index) & (rows[:, 4] >= self.weak)] for index in range(len(found))]
        return [one[np.argsort(-one[:, 4], kind="stable")] for one in kept]

    def _judge(self, crops: Tensor) -> NDArray[np.float32]:
        """The verifier's logits of squares (K, 3, S, S): the mean over each and its mirror image."""
        assert self.verifier is not None, "there is no verifier"
        both = torch.cat([crops, crops.flip(-1)]).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            opinion: Tensor = self.verifier(both)
        return opinion.float().unflatten(0, (2, -1)).mean(0).cpu().numpy()

    def _look(self, pictures: Tensor) -> tuple[Boxes, NDArray[np.int64]]:
        """Rows (M, 5) in px of `pictures` (N, 3, h, w), and the picture (M,) of each."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits, boxes = self.net(pictures)  # (N, A), (N, A, 4)
        scores = logits.float().sigmoid()
        least = self.weak if self.verifier is None else min(self.weak, PROPOSED)
        picture, cell = torch.nonzero(scores >= least, as_tuple=True)
        rows = torch.cat([boxes[picture, cell], scores[picture, cell, None]], dim=1).float()
        return rows.cpu().numpy(), picture.cpu().numpy()


def reduce(frames: Tensor, long_side: int) -> tuple[Tensor, NDArray[np.float64]]:
    """Frames (N, H, W, 3) of 0 to 255 with a long side of `long_side` px, (N, h, w, 3), and their x and y scale.

    Bytes stay bytes on a CPU, which resizes them several times faster than floats.
    """
    height, width = frames.shape[1:3]
    scale = long_side / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if size != (height, width):
        pictures = frames.permute(0, 3, 1, 2)  # (N, 3, H, W), channels last in memory
        if not hardware(pictures.device).resizes_bytes:
            pictures = pictures.float()
        frames = F.interpolate(pictures, size=size, mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    return frames, np.array([size[1] / width, size[0] / height])


def unit(frames: Tensor) -> Tensor:
    """Frames (N, H, W, 3) of 0 to 255 as float pictures (N, 3, h, w) in 0..1, channels last in memory.

    Black is added on the right and below, up to multiples of what the network halves.
    """
    height, width = frames.shape[1:3]
    padded = F.pad(frames, (0, 0, 0, -width % MULTIPLE, 0, -height % MULTIPLE))
    return padded.permute(0, 3, 1, 2).float().div_(255)


def agreed(score: NDArray[np.floating], opinion: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scores (K,) of the detector and logits (K,) of the verifier as one score: a weighted mean of logits."""
    return sigmoid((1 - WORD) * logit(score) + WORD * opinion.clip(-LIMIT, LIMIT))


def moved(score: NDArray[np.floating], by: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scores (K,) whose logits are `by` (K,) more."""
    return sigmoid(logit(score) + by)


def logit(score: NDArray[np.floating]) -> NDArray[np.floating]:
    """The inverse of `sigmoid`, finite for scores of 0 and 1."""
    score = score.clip(1e-4, 1 - 1e-4)
    return np.log(score / (1 - score))


def sigmoid(value: NDArray[np.floating]) -> NDArray[np.floating]:
    """1 / (1 + exp(-value))"""
    return 1 / (1 + np.exp(-value))


def suppress(rows: Boxes) -> Boxes:
    """One row for each face of one picture, best first: greedy suppression, boxes averaged by score.

    rows (M, 5) x0 y0 x1 y1 score -> (m, 5).
    """
    rows = rows[box_area(rows) > 0]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")].astype(np.float32)
    overlap = box_iou(rows[:, :4], rows[:, :4])
    free = np.ones(len(rows), bool)
    kept = []
    for index in range(len(rows)):
        if not free[index]:
            continue
        voters = free & (overlap[index] >= VOTE)
        weight = rows[voters, 4:]
        kept.append(np.append((rows[voters, :4] * weight).sum(0) / weight.sum(), rows[index, 4]))
        weaker = rows[:, 4] < LESS_SURE * rows[index, 4]
        free &= (overlap[index] < SAME_FACE) & ~(weaker & (covered_share(rows[index, :4], rows[:, :4]) >= INSIDE))
    return np.array(kept, np.float32).reshape(-1, 5)
