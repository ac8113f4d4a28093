"""One run shared out over many machines: each takes the videos whose names a stable hash puts into its share.

Nothing passes between the machines, and a video stays in its share whatever else is in the list. The hash is of the
path as it was typed or found, so the machines have to be given the same command.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from redtrack.errors import RedtrackError, UsageError

__all__ = ["Shard"]

Found = TypeVar("Found", bound="Path | RedtrackError")

AUTO = "auto"
_TASK, _LEAST, _COUNT, _STEP = (f"SLURM_ARRAY_TASK_{name}" for name in ("ID", "MIN", "COUNT", "STEP"))


@dataclass(frozen=True)
class Shard:
    """Share `index`, from 0, of `count`."""

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            known = f"0/{self.count} to {self.count - 1}/{self.count}" if self.count else "0/3, 1/3, 2/3"
            raise UsageError(f"no shard {self.index}/{self.count}", remedy=f"shards count from 0: {known}")

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] = os.environ) -> Shard:
        """Returns the shard that `I/N` names, or `auto`: that of this task of a Slurm array.

        Raises UsageError for anything else, and where there is no array.
        """
        if text == AUTO:
            return cls.of_array(environment)
        if not (numbers := re.fullmatch(r"(\d+)/(\d+)", text)):
            raise UsageError(f"{text!r} is no shard", remedy="use I/N, such as 0/3, or auto in a Slurm array")
        return cls(int(numbers[1]), int(numbers[2]))

    @classmethod
    def of_array(cls, environment: Mapping[str, str]) -> Shard:
        """Returns the shard of a task of a Slurm array, whatever number its tasks count from and in what steps."""
        if _TASK not in environment:
            raise UsageError("no Slurm array to take the shard from", remedy=f"use I/N, or set {_TASK} and its kin")
        try:
            task, count = int(environment[_TASK]), int(environment[_COUNT])
            least, step = int(environment.get(_LEAST, "0")), int(environment.get(_STEP, "1"))
            index, rest = divmod(task - least, step)
        except (KeyError, ValueError, ZeroDivisionError) as error:
            raise UsageError("the Slurm array's variables make no sense", remedy="use I/N") from error
        if rest or not 0 <= index < count:  # --array=1,2,7: the numbers have gaps
            remedy = "use --array=0-N, or --shard I/N"
            raise UsageError(f"the Slurm array's tasks are not evenly numbered: {task} of {count}", remedy=remedy)
        return cls(index, count)

    def has(self, path: str | os.PathLike[str]) -> bool:
        """Returns whether the share holds this path."""
        name = os.fsencode(os.path.normpath(path)).replace(os.sep.encode(), b"/")
        return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % self.count == self.index

    def of(self, found: Iterable[Found]) -> list[Found]:
        """Returns the videos of the share, and the errors that stand in the place of some, in their order."""
        return [each for each in found if self.has(each if isinstance(each, Path) else each.path or str(each))]

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
