"""What an encoder-decoder has to offer to be a body of RED-Net."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Body(Protocol):
    """An encoder-decoder, section 3.1.

    map_size: side of the maps; features: channels that the heads read; id_channels, pe_channels: the two parts of e,
    eq. 3; pool: side of the grid to which each part is averaged for its 256-d vector; skip_channels: of each skip that
    has numbers.
    """

    map_size: int
    features: int
    id_channels: int
    pe_channels: int
    pool: int
    skip_channels: tuple[int, ...]

    def look(self, pictures: Tensor) -> Tensor:
        """What all spatial steps share of pictures (B, 3, S, S)."""
        ...

    def encode(self, seen: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """e (B, C, h, w) and what the decoder wants beside it, eq. 1; z (B, 7, M, M)."""
        ...

    def decode(self, e: Tensor, skips: list[Tensor]) -> Tensor:
        """The features (B, F, M, M) under the maps, eq. 2."""
        ...
