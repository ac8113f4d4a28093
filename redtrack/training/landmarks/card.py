"""The weights of a run as they are written, with the card that says how they came about."""

from __future__ import annotations

from typing import Any

import torch

from redtrack import checkpoint
from redtrack.training import parallel
from redtrack.training.landmarks.recipe import Recipe
from redtrack.training.loop import Figures, Run


def export(recipe: Recipe, run: Run, figures: Figures, axis: float, name: str) -> None:
    """The averaged network as a weights file, with its card."""
    if parallel.rank() == 0:
        checkpoint.save(recipe.out / name, run.average, "rednet", card(recipe, run, figures, axis), half=True)


def card(recipe: Recipe, run: Run, figures: Figures, axis: float) -> dict[str, Any]:
    """What the weights say of themselves; axis: how far their points lie off the faces' middle."""
    return {
        "stage": recipe.stage,
        "data": {folder.name: trust for folder, trust in recipe.data} | {f.name: 0.5 for f in recipe.clips},
        "before": checkpoint.describe(recipe.start)["card"] if recipe.start else None,
        "steps": run.step,
        "minutes": round(run.seconds / 60, 1),
        "device": device_name(recipe.device),
        "axis": round(axis, 5),
        "recipe": recipe.describe(),
        "validation": {k: round(v, 4) for k, v in figures.items()},
    }


def device_name(device: str) -> str:
    """The device in words."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"
