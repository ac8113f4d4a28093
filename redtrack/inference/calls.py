"""One call of the network, and the videos whose windows share it.

N windows, T frames, S crop side.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from redtrack.inference.options import Options
from redtrack.inference.tracker import Tracker
from redtrack.inference.windows import Window

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.rednet.predict import WindowEstimate

__all__ = ["Call", "Looked"]


Looked = tuple[Tracker, Window]
"""A window, and whose it is."""


@dataclass(frozen=True, eq=False)
class Call:
    """Windows that are with the network: their crops (N, T, 3, S, S), lengths (N,), how they are looked at, and what
    will be found."""

    looked: list[Looked]
    crops: Tensor
    lengths: np.ndarray
    look: Callable[[Tensor, np.ndarray, Options], WindowEstimate]
    found: Future[WindowEstimate]
