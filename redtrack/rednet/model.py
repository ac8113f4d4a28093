"""RED-Net: the encoder-decoder looped in space (section 3.2) and in time (section 3.3).

N windows, T frames, S crop side, M map side, P points. B = N * T pictures go through the convolutions at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from redtrack.points import MEAN_SHAPE, SEVEN
from redtrack.rednet import maps
from redtrack.rednet.body import Body
from redtrack.rednet.certainty import Certainty
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.identity import IdentityHead
from redtrack.rednet.small import LARGE, SmallBody
from redtrack.rednet.temporal import PointRecurrence, TemporalState, TemporalUpdate, first_state
from redtrack.rednet.variational import Code, SampledBottleneck

PIXEL_MEAN = (0.485, 0.456, 0.406)  # ImageNet's, so that its VGG and ResNet weights fit as a start
PIXEL_STD = (0.229, 0.224, 0.225)
N_MAPS = {"det7": 7, "det68": 68, "reg68": 68, "var68": 68}


@dataclass(frozen=True, eq=False)
class StepOutput:
    """What one spatial step gives: its task, its maps before the sigmoid (B, C, M, M), its bottleneck (B, C, h, w), and
    the features (B, F, M, M) that the maps were read from; of a variational step its code."""

    task: str
    logits: Tensor
    e: Tensor
    features: Tensor
    code: Code | None = None

    @cached_property
    def reading(self) -> maps.Reading:
        """The points of the maps, in map cells, and their spread."""
        return maps.read(self.logits)


class Memory(NamedTuple):
    """The LSTM's hidden states of each frame (N, T, 256), and its state h, c (N, 256) after the last one."""

    hidden: Tensor
    h: Tensor
    c: Tensor


class Encoded(NamedTuple):
    """The last spatial step before its decoder: its task, its bottleneck (B, C, h, w) and its skips."""

    task: str
    e: Tensor
    skips: list[Tensor]


def make_body(name: str, feedback: int = len(SEVEN)) -> nn.Module:
    """An untrained encoder-decoder by name, which is fed so many maps."""
    if name == "small":
        return SmallBody(feedback)
    if name == "large":
        return SmallBody(feedback, LARGE)
    if name == "vgg16":
        from redtrack.rednet.vgg16 import Vgg16Body

        return Vgg16Body(feedback)
    if name == "resnet152":
        from redtrack.rednet.resnet152 import Resnet152Body

        return Resnet152Body(feedback)
    raise AssertionError(f"no body {name!r}")


