"""A training log as a picture: the losses, and the error on the validation split, over time."""

from __future__ import annotations

import json
from pathlib import Path

from redtrack.errors import RedtrackError


def read_log(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's log.jsonl.

    Raises RedtrackError where there is none.
    """
    path = folder / "log.jsonl"
    if not path.exists():
        raise RedtrackError("no training log", path=path, remedy="name the folder of a `redtrack train` run")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def plot_log(folder: Path) -> Path:
    """Writes log.png beside log.jsonl and returns its path.

    Raises RedtrackError where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RedtrackError("plots need matplotlib", remedy="pip install 'redtrack[plot]'") from error
    log = read_log(folder)
    minutes = [line["minutes"] for line in log]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in ("loss", "detection", "regression", "coordinate", "identity", "unsteady", "opening"):
        if any(name in line for line in log):
            left.plot(minutes, [line.get(name, float("nan")) for line in log], label=name, marker=".")
    for name in sorted({k for line in log for k in line if "error" in k or "jitter" in k}):
        right.plot(
            minutes,
            [line.get(name, float("nan")) for line in log],
            label=name,
            lw=2 if name == "error" else 1,
            marker=".",
        )
    for axes, title in ((left, "loss"), (right, "validation")):
        below = any(value <= 0 for line in axes.lines for value in line.get_ydata())  # as a likelihood's loss may be
        axes.set(xlabel="minutes", title=title, yscale="linear" if below else "log")
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8)
    path = folder / "log.png"
    figure.savefig(path, dpi=120)
    return path
