"""What a run says of itself: four lines before it and four after it."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from redtrack import checkpoint
from redtrack.errors import counted
from redtrack.training.landmarks.data import Data
from redtrack.training.landmarks.faces import FaceSet
from redtrack.training.landmarks.recipe import Recipe
from redtrack.training.loop import Figures, Run

UNIT = "% of the eye distance"


def before(recipe: Recipe, data: Data, run: Run, figures: Figures) -> list[str]:
    """The data read, the part held out, the network and its recipe, the error that it begins with."""
    schedule = recipe.schedule
    ends = [counted(schedule.steps, "step")] if schedule.steps else []
    ends += [f"{schedule.minutes:g} minutes"] if schedule.minutes else []
    million = sum(p.numel() for p in run.net.parameters()) / 1e6
    return [
        f"read: {faces_said(data.faces)}{clips_said(data)}",
        f"held out: {faces_said(data.held_out)}" if len(data.held_out) else "held out: no face, so no error is known",
        f"{recipe.stage} stage of {begins(recipe)} ({million:.1f} million parameters): {schedule.optimizer}, rate "
        f"{schedule.rate:g} {schedule.shape}, batches of {recipe.batch_size}, {' or '.join(ends)}{resumed_said(run)}",
        f"error before: {errors_said(figures)}",
    ]


def begins(recipe: Recipe) -> str:
    """What is trained: a fresh body, weights, or a body that is wider than that of the weights."""
    if not recipe.start:
        return recipe.config.body
    narrow = checkpoint.describe(recipe.start)["config"]["body"] != recipe.config.body
    return f"{recipe.config.body}, widened from {recipe.start}" if narrow else f"{recipe.start}"


def after(recipe: Recipe, run: Run, first: Figures, best: Path) -> list[str]:
    """What was done, the error now and before, the best network and how it is used."""
    last = run.log[-1] if run.log else {}
    kept = best if best.exists() else recipe.out / "weights.safetensors"
    lowest = min((line for line in run.log if "error" in line), key=lambda line: line["error"], default=None)
    return [
        f"trained: {counted(run.step, 'step')} in {run.seconds / 60:.1f} minutes",
        f"error after: {errors_said(last)}" + (f"; before {errors_said(first)}" if "error" in first else ""),
        f"best: {errors_said(lowest)} at step {lowest['step']:,.0f}" if lowest else "best: not known",
        f"to use it: redtrack annotate VIDEO -o OUT --weights {kept}",
    ]


def resumed_said(run: Run) -> str:
    """From where a resumed run goes on, and what is asked for now that was not when it began."""
    if not run.step:
        return ""
    now = flat(json.loads(json.dumps(run.recipe)))
    changed = [f"{k} {v} to {now[k]}" for k, v in flat(run.began).items() if k in now and now[k] != v]
    return f"; resumed at step {run.step:,}" + (f" with other options: {', '.join(changed)}" if changed else "")


def flat(values: dict[str, Any]) -> dict[str, Any]:
    """A dict with the items of the dicts in it in their place."""
    parts = [value if isinstance(value, dict) else {name: value} for name, value in values.items()]
    return {name: value for part in parts for name, value in part.items()}


def faces_said(faces: FaceSet) -> str:
    """How many faces, by source and trust."""
    kinds = Counter(zip(faces.source, faces.weight.tolist(), strict=True))
    parts = [
        f"{n:,} {source}" + ("" if trust >= 1 else f" of trust {trust:.2g}") for (source, trust), n in kinds.items()
    ]
    return counted(len(faces), "face") + (f" ({', '.join(parts)})" if parts else "")


def clips_said(data: Data) -> str:
    """How many clips, where there are any."""
    if not (data.clips or data.clips_held_out or data.short):
        return ""
    short = f", {data.short} more are too short" if data.short else ""
    return f"; {counted(len(data.clips), 'clip')} and {len(data.clips_held_out)} held out{short}"


def errors_said(figures: Figures) -> str:
    """The validation error and its parts, in words."""
    if not math.isfinite(figures.get("error", np.nan)):
        return "not known"
    stills = {name: value for name, value in figures.items() if name.endswith(("_error", "_jitter"))}
    if stills:  # the video stage: `error` is a sum
        return ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in stills.items()) + f" {UNIT}"
    if "auroc" in figures:  # the certainty stage: `error` is a likelihood's loss, without a unit
        shares = ", ".join(f"{name[9:]} ellipses hold {v:.1%}" for name, v in figures.items() if "coverage" in name)
        return f"loss {figures['error']:.3f}, {shares}, AUROC {figures['auroc']:.3f}"
    sources = {name[6:]: value for name, value in figures.items() if name.startswith("error_")}
    parts = f" ({', '.join(f'{name} {value:.2f}' for name, value in sources.items())})" if len(sources) > 1 else ""
    return f"{figures['error']:.2f} {UNIT}{parts}"
