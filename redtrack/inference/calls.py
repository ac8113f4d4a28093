"""One call of the network, and the jobs whose windows share it.

N windows, T frames, S crop side.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from redtrack.errors import RedtrackError
from redtrack.inference.options import Options
from redtrack.inference.windows import Window

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.rednet.predict import WindowEstimate

__all__ = ["Call", "Job", "Looked"]


class Job(Protocol):
    """One video, as `annotate.job` has it. All methods may raise RedtrackError: the end of this job alone."""

    error: RedtrackError | None

    @property
    def exhausted(self) -> bool: ...
    @property
    def ended(self) -> bool: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def waited(self) -> float: ...
    def start(self) -> None: ...
    def advance(self) -> list[Window]: ...
    def crops(self, window: Window) -> tuple[Window, Tensor]: ...
    def accept(self, window: Window, *found: np.ndarray) -> list[Window]: ...
    def finish(self) -> None: ...
    def stop(self) -> None: ...
    def fail(self, error: RedtrackError) -> None: ...


Looked = tuple[Job, Window]
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
