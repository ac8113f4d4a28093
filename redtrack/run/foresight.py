"""What a run would do with each video, without doing it: nothing is written, and no network is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redtrack.errors import RedtrackError
from redtrack.run.annotation import Annotation
from redtrack.run.claim import foreseen
from redtrack.run.outcome import Outcome, sentence
from redtrack.run.plan import Task
from redtrack.run.result import identity, identity_of, stored_info, unfinished_info

__all__ = ["ANEW", "DO", "FAIL", "RESUME", "SKIP", "Foreseen", "foresee"]

DO, ANEW, RESUME, SKIP, FAIL = ("do", "do anew", "resume", "skip", "fail")


@dataclass(frozen=True)
class Foreseen:
    """What would be done with an input: do, do anew (over an older result), resume, skip or fail; where, and why."""

    source: Path
    action: str
    output: Path | None = None
    reason: str = ""


def foresee(task: Task | Outcome, plan: Annotation, made_with: Mapping[str, Any]) -> Foreseen:
    """Returns what would be done. made_with: digests and options, as an `Output` is given them."""
    if isinstance(task, Outcome):
        return Foreseen(task.source, SKIP if task.good else FAIL, None, task.reason or "")
    from redtrack.video import digest

    try:
        return _foreseen(task, digest(task.path), plan, made_with)
    except RedtrackError as error:
        return Foreseen(task.path, FAIL, None, sentence(error, task.path))


def _foreseen(task: Task, digest: str, plan: Annotation, made_with: Mapping[str, Any]) -> Foreseen:
    path = foreseen(task, digest, plan.where)
    wanted = identity_of(digest, made_with)
    there, begun = stored_info(path), unfinished_info(path)
    if there is not None and identity(there) == wanted and not plan.where.overwrite:
        reason = "" if there["complete"] else f"{there.get('reason') or 'not complete'} (done before)"
        return Foreseen(task.path, SKIP, path, reason)
    if begun is not None and identity(begun) == wanted and not plan.where.overwrite:
        return Foreseen(task.path, RESUME, path)
    if there is None:
        return Foreseen(task.path, DO, path)
    why = "" if plan.where.overwrite else "other options, weights or content"
    return Foreseen(task.path, ANEW, path, why)
