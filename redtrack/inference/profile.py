"""Where the time of a run goes, and what would make it shorter.

The thread that runs the engine either works or waits; what it spends most of its time on limits the run. Decoding and
the network have threads of their own, so of these only the time counts that is spent waiting for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["PARTS", "Profile"]

PARTS = {
    "decoder": "frames come no faster from this file: more cores, or smaller pictures, would help",
    "detector": "a larger --detect-every would help",
    "cropping": "a smaller --max-faces would help",
    "network": "more cores or a GPU would help; `redtrack doctor` tells what this CPU lacks",
    "rows": "a faster disk may help",
}
"""What the time may go to, and what to do about it. `rows` is making rows of what was found, and writing them."""


class Profile:
    """Seconds by part."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Adds the time that the block takes to a part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - began

    def move(self, seconds: float, source: str, target: str) -> None:
        """Moves some of one part's time to another."""
        self.seconds[source] -= seconds
        self.seconds[target] += seconds

    def shares(self) -> dict[str, float]:
        """Returns the parts of the time, which add up to 1; all 0 where nothing was done."""
        total = sum(self.seconds.values())
        return {part: seconds / total if total else 0.0 for part, seconds in self.seconds.items()}

    def sentence(self) -> str:
        """Returns what limits the run, and what would help."""
        shares = self.shares()
        most = max(shares, key=lambda part: shares[part])
        if not any(seconds for part, seconds in self.seconds.items() if part != "rows"):  # all skipped
            return "nothing was done that could be timed"
        listed = ", ".join(f"{part} {100 * share:.0f} %" for part, share in shares.items())
        return f"the {most} limits, with {100 * shares[most]:.0f} % of the time ({listed}); {PARTS[most]}"
