"""The recurrence of the points alone, learnt from what a network says of clips that it looks at once.

All before it stays as it is, so that its word on a frame is always the same: clips are looked at first, and a batch
then takes a fifth of a second of one core. Ours, as the recurrence is (`redtrack.rednet.temporal`). N clips, F frames,
P points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import trange

from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import both_ways
from redtrack.training.landmarks.augment import OURS
from redtrack.training.landmarks.video import WINDOWS, ClipSet, encode, point_losses, random_batch
from redtrack.training.loop import BatchLoss

CLIPS = 640  # looked at by default: 13,000 frames
AT_ONCE = 4  # clips
# Single frames know all that can be known of a still face in the open; lids and lips are fast, and not to be smoothed.
HOW = replace(OURS, occlude=0.6, shut=0.7, talk=0.4)


@dataclass(frozen=True)
class Kept:
    """What a network says of clips, and the truth.

    hidden (N, F, 2, 256) of each direction of time, points (N, F, P, 2) and truth (N, F, P, 2) in crop pixels, scores
    (N, F, P), sigma (N, F, P, 3) in square crop sides or None, trust (N,).
    """

    hidden: Tensor
    points: Tensor
    scores: Tensor
    sigma: Tensor | None
    truth: Tensor
    trust: Tensor

    def evidence(self, net: RedNet, index: Tensor) -> Tensor:
        """What the recurrence has to know of some clips (n,): (n, F, 2, P, E)."""
        sigma = None if self.sigma is None else self.sigma[index]
        points, scores = self.points[index] / net.config.size, self.scores[index]
        ways = [net.recurrence.evidence(hidden, points, scores, sigma) for hidden in self.hidden[index].unbind(2)]
        return torch.stack(ways, 2)


def set_learning(net: RedNet) -> None:
    """Leaves all but the recurrence of the points as it is."""
    net.requires_grad_(False)
    net.recurrence.requires_grad_(True)


def recurrence_loss(kept: Kept, *, batch: int = 16) -> BatchLoss:
    """The loss of a random batch of the clips that were looked at."""

    def loss(net: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(net, RedNet)
        index = torch.from_numpy(rng.integers(len(kept.truth), size=batch)).to(kept.truth.device)
        parts = point_losses(net, kept.evidence(net, index), kept.truth[index], kept.trust[index])
        return torch.stack(list(parts.values())).sum(), parts

    return loss


@torch.no_grad()
def look_once(
    net: RedNet, clips: ClipSet, rng: np.random.Generator, *, frames: int, count: int = CLIPS, device: str = "cpu",
    show: bool = False,
) -> Kept:  # fmt: skip
    """What a network, in evaluation mode, says of `count` random clips of two windows."""
    learns, length = net.training, WINDOWS * frames
    net.eval()
    found: list[tuple[Tensor, ...]] = []
    for start in trange(0, count, AT_ONCE, desc="looking at clips", disable=not show, leave=False):
        n = min(AT_ONCE, count - start)
        given = random_batch(clips, n, length, net.config.size, rng, net.config.crop_scale, device, HOW)
        encoded, _ = encode(net, given.crops.flatten(0, 1), True)
        lengths = torch.full((WINDOWS * n,), frames, device=encoded.e.device)
        hidden = both_ways(net, encoded, lengths, frames, "both")
        out = net.decode_remembered(encoded, hidden)
        points, scores = net.read(out)
        sigma = net.sigma_of(out)
        each = [points, scores] if sigma is None else [points, scores, sigma]
        seen = [values.float().unflatten(0, (n, length)) for values in each]
        ways = torch.stack([way.float() for way in hidden], 2).unflatten(0, (n, WINDOWS)).flatten(1, 2)
        found.append((given.truth, given.trust, ways, *seen))
    net.train(learns)
    truth, trust, ways, points, scores, *rest = (torch.cat(values) for values in zip(*found, strict=True))
    return Kept(ways, points, scores, rest[0] if rest else None, truth, trust)
