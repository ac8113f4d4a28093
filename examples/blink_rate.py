"""How often the people in a folder of videos blink: a line for each, and one figure of all.

    redtrack annotate interviews/ -o tracks
    python examples/blink_rate.py tracks            # prints CSV
    python examples/blink_rate.py tracks rates.png  # draws a figure (needs matplotlib)

Blinks a minute are counted over the time in which the face is seen; gaps do not count. Blinks of little certainty are
left out.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import redtrack
from redtrack.tracks import Tracks

CERTAIN = 0.4  # at least, of a blink
SHORTEST = 2.0  # s that a face has to be seen


class Rate(NamedTuple):
    """One face of one video: how long it is seen, how often it blinks, and when, in seconds."""

    video: str
    face: int
    minutes: float
    blinks: int
    times: list[float]

    @property
    def a_minute(self) -> float:
        """Blinks a minute."""
        return self.blinks / self.minutes


def rates(video: str, tracks: Tracks) -> list[Rate]:
    """Returns the blink rate of each face that is seen for long enough."""
    found = []
    for face in tracks.faces:
        events = tracks.events(face, ["blink"])
        times = [event.apex for event in events if event.kind == "blink" and event.certainty >= CERTAIN]
        seen = tracks.times[tracks.frame[tracks.face_rows(face)]]
        away = sum(event.seconds for event in events if event.kind == "gap")
        seconds = float(seen[-1] - seen[0]) - away
        if seconds >= SHORTEST:
            found.append(Rate(video, face, seconds / 60, len(times), times))
    return found


def draw(found: list[Rate], path: str) -> None:
    """Draws a row for each face: a tick for each blink on the left, blinks a minute on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.5 + 0.3 * len(found)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    for row, rate in enumerate(found):
        left.plot(rate.times, [row] * rate.blinks, "|", markersize=12, color="#0072b2")
        right.barh(row, rate.a_minute, color="#0072b2")
    left.set(xlabel="seconds", yticks=range(len(found)), yticklabels=[f"{r.video} face {r.face}" for r in found])
    right.set(xlabel="blinks a minute")
    left.invert_yaxis()
    figure.savefig(path)


def main(folder: str, figure: str | None = None) -> None:
    found = [rate for path in sorted(Path(folder).glob("*.h5")) for rate in rates(path.stem, redtrack.load(path))]
    if figure:
        draw(found, figure)
        return
    print("video,face,minutes,blinks,blinks_a_minute")
    for rate in found:
        print(f'"{rate.video}",{rate.face},{rate.minutes:.3f},{rate.blinks},{rate.a_minute:.1f}')


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
