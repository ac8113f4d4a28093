"""A folder of everything that can be wrong with a video: exit status 1, every file named, every good one as alone.

    python benchmarks/robustness/folder.py [--frames 24]

The files are those of tests/support/bad_videos.py, here with a face in them and the real networks. "Alone" is
`redtrack.annotate` of that one file; equal means every row, number for number, else the largest distance between two
points is printed.
"""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

import common  # first: it finds the tests' helpers

import bad_videos  # isort: skip
import numpy as np

import redtrack
from redtrack.errors import printable
from redtrack.inference import annotate as in_memory
from redtrack.tracks import Tracks


def main() -> None:
    """Prints a line a file, and what holds of them all."""
    count = common.asked_frames(__doc__, 24, "frames of a good clip")
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "in"), Path(name, "out")
        bad_videos.make(folder, common.face_pictures(count))
        status, _, err = common.ended(common.start(common.REAL, "annotate", folder, "-o", out))
        report(status, err, folder, out)


def report(status: int, err: str, folder: Path, out: Path) -> None:
    """Compares the log with what should be in it, and the results with those of each file alone."""
    entries = {os.path.relpath(entry["source"], folder): entry for entry in common.log(out)}
    in_memory.Landmarker = functools.cache(in_memory.Landmarker)  # once for all files
    wrong, unequal, rows = 0, 0, 0
    for name, case in bad_videos.CASES.items():
        entry = entries.get(name) or {"state": "not named", "reason": None, "damaged": 0}
        problems = bad_videos.problems(case, entry["state"], entry["reason"], entry["damaged"])
        if entry["state"] in ("done", "partial"):
            tracks = redtrack.load(entry["output"])
            rows += len(tracks)
            apart = distance(tracks, redtrack.annotate(entry["source"]))
            unequal += apart > 0
            problems += [f"differs from alone by {apart:.2g} px"] if apart else []
        wrong += bool(problems)
        print(f"{entry['state']:<8} {printable(name):<24} {entry['reason'] or ''} {'; '.join(problems)}".rstrip())
    states = [entry["state"] for entry in entries.values()]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "partial", "failed"))
    print(f"\n{len(entries)} of {len(bad_videos.CASES)} files named ({counts}), {rows} rows; exit status {status}")
    print(f"{wrong} not as they should be, {unequal} differ from a run alone; traceback: {'Traceback' in err}")


def distance(one: Tracks, other: Tracks) -> float:
    """Returns the largest distance between points of the two, nought where all is equal, infinite for other rows."""
    if one.same_as(other):
        return 0.0
    if one.points.shape != other.points.shape or not np.array_equal(one.times, other.times):
        return float("inf")
    return float(np.linalg.norm(one.points - other.points, axis=-1).max(initial=1e-30))


if __name__ == "__main__":
    main()
