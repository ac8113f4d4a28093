"""Stage 3 of the paper's three (section 5.1): the LSTM on clips of T frames, forward and backward in time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.points import PARTS
from redtrack.rednet import maps
from redtrack.rednet.model import Encoded, RedNet, StepOutput
from redtrack.rednet.predict import both_ways
from redtrack.rednet.tie import alone
from redtrack.training.landmarks.augment import OURS, Augmentation
from redtrack.training.landmarks.clips import Clip, random_clip, still_clip
from redtrack.training.landmarks.faces import FaceSet
from redtrack.training.landmarks.image import identity_part, step_losses
from redtrack.training.landmarks.losses import COORDINATE, REGRESSION, coordinate_loss, point_weight, regression_loss
from redtrack.training.loop import BatchLoss

WINDOWS = 2  # windows one after another in a training clip
REAL = 0.3  # share of real clips where there are any
REAL_TRUST = 0.5  # in the labels of real clips
SMOOTHNESS = 4.0  # weight of the error's second difference beside the coordinate term
OPENING = 12.0  # weight of how far shut eyes are taken for open
SHUT = 0.15  # part of an eye's width below which the distance of its lids counts as shut
EYES = slice(PARTS["right_eye"].start, PARTS["left_eye"].stop)  # six an eye: a corner, upper lid, a corner, lower lid


@dataclass
class ClipSet:
    """Stills to be moved, and real clips."""

    stills: FaceSet
    real: list[Clip] = field(default_factory=list)


@dataclass
class ClipBatch:
    """n clips: crops (n, T, 3, S, S), truth (n, T, 68, 2) in crop pixels, the trust in each one's labels (n,), and its
    person (n,), -1 where unknown."""

    crops: Tensor
    truth: Tensor
    trust: Tensor
    identity: Tensor


def set_frozen(net: RedNet, frozen: bool) -> None:
    """Whether the encoder-decoder and its heads stay as they are while the temporal part learns."""
    for module in (net.bodies, net.heads):
        module.requires_grad_(not frozen)


def random_batch(
    clips: ClipSet, n: int, frames: int, size: int, rng: np.random.Generator, scale: float, device: str = "cpu",
    how: Augmentation = OURS,
) -> ClipBatch:  # fmt: skip
    """n clips of so many frames on the device: real ones, and moved stills drawn by the trust in their labels."""
    usable = [c for c in clips.real if len(c) >= frames]
    stills = clips.stills
    made, trust, people = [], [], []
    for _ in range(n):
        real = bool(usable) and rng.random() < REAL
        if real:
            whole = usable[rng.integers(len(usable))]
            clip = whole.part(int(rng.integers(len(whole) - frames + 1)), frames)
        else:
            k = int(rng.choice(len(stills), p=stills.weight / stills.weight.sum(dtype=np.float64)))
            clip = still_clip(stills.images[k], stills.points[k], frames, float(stills.axis[k]))
        made.append([x.to(device) for x in random_clip(clip, size, rng, still=not real, scale=scale, how=how)])
        trust.append(REAL_TRUST if real else float(stills.weight[k]))
        people.append(-1 if real else int(stills.identity[k]))
    crops, truth = (torch.stack(x) for x in zip(*made, strict=True))
    return ClipBatch(crops, truth, torch.tensor(trust).to(device), torch.tensor(people).to(device))


def unsteadiness(points: Tensor, truth: Tensor, size: int, weight: Tensor) -> Tensor:
    """Mean length of the error's second difference, in hundredths of the crop. points, truth (N, T, P, 2).

    Lids hardly count, a 27th where they count three times elsewhere: what steadies them smooths blinks away.
    """
    error = (points - truth) * (100 / size)
    second = error[:, 2:] - 2 * error[:, 1:-1] + error[:, :-2]
    share = point_weight(points.shape[2]).to(points) ** -3
    length = ((second.square().sum(-1) + 1e-6).sqrt() * share).sum(2).mean(1) / share.sum()
    return (length * weight).sum() / weight.sum()


def opening(points: Tensor, truth: Tensor, size: int, weight: Tensor) -> Tensor:
    """Mean error of the distance of the lids of shut eyes, in hundredths of the crop. points, truth (N, T, P, 2).

    Blinks are short, and the coordinate term forgives large errors: it would have blinks smoothed a little.
    """
    ours, theirs = (p[:, :, EYES].unflatten(2, (2, 6)) * (100 / size) for p in (points, truth))  # (N, T, 2, 6, 2)
    found, true = ((eye[..., 4:, :].flip(-2) - eye[..., 1:3, :]).norm(dim=-1) for eye in (ours, theirs))  # (N, T, 2, 2)
    width = (theirs[..., 3, :] - theirs[..., 0, :]).norm(dim=-1).mean(-1)
    share = (true.mean((2, 3)) < SHUT * width).to(points) * weight[:, None]  # (N, T)
    return ((found - true).abs().mean((2, 3)) * share).sum() / share.sum().clamp_min(1)


def video_loss(
    clips: ClipSet, *, frames: int = 10, batch: int = 3, frozen: bool = True, half: bool = False, device: str = "cpu"
) -> BatchLoss:
    """The loss of a random batch of clips, both ways in time (eq. 11); with the encoder-decoder not frozen also those
    of the spatial steps before the last, and of who the person is where the network has a head for it (eq. 14).

    A clip is two windows of T frames one after the other, so that the border between windows counts as well: the
    paper's 5 clips of one window are 3 of two here. Batch norms keep their statistics: three clips show three people.
    """

    def loss(net: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(net, RedNet)
        net.bodies.eval()
        given = random_batch(clips, batch, WINDOWS * frames, net.config.size, rng, net.config.crop_scale, device)
        truth, trust = given.truth, given.trust
        windows = truth.unflatten(1, (WINDOWS, frames)).flatten(0, 1)  # (N * 2, T, P, 2)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
            encoded, first = encode(net, given.crops.flatten(0, 1), frozen)
            lengths = torch.full((len(windows),), frames, device=encoded.e.device)
            hidden = both_ways(net, encoded, lengths, frames, "both")
            out = net.decode_remembered(encoded, hidden)
        each = trust.repeat_interleave(WINDOWS * frames)
        target = maps.gaussian_maps(maps.crop_to_map(windows.flatten(0, 1), net.stride), net.map_size)
        parts = {"regression": REGRESSION * regression_loss(out.logits, target, each)}
        evidence = net.evidence(out, hidden, net.sigma_of(out)).float()  # (N * 2, T, 2, P, E)
        evidence = evidence.unflatten(0, (batch, WINDOWS)).flatten(1, 2)  # `tie` runs on from window to window
        parts |= point_losses(net, evidence, truth, trust)
        if not frozen:
            people = given.identity.repeat_interleave(WINDOWS * frames)
            parts |= still_losses(net, encoded, first, truth.flatten(0, 1), each, people)
        return torch.stack(list(parts.values())).sum(), parts

    return loss


def still_losses(
    net: RedNet, encoded: Encoded, first: list[StepOutput], truth: Tensor, weight: Tensor, people: Tensor
) -> dict[str, Tensor]:
    """What eq. 14 adds to the losses of the last step: the steps before it, and who the person is. truth (B, P, 2)."""
    parts: dict[str, Tensor] = {}
    for out in first:
        for name, value in step_losses(net, out, truth, weight).items():
            parts[f"first_{name}"] = parts.get(f"first_{name}", truth.new_zeros(())) + value
    if net.config.identities:
        parts["identity"] = identity_part(net, encoded.e, people)
    return parts


def point_losses(net: RedNet, evidence: Tensor, truth: Tensor, trust: Tensor) -> dict[str, Tensor]:
    """The points' losses, of each way through time and of both: evidence (N, T, 2, P, E), truth (N, T, P, 2)."""
    count, frames = truth.shape[:2]
    lengths = torch.full((count,), frames, device=truth.device)
    each, size = trust.repeat_interleave(frames), net.config.size
    coordinate = truth.new_zeros(())
    for name in ("forward", "backward", "both"):
        ways = evidence if name == "both" else evidence[:, :, ("forward", "backward").index(name), None]
        found = alone(net.recurrence, ways, lengths, name).points * size
        share = 1.0 if name == "both" else 0.5
        coordinate = coordinate + share * COORDINATE * coordinate_loss(
            found.flatten(0, 1), truth.flatten(0, 1), size, each
        )
    return {
        "coordinate": coordinate,
        "unsteady": SMOOTHNESS * unsteadiness(found, truth, size, trust),
        "opening": OPENING * opening(found, truth, size, trust),
    }


def encode(net: RedNet, crops: Tensor, frozen: bool) -> tuple[Encoded, list[StepOutput]]:
    """All of the last spatial step that comes before its LSTM, and the outputs of the steps before it where they are to
    learn. crops (B, 3, S, S)."""
    pictures = crops.contiguous(memory_format=torch.channels_last)
    if frozen:
        with torch.no_grad():
            return net.encode_last(pictures), []
    tasks, first = net.config.steps, []
    seen, z = net.look(pictures), net.first_feedback(len(pictures))
    for k in range(len(tasks) - 1):
        first.append(net.step(k, tasks, seen, z))
        z = net.feedback(first[-1])
    e, skips = net.body().encode(seen[-1], z)
    return Encoded(tasks[-1], e, skips), first
