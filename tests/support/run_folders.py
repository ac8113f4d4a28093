"""What a run left in its folder."""

from pathlib import Path

from redtrack.run.outcome import Outcome


def states(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: outcome.state for name, outcome in outcomes.items()}


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
