"""The plan of a run that crops videos, each with its tracks, and its worker: tasks in, outcomes out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from redtrack import formats
from redtrack.cropping.save import CropOptions, CropRecords, CropSaver, Stopped
from redtrack.cropping.tracks_folder import TracksFolder
from redtrack.edits import find_edits
from redtrack.errors import Bug, RedtrackError, as_bug
from redtrack.geometry import landmark_box
from redtrack.render.film import foreign
from redtrack.run.claim import claim
from redtrack.run.outcome import BUSY, DONE, FAILED, SKIPPED, Outcome, sentence, stopped_outcome
from redtrack.run.plan import Task, never
from redtrack.run.progress import Reporter
from redtrack.run.result import Counts
from redtrack.tracks import Tracks
from redtrack.video import digest

if TYPE_CHECKING:
    from redtrack.inference.profile import Profile

__all__ = ["CropPlan"]

_SMALL = 40.0  # px of a face's longer side, below which its crops are told to be blurred


@dataclass(frozen=True)
class CropPlan:
    """A `Plan`: tracks are a file, or a folder in which each video has its own; threads are those of torch."""

    tracks: Path
    folder: Path
    options: CropOptions
    overwrite: bool = False
    threads: int | None = None

    def about(self) -> dict[str, Any]:
        """Returns what the run log keeps of every video."""
        import redtrack

        return {"options": asdict(self.options), "version": redtrack.__version__}

    def on(self, device: str, threads: int | None, sharers: int) -> CropPlan:
        """Returns the plan for one of several workers; crops are cut on the CPU."""
        return replace(self, threads=threads)

    def worker(
        self, reporter: Reporter, stopping: Callable[[], bool] = never, profile: Profile | None = None
    ) -> _Cropper:
        """Returns a worker; there is nothing to tell a profile of networks."""
        return _Cropper(self, reporter, stopping)


@dataclass
class _Job:
    """One video under way, as a reporter sees it."""

    path: Path
    frames: int = 0
    expected_frames: int | None = None
    faces: int = 0
    _begun: float = field(default_factory=monotonic)

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return monotonic() - self._begun


class _Cropper:
    """Crops one video after the other."""

    def __init__(self, plan: CropPlan, reporter: Reporter, stopping: Callable[[], bool]) -> None:
        self._plan, self._reporter, self._stopping = plan, reporter, stopping
        self._where = TracksFolder(plan.tracks)
        self._job: _Job | None = None

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """Yields what becomes of each task, until there is none now; what a stop interrupts leaves nothing."""
        if self._plan.threads is not None:
            import torch

            torch.set_num_threads(self._plan.threads)
        while not self._stopping() and (task := next(tasks, None)) is not None:
            self._job = _Job(task.path)
            outcome = self._outcome(self._job, task)
            self._job = None
            yield outcome

    def break_off(self) -> Iterator[Outcome]:
        """Yields that the open video is stopped: what was begun of it went with the exception."""
        if self._job is not None:
            yield stopped_outcome(self._job.path)

    def close(self) -> None:
        """Nothing: no video is open outside of `outcomes`."""

    def _outcome(self, job: _Job, task: Task) -> Outcome:
        try:
            return self._cropped(job, task)
        except Stopped:
            return replace(stopped_outcome(task.path), seconds=job.seconds)
        except RedtrackError as found:
            error = found
        except Exception as found:
            error = as_bug(found)
        if isinstance(error, Bug):
            self._reporter.say(error.details)
        return Outcome(task.path, FAILED, None, sentence(error, task.path), Counts(), job.seconds)

    def _cropped(self, job: _Job, task: Task) -> Outcome:
        plan = self._plan
        path = self._where.find(task.path, task.names)
        claimed = claim(task, digest(task.path), CropRecords(plan.folder, plan.options.preset))
        if claimed is None:
            return Outcome(task.path, SKIPPED, None, BUSY, Counts(), job.seconds)
        record, lock = claimed
        with lock:
            return self._saved(job, CropSaver(task.path, path, record, plan.options))

    def _saved(self, job: _Job, saver: CropSaver) -> Outcome:
        """Returns what becomes of a video whose record is locked."""
        if not self._plan.overwrite and saver.is_done():
            return _told(job, SKIPPED, saver, None)
        tracks = formats.read(saver.tracks_path)
        job.expected_frames, job.faces = tracks.frames, len(saver.faces_of(tracks))

        if "torch" not in sys.modules:
            self._reporter.preparing("loading torch")

        def step(frames: int) -> None:
            job.frames = frames
            self._reporter.step(job)

        saver.save(tracks, step, self._stopping)
        return _told(job, DONE, saver, _remark(tracks, job.path, saver))


def _told(job: _Job, state: str, saver: CropSaver, remark: str | None) -> Outcome:
    frames = sum(len(clip["frames"]) for clip in saver.clips)
    counts = Counts(frames, 0, len({clip["face"] for clip in saver.clips}), frames)
    output = saver.record.with_name(saver.clips[0]["file"]) if len(saver.clips) == 1 else saver.record
    return Outcome(job.path, state, output, remark, counts, job.seconds)


def _remark(tracks: Tracks, video: Path, saver: CropSaver) -> str | None:
    """Returns what the user should know of crops that are done."""
    words = []
    if not saver.clips:
        words.append("there is no face in its tracks")
    if find_edits(saver.tracks_path):
        words.append("edits by hand beside its tracks are not in the crops: crop what `redtrack convert` makes of them")
    if warning := foreign(tracks, video):
        words.append(warning.partition(": ")[2])
    for face in sorted({clip["face"] for clip in saver.clips}):
        box = landmark_box(tracks.points[tracks.face_rows(face)])
        side = float((box[:, 2:] - box[:, :2]).max(axis=1).mean())
        if side < _SMALL:
            words.append(f"face {face} is {side:.0f} px large, its crops are blurred")
    return "; ".join(words) or None
