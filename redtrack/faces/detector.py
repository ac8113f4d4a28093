"""The face detector's network: a small anchor-free single-shot detector.

Axes: B pictures, C channels, H and W picture pixels, h and w cells of one level, A cells of all levels
together.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.faces.layers import Residual, conv_unit
from redtrack.faces.verifier import Verifier

STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class DetectorConfig:
    """Channels and depths of a `FaceDetector`; everything needed to build it again."""

    stem: int = 32  # channels at a quarter of the picture
    widths: tuple[int, int, int] = (64, 96, 112)  # channels at strides 8, 16, 32
    depths: tuple[int, int, int] = (3, 3, 2)  # residual blocks at strides 8, 16, 32
    neck: int = 48  # channels of the three merged maps and of the head
    prior: float = 3.0  # half of a new network's box, in strides
    threshold: float = 0.5  # score above which a box is a face; chosen on the validation photos
    weak: float = 0.25  # score above which a box goes on a face that other frames show
    long_side: int = 640  # px of the reduced picture's long side that the threshold was chosen for
    verifier: int = 0  # first channels of the `Verifier` that judges the boxes found; 0: there is none

    def __post_init__(self) -> None:
        for name in ("widths", "depths"):  # JSON has no tuples
            object.__setattr__(self, name, tuple(getattr(self, name)))


class Stage(nn.Sequential):
    """Halves the resolution and refines it with `depth` residual blocks."""

    def __init__(self, inputs: int, outputs: int, depth: int) -> None:
        super().__init__(conv_unit(inputs, outputs, 3, stride=2), *[Residual(outputs) for _ in range(depth)])


class Neck(nn.Module):
    """Merges three levels from coarse to fine, all to the same number of channels."""

    def __init__(self, widths: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(conv_unit(width, channels, 1) for width in widths)
        self.smooth = nn.ModuleList(conv_unit(channels, channels, 3) for _ in widths)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        merged = [unit(x) for unit, x in zip(self.lateral, maps, strict=True)]  # finest first
        for level in (1, 0):
            above = F.interpolate(merged[level + 1], size=merged[level].shape[-2:], mode="nearest")
            merged[level] = merged[level] + above
        return [unit(x) for unit, x in zip(self.smooth, merged, strict=True)]


class Head(nn.Module):
    """Score and box for every cell; shared by the three levels, with a learned scale for each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.tower = nn.Sequential(conv_unit(channels, channels, 3), conv_unit(channels, channels, 3))
        self.out = nn.Conv2d(channels, 5, 1)
        self.scale = nn.Parameter(torch.ones(len(STRIDES)))
        nn.init.uniform_(self.out.weight, -0.017, 0.017)
        bias = torch.tensor([-4.6, 0.0, 0.0, 0.0, 0.0])  # a new network scores every cell 0.01 (focal-loss prior)
        self.out.bias = nn.Parameter(bias)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """(B, A, 5): score logit and log of the distances left, up, right, down in units of the prior."""
        rows = []
        for x, scale in zip(maps, self.scale, strict=True):
            y = self.out(self.tower(x)).float().flatten(2).transpose(1, 2)  # (B, h*w, 5)
            rows.append(torch.cat([y[..., :1], y[..., 1:] * scale], dim=2))
        return torch.cat(rows, dim=1)


class FaceDetector(nn.Module):
    """Scores and boxes of faces for pictures of any size.

    Feature pyramid of strides 8, 16 and 32 with one shared head and no anchors: each cell says how surely it
    is inside a face and how far the face's four sides are from the cell's centre. `verifier`, where there is one,
    judges the boxes; it has no part in the forward pass.
    """

    def __init__(self, config: DetectorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DetectorConfig()
        fine, middle, coarse = config.widths
        self.stem = nn.Sequential(conv_unit(3, config.stem, 7, stride=4), conv_unit(config.stem, config.stem, 3))
        self.fine = Stage(config.stem, fine, config.depths[0])
        self.middle = Stage(fine, middle, config.depths[1])
        self.coarse = Stage(middle, coarse, config.depths[2])
        self.neck = Neck(config.widths, config.neck)
        self.head = Head(config.neck)
        self.verifier = Verifier(config.verifier) if config.verifier else None

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Score logits (B, A) and boxes (B, A, 4) in px of `pictures`, which are (B, 3, H, W) in 0..1.

        H and W are multiples of 32; pixel (0, 0)'s centre is the origin.
        """
        height, width = pictures.shape[-2:]
        assert height % 32 == 0 and width % 32 == 0, f"picture of {width} x {height} is not a multiple of 32"
        fine = self.fine(self.stem((pictures - 0.5).mul_(4.0)))  # (B, C, H/8, W/8)
        middle = self.middle(fine)  # (B, C, H/16, W/16)
        coarse = self.coarse(middle)  # (B, C, H/32, W/32)
        rows = self.head(self.neck([fine, middle, coarse]))  # (B, A, 5)
        centres, strides = cells(height, width, rows.device)
        reach = rows[..., 1:].clamp(-6.0, 4.0).exp() * (self.config.prior * strides)[:, None]  # (B, A, 4)
        boxes = torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], dim=-1)
        return rows[..., 0], boxes


def cells(height: int, width: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Centres (A, 2) as x, y in px and strides (A,) of every cell of a picture, finest level first."""
    centres, strides = [], []
    for stride in STRIDES:
        y = torch.arange(height // stride, device=device) * stride + (stride - 1) / 2
        x = torch.arange(width // stride, device=device) * stride + (stride - 1) / 2
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).reshape(-1, 2)  # (h*w, 2)
        centres.append(grid)
        strides.append(torch.full((len(grid),), float(stride), device=device))
    return torch.cat(centres), torch.cat(strides)
