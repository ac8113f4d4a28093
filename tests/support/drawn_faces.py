"""Drawn faces with exact landmarks, and a way to read a network's layers off a forward pass."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from redtrack.points import MEAN_SHAPE
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.maps import crop_to_map, disc_maps, gaussian_maps
from redtrack.rednet.model import RedNet, feedback
from redtrack.training.landmarks.losses import detection_loss, regression_loss


def drawn_faces(n: int, side: int) -> tuple[Tensor, Tensor]:
    """Faces of coloured dots on noise: crops (n, 3, side, side) in 0..1, points (n, 68, 2) in crop pixels."""
    draw = torch.Generator().manual_seed(0)
    shape = torch.tensor(MEAN_SHAPE, dtype=torch.float32) - 0.5
    scale = side * (0.55 + 0.2 * torch.rand(n, 1, 2, generator=draw))
    shift = side * (0.5 + 0.1 * torch.randn(n, 1, 2, generator=draw))
    points = shape * scale + shift  # (n, 68, 2)
    ink = torch.rand(n, 68, 3, generator=draw)
    dots = gaussian_maps(points, side).unsqueeze(2) ** 4  # (n, 68, 1, side, side)
    picture = (dots * ink[..., None, None]).amax(1)  # (n, 3, side, side)
    return (picture + 0.1 * torch.rand(picture.shape, generator=draw)).clamp(0, 1), points


def overfit(body: str, n: int, side: int, steps: int) -> list[float]:
    """The loss, eq. 9, at each step of AdamW on the same n drawn faces, detection followed by regression.

    The side may be smaller than the paper's 256: the network is fully convolutional (section 3.1).
    """
    torch.manual_seed(0)
    net = RedNet(RedNetConfig(body=body))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    crops, points = drawn_faces(n, side)
    cells, weight = crop_to_map(points, net.stride), torch.ones(n)
    losses = []
    for _ in range(steps):
        seen, z = net.look(crops), torch.zeros(n, 7, side // 2, side // 2)
        detection = net.step(0, net.config.steps, seen, z)
        regression = net.step(1, net.config.steps, seen, feedback(detection))
        seven = disc_maps(cells[:, [36, 39, 42, 45, 30, 48, 54]], side // 2)
        loss = detection_loss(detection.logits, seven, weight)
        loss = loss + 10 * regression_loss(regression.logits, gaussian_maps(cells, side // 2), weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def output_shapes(net: nn.Module, run: Callable[[], object]) -> dict[str, tuple[int, ...]]:
    """The shape (C, H, W) that each module of the network gave in a run, by the module's name."""
    shapes: dict[str, tuple[int, ...]] = {}

    def remember(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda module, inputs, output: shapes.__setitem__(name, tuple(output.shape[1:]))

    hooks = [module.register_forward_hook(remember(name)) for name, module in net.named_modules() if name]
    run()
    for hook in hooks:
        hook.remove()
    return shapes


def convolutions(module: nn.Module, kind: type[nn.Module] = nn.Conv2d) -> list[nn.Module]:
    """A module's convolutions in order, but for the projections of residual shortcuts."""
    return [m for name, m in module.named_modules() if isinstance(m, kind) and "shortcut" not in name]
