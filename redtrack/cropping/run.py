"""Crops of many videos, each with its tracks, one after the other; a failure affects no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from redtrack import formats
from redtrack.cropping.save import CropOptions, CropSaver, Stopped
from redtrack.cropping.tracks_folder import TracksFolder
from redtrack.errors import RedtrackError
from redtrack.geometry import landmark_box
from redtrack.render.film import foreign
from redtrack.run.lock import Lock
from redtrack.run.names import Names, name_outputs
from redtrack.run.outcome import DONE, FAILED, PARTIAL, SKIPPED, STOPPED, Outcome, failed_outcome, sentence
from redtrack.run.progress import Reporter
from redtrack.run.result import Counts
from redtrack.tracks import Tracks

__all__ = ["CropRun"]

_SMALL = 40.0  # px of a face's longer side, below which its crops are told to be blurred


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


@dataclass
class CropRun:
    """Crops the videos `found`, whose tracks are `tracks`: a file, or a folder in which each has its own."""

    found: Sequence[Path | RedtrackError]
    tracks: Path
    folder: Path
    options: CropOptions
    reporter: Reporter
    stopping: Callable[[], bool]
    overwrite: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def not_begun(self) -> int:
        """How many videos were not looked at, because the run was stopped."""
        return len(self.found) - len(self.outcomes)

    @property
    def is_good(self) -> bool:
        """Whether every video is done or was before."""
        return not self.not_begun and all(outcome.good for outcome in self.outcomes)

    def run(self) -> None:
        """Does all that is missing, until it is asked to stop."""
        paths = [path for path in self.found if isinstance(path, Path)]
        names = dict(zip(paths, name_outputs(paths), strict=True))
        where = TracksFolder(self.tracks)
        for one in self.found:
            if self.stopping():
                return
            outcome = self._crop(one, names[one], where) if isinstance(one, Path) else failed_outcome(one)
            self.outcomes.append(outcome)
            self.reporter.ended(outcome)

    def _crop(self, video: Path, names: Names, where: TracksFolder) -> Outcome:
        job = _Job(video)
        try:
            return self._cropped(job, where.find(video, names), names[0])
        except Stopped:
            return Outcome(video, PARTIAL, None, STOPPED, Counts(), job.seconds)
        except RedtrackError as error:
            return Outcome(video, FAILED, None, sentence(error, video), Counts(), job.seconds)

    def _cropped(self, job: _Job, path: Path, name: str) -> Outcome:
        saver = CropSaver(job.path, path, self.folder, name, self.options)
        with Lock(saver.record) as lock:
            if not lock.take():
                return Outcome(job.path, SKIPPED, None, "another process is at work on it", Counts(), job.seconds)
            if not self.overwrite and saver.is_done():
                return self._outcome(job, SKIPPED, saver, None)
            tracks = formats.read(path)
            job.expected_frames = tracks.frames

            def step(frames: int) -> None:
                job.frames = frames
                self.reporter.step(job)

            saver.save(tracks, step, self.stopping)
            return self._outcome(job, DONE, saver, _remark(tracks, job.path, saver))

    def _outcome(self, job: _Job, state: str, saver: CropSaver, remark: str | None) -> Outcome:
        frames = sum(len(clip["frames"]) for clip in saver.clips)
        counts = Counts(frames, 0, len({clip["face"] for clip in saver.clips}), frames)
        output = self.folder / saver.clips[0]["file"] if len(saver.clips) == 1 else saver.record
        return Outcome(job.path, state, output, remark, counts, job.seconds)


def _remark(tracks: Tracks, video: Path, saver: CropSaver) -> str | None:
    """Returns what the user should know of crops that are done."""
    words = []
    if not saver.clips:
        words.append("there is no face in its tracks")
    if warning := foreign(tracks, video):
        words.append(warning.partition(": ")[2])
    for face in sorted({clip["face"] for clip in saver.clips}):
        box = landmark_box(tracks.points[tracks.face_rows(face)])
        side = float((box[:, 2:] - box[:, :2]).max(axis=1).mean())
        if side < _SMALL:
            words.append(f"face {face} is {side:.0f} px large, its crops are blurred")
    return "; ".join(words) or None
