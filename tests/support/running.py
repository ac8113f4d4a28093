"""Runs in the world of squares, in this process: from Python, or through the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotating import square_models

from redtrack.inference.options import Options
from redtrack.run.annotation import Annotation
from redtrack.run.export import Where
from redtrack.run.inline import Inline
from redtrack.run.inputs import find_videos
from redtrack.run.networks import LoadedNetworks, Networks
from redtrack.run.outcome import Outcome
from redtrack.run.plan import make_tasks
from redtrack.run.progress import Reporter, SilentReporter
from redtrack.run.run import Run


def use(models: Any, patch: pytest.MonkeyPatch) -> list[Networks]:
    """Has every run use these networks; returns the list of what was asked for, which grows."""
    asked: list[Networks] = []

    def load(networks: Networks) -> Any:
        asked.append(networks)
        return models

    patch.setattr(Networks, "load", load)
    patch.setattr(Networks, "identity", lambda _: dict(models.about))
    return asked


def run(
    inputs: list[Path],
    out: Path,
    models: Any = None,
    formats: tuple[str, ...] = (),
    overwrite: bool = False,
    fail_fast: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    reporter: Reporter | None = None,
    batch: int = 20,
    **options: Any,
) -> dict[str, Outcome]:
    """Runs over the inputs; returns the outcomes by the names of their videos."""
    out.mkdir(parents=True, exist_ok=True)
    networks = LoadedNetworks.of(models or square_models(), Options(**options), batch)
    plan, reporter = Annotation(Where(out, formats, overwrite), networks), reporter or SilentReporter()
    tasks = make_tasks(list(find_videos(map(str, inputs))))
    outcomes = Run(tasks, plan, reporter, fail_fast, stopping).run(Inline(plan, reporter))
    return {outcome.source.name: outcome for outcome in outcomes}
