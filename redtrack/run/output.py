"""One result file: its name and its lock, what earlier runs left, its further formats, and how the video went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.errors import FormatError, OutputError, RedtrackError, printable
from redtrack.inference.shape import add_shape
from redtrack.run.claim import claim
from redtrack.run.export import Where, export, outdated
from redtrack.run.outcome import BUSY, DONE, FAILED, PARTIAL, SKIPPED, STOPPED, Outcome, sentence
from redtrack.run.plan import Task
from redtrack.run.result import Counts, count, identity, identity_of, stored_info, unfinished_info

if TYPE_CHECKING:
    from redtrack.formats import TracksWriter
    from redtrack.run.lock import Lock
    from redtrack.video import DecodeReport

__all__ = ["Output"]


class Output:
    """Where the rows of one video go: the `Destination` of its tracker.

    made_with: the digests and options that the result is to be made with, as `Networks.identity` and `Options.to_dict`
    give them.
    """

    def __init__(self, task: Task, where: Where, made_with: Mapping[str, Any]) -> None:
        self.task = task
        self.error: RedtrackError | None = None  # why it failed
        self._where, self._made_with = where, made_with
        self._is_wanted: bool | None = None
        self._path: Path | None = None
        self._identity: dict[str, Any] = {}
        self._lock: Lock | None = None
        self._writer: TracksWriter | None = None
        self._state, self._reason = FAILED, ""
        self._counts = Counts()

    def claim(self) -> bool:
        """Claims a name; returns whether the video is to be done: not if its result is there already."""
        if self._is_wanted is None:
            self._is_wanted = self._claim()
        return self._is_wanted

    def open(self, info: dict[str, Any]) -> TracksWriter:
        """Returns a writer that goes on where an earlier run was stopped, or begins anew."""
        from redtrack.formats import TracksWriter

        self._writer = self._resumed() or TracksWriter(self._final(), info)
        return self._writer

    def complete(self, report: DecodeReport, remark: str | None, cuts: list[int]) -> None:
        """Gives the result its final name, and writes the further formats."""
        assert self._writer is not None, f"{self.task.path} has no writer"
        options = self._made_with.get("options", {})
        if options.get("shape"):
            add_shape(self._writer, dense=options.get("dense"))
        lost = {"decoder_lost": True} if report.decoder_lost else {}  # the next run tries again
        self._writer.complete(complete=not report.truncated, reason=report.reason, cuts=cuts, **lost)
        self._state, self._reason = (PARTIAL, report.reason or "") if report.truncated else (DONE, remark or "")
        export(self._final(), self._where, anew=True)
        self._reason = self._reason or outdated(self._final(), self._where) or ""
        self._leave()

    def stopped(self) -> None:
        """Keeps what is final under the temporary name, for the next run to go on."""
        self._state, self._reason = PARTIAL, STOPPED
        self._leave(reason=STOPPED)

    def failed(self, error: RedtrackError) -> None:
        """Gives the video up. What can be resumed is kept, but not on a disk that is full."""
        self.error = error
        self._state, self._reason = FAILED, sentence(error, self.task.path)
        if self._writer is not None and (isinstance(error, OutputError) or not self._writer.frames):
            self._writer.discard()
        try:
            self._leave(reason=self._reason)
        except OutputError as another:
            self._reason = f"{self._reason}; {another.message}"

    def outcome(self, seconds: float = 0.0, worker: Mapping[str, Any] | None = None) -> Outcome:
        """Returns how it went. worker: what the run log keeps of the process that worked on it."""
        path = self._path if self._state != FAILED or self._counts.frames else None
        reason = self._reason or None
        return Outcome(self.task.path, self._state, path, reason, self._counts, seconds, worker or {})

    def unlock(self) -> None:
        """Gives the lock back, if it is held."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _claim(self) -> bool:
        from redtrack.video import digest

        total = digest(self.task.path)
        self._identity = identity_of(total, self._made_with)
        claimed = claim(self.task, total, self._where)
        if claimed is None:
            self._state, self._reason = SKIPPED, BUSY
            return False
        self._path, self._lock = claimed
        found = None if self._where.overwrite else stored_info(self._path)
        if found is None or identity(found) != self._identity or found.get("decoder_lost"):
            return True
        self._keep(found)
        return False

    def _final(self) -> Path:
        assert self._path is not None, f"{self.task.path} has no output yet"
        return self._path

    def _keep(self, found: Mapping[str, Any]) -> None:
        """Leaves a result as it is; further formats are written from it where they are missing."""
        self._state, self._reason = SKIPPED, ""
        if not found["complete"]:
            reason = printable(str(found.get("reason") or "not complete"))
            self._state, self._reason = PARTIAL, f"{reason} (done before)"
        export(self._final(), self._where)
        self._reason = self._reason or outdated(self._final(), self._where) or ""
        self._leave()

    def _resumed(self) -> TracksWriter | None:
        """Returns the writer of an earlier run's unfinished result, None where it is of no use."""
        from redtrack.formats import TracksWriter

        info = unfinished_info(self._final())
        is_tracking = self._made_with["options"]["protocol"] == "tracking"  # there each frame needs the one before
        if self._where.overwrite or is_tracking or info is None or identity(info) != self._identity:
            return None
        try:
            return TracksWriter.resume(self._final())
        except FormatError:
            return None  # cut off too early to be of use

    def _leave(self, **info: Any) -> None:
        """Closes what is open, counts what there is, and gives the lock back."""
        try:
            if self._writer is not None:
                self._writer.close(**info)
        finally:
            if self._lock is not None:
                self._counts = self._count()
            self.unlock()

    def _count(self) -> Counts:
        """Returns how much this run's result holds, be it finished or not; or the earlier one's that was kept."""
        if self._writer is None:
            return Counts() if self._state == FAILED else count(self._final())
        return count(self._writer.path if self._writer.is_complete else self._writer.part)