class RedNet(nn.Module):
    """The whole network, figure 1, built from its config."""

    def __init__(self, config: RedNetConfig) -> None:
        super().__init__()
        self.config = config
        n_bodies = 1 if config.shared else len(config.steps)
        self.bodies = nn.ModuleList(make_body(config.body, config.feedback_maps) for _ in range(n_bodies))
        body = self.body()
        # Section 4.2: the tasks share everything but the last convolution.
        self.heads = nn.ModuleDict({t: nn.Conv2d(body.features, N_MAPS[t], 1) for t in dict.fromkeys(config.steps)})
        if "var68" in config.steps:
            channels = body.id_channels + body.pe_channels
            self.variational = SampledBottleneck(channels, body.skip_channels, config.sampled)
        if config.temporal:
            self.temporal = TemporalUpdate(body.pe_channels, body.pool)
            self.recurrence = PointRecurrence(config.certainty, config.aligned)
        if config.certainty:
            self.certainty = Certainty(body.features, body.id_channels + body.pe_channels)
        if config.identities:
            self.identity = IdentityHead(body.id_channels, body.pool, config.identities)
        self.pixel_mean: Tensor
        self.pixel_std: Tensor
        self.register_buffer("pixel_mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1), persistent=False)

    def body(self, k: int = -1) -> Body:
        """The k-th encoder-decoder; there is but one unless the steps share nothing."""
        return cast(Body, self.bodies[k])

    def body_of_step(self, k: int, n: int) -> int:
        """Which body does step k of n: of fewer steps than bodies the last ones, with more the last repeats."""
        return min(k + max(0, len(self.bodies) - n), len(self.bodies) - 1)

    @property
    def map_size(self) -> int:
        return self.body().map_size

    @property
    def stride(self) -> float:
        """Crop pixels per map cell."""
        return self.config.size / self.map_size

    def first_feedback(self, n: int) -> Tensor:
        """z0 of eq. 5 for n pictures: (n, 7, M, M), or 68 maps where a step before is variational."""
        like, count = self.pixel_mean, self.config.feedback_maps
        if self.config.z0 == "zeros":
            return like.new_zeros(n, count, self.map_size, self.map_size)
        fed = list(SEVEN) if count == len(SEVEN) else slice(None)
        mean = (MEAN_SHAPE[fed] - 0.5) / self.config.crop_scale + 0.5  # in crop sides
        cells = torch.as_tensor(mean, dtype=like.dtype, device=like.device) * self.map_size - 0.5
        return maps.disc_maps(cells[None], self.map_size).expand(n, -1, -1, -1)

    def look(self, crops: Tensor) -> list[Tensor]:
        """What each body sees in all its steps. crops (B, 3, S, S) in 0..1."""
        pictures = (crops - self.pixel_mean).div_(self.pixel_std)
        return [self.body(k).look(pictures) for k in range(len(self.bodies))]

    def feedback(self, out: StepOutput) -> Tensor:
        """z of a step, as this network is fed: its seven detection maps, or all 68, 0..1."""
        return feedback(out) if self.config.feedback_maps == len(SEVEN) else out.logits.sigmoid()

    def head(self, task: str, features: Tensor) -> Tensor:
        """Maps before the sigmoid, in float32: half precision would move the points. (B, F, M, M) -> (B, C, M, M).

        A matrix product leaves each map in one piece, as a convolution of channels that lie side by side does not.
        """
        head, side = cast(nn.Conv2d, self.heads[task]), features.shape[-2:]
        with torch.autocast(features.device.type, enabled=False):
            logits = torch.matmul(head.weight.flatten(1), features.float().flatten(2))
            return (logits + cast(Tensor, head.bias)[:, None]).unflatten(2, side)

    def step(self, k: int, tasks: tuple[str, ...], seen: list[Tensor], z: Tensor) -> StepOutput:
        """Step k of the tasks, eq. 4: the picture and the last maps give new maps."""
        task, body = tasks[k], self.body(self.body_of_step(k, len(tasks)))
        e, skips, code = self.encode(k, tasks, seen, z)
        features = body.decode(e, skips)
        return StepOutput(task, self.head(task, features), e, features, code)

    def encode(
        self, k: int, tasks: tuple[str, ...], seen: list[Tensor], z: Tensor
    ) -> tuple[Tensor, list[Tensor], Code | None]:
        """What step k of the tasks decodes: the bottleneck and its skips; of a variational step what takes their place,
        and the code."""
        place = self.body_of_step(k, len(tasks))
        e, skips = self.body(place).encode(seen[place], z)
        return self.variational(e, skips) if tasks[k] == "var68" else (e, skips, None)

    def image_steps(self, crops: Tensor, tasks: tuple[str, ...] | None = None) -> list[StepOutput]:
        """All spatial steps on single pictures (B, 3, S, S), eq. 5 and 7; tasks default to the config's."""
        tasks = tasks or self.config.steps
        seen, z, out = self.look(crops), self.first_feedback(len(crops)), []
        for k in range(len(tasks)):
            out.append(self.step(k, tasks, seen, z))
            z = self.feedback(out[-1])
        return out

    def encode_last(self, crops: Tensor, tasks: tuple[str, ...] | None = None, seven: Tensor | None = None) -> Encoded:
        """All of the last spatial step that comes before its LSTM.

        The paper does not say which spatial step the LSTM belongs to; here it is the last, which gives the points.
        seven (B, 7, 2) in crop pixels: points that neighbouring frames have shown already. They take the place of the
        steps before the last: section 3.2 lets z0 be "the previous frame's output".
        """
        tasks = tasks or self.config.steps
        seen = self.look(crops)
        if seven is not None and len(tasks) > 1:
            z = self.feedback_of(seven)
        else:
            z = self.first_feedback(len(crops))
            for k in range(len(tasks) - 1):
                z = self.feedback(self.step(k, tasks, seen, z))
        e, skips, _ = self.encode(len(tasks) - 1, tasks, seen, z)
        return Encoded(tasks[-1], e, skips)

    def seven_points(self, crops: Tensor, tasks: tuple[str, ...] | None = None) -> Tensor:
        """The seven points (B, 7, 2) in crop pixels that the steps before the last find, as feedback for neighbours."""
        tasks = tasks or self.config.steps
        seen, z = self.look(crops), self.first_feedback(len(crops))
        for k in range(len(tasks) - 1):
            out = self.step(k, tasks, seen, z)
            z = self.feedback(out)
        logits = out.logits if out.task == "det7" else out.logits[:, list(SEVEN)]
        return maps.map_to_crop(maps.soft_argmax(logits), self.stride)

    def feedback_of(self, seven: Tensor) -> Tensor:
        """The feedback maps (B, 7, M, M) that belong to seven points (B, 7, 2) in crop pixels."""
        return maps.soft_disc_maps(maps.crop_to_map(seven, self.stride), self.map_size)

    def decode_last(self, encoded: Encoded, e_pe: Tensor) -> StepOutput:
        """The rest of the last step, with e_pe as the LSTM left it (eq. 2)."""
        body = self.body()
        e = torch.cat((encoded.e[:, : body.id_channels], e_pe), 1)
        features = body.decode(e, encoded.skips)
        return StepOutput(encoded.task, self.head(encoded.task, features), e, features)

    def split(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """e_id and e_pe of eq. 3."""
        n = self.body().id_channels
        return e[:, :n], e[:, n:]

    def remember(self, encoded: Encoded, state: TemporalState) -> Memory:
        """The LSTM's way through N windows of T frames, eq. 10 (B = N * T), in the order in which they lie."""
        _, e_pe = self.split(encoded.e)
        vectors = self.temporal.squeeze_frames(e_pe).unflatten(0, (len(state.h), -1))  # (N, T, 256)
        hidden, (h, c) = self.temporal.walk(vectors, state.h, state.c)
        return Memory(hidden, h, c)

    def decode_remembered(self, encoded: Encoded, hidden: list[Tensor]) -> StepOutput:
        """The last step with e_pe moved by the hidden states (N, T, 256) of each direction in time, their mean.

        One decoder for both directions: what they say of e_pe differs little, and a decoder of its own for each took a
        quarter of the time. The directions part in the recurrence of the points.
        """
        mean = torch.stack(hidden).mean(0).flatten(0, 1)
        return self.decode_last(encoded, self.temporal.unpool(mean, self.split(encoded.e)[1]))

    def evidence(self, out: StepOutput, hidden: list[Tensor], sigma: Tensor | None) -> Tensor:
        """What the recurrence of the points has to know of each frame, by direction: (N, T, D, P, EVIDENCE).

        hidden (N, T, 256) of each direction, sigma as `sigma_of` gives it.
        """
        n, t = hidden[0].shape[:2]
        points, scores = (x.unflatten(0, (n, t)) for x in self.read(out))
        with torch.autocast(points.device.type, enabled=False):
            size = None if sigma is None else sigma.unflatten(0, (n, t))
            ways = [self.recurrence.evidence(h, points / self.config.size, scores, size) for h in hidden]
        return torch.stack(ways, 2)

    def sigma_of(self, out: StepOutput) -> Tensor | None:
        """The covariance xx, xy, yy of each point (B, P, 3) in square crop sides, None without the head for it."""
        return self.certainty(out.logits, out.reading, out.features, out.e) if self.config.certainty else None

    def forward(self, crops: Tensor, state: TemporalState | None = None) -> tuple[Tensor, Tensor, TemporalState]:
        """points, scores, state = net(crops, state): windows in one direction, frame after frame.

        crops (N, T, 3, S, S) in 0..1 -> points (N, T, 68, 2) in crop pixels, scores (N, T, 68), and the state with
        which the windows that follow go on. Without a temporal module the state passes through unchanged.
        """
        state = state or first_state(len(crops), self.pixel_mean)
        encoded = self.encode_last(crops.flatten(0, 1))
        if self.config.temporal:
            memory = self.remember(encoded, state)
            out = self.decode_remembered(encoded, [memory.hidden])
            evidence = self.evidence(out, [memory.hidden], self.sigma_of(out))[:, :, 0]
            points, motion = self.recurrence(evidence, state.motion)
            return points * self.config.size, evidence[..., 2], TemporalState(memory.h, memory.c, motion)
        points, scores = self.read(self.decode_last(encoded, self.split(encoded.e)[1]))
        return points.unflatten(0, crops.shape[:2]), scores.unflatten(0, crops.shape[:2]), state

    def read(self, out: StepOutput) -> tuple[Tensor, Tensor]:
        """Points in crop pixels (B, P, 2) and scores (B, P) of a step's maps."""
        return self.points_of(out), maps.peak(out.logits)

    def points_of(self, out: StepOutput) -> Tensor:
        """Crop pixels of a step's maps: (B, P, 2)."""
        return maps.map_to_crop(out.reading.cells, self.stride)


def feedback(out: StepOutput) -> Tensor:
    """z of a step: its seven detection maps, 0..1, (B, 7, M, M)."""
    logits = out.logits if out.task == "det7" else out.logits[:, list(SEVEN)]
    return logits.sigmoid()
