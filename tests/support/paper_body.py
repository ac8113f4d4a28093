"""A forward pass of one of the paper's encoder-decoders at its own size, and what it leaves behind."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from drawn_faces import output_shapes
from torch import Tensor


class Pass(NamedTuple):
    """The body, its bottleneck, its skips, its features, and the shape of every module's output."""

    body: Any
    e: Tensor
    skips: list[Tensor]
    features: Tensor
    shapes: dict[str, tuple[int, ...]]


def pass_through(body: Any) -> Pass:
    """Runs a body in eval mode on one random picture of 256 x 256, without feedback."""
    out: list[Any] = []

    def run() -> None:
        e, skips = body.encode(body.look(torch.rand(1, 3, 256, 256)), torch.zeros(1, 7, 128, 128))
        out.extend((e, skips, body.decode(e, skips)))

    with torch.inference_mode():
        shapes = output_shapes(body, run)
    return Pass(body, *out, shapes)
