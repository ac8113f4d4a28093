"""One video of a batch: its result's name and lock, what is left of earlier runs, and how it went in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.errors import FormatError, OutputError, RedtrackError
from redtrack.inference.landmarker import Models
from redtrack.inference.options import Options
from redtrack.inference.tracker import Tracker
from redtrack.run.export import Where, export
from redtrack.run.lock import Lock
from redtrack.run.names import Names, first_free
from redtrack.run.outcome import DONE, FAILED, PARTIAL, SKIPPED, Outcome, sentence
from redtrack.run.result import Counts, count, identity, identity_of, is_of, stored_info, unfinished_info

if TYPE_CHECKING:
    from redtrack.formats import TracksWriter
    from redtrack.video import DecodeReport

__all__ = ["FileJob"]


class FileJob:
    """A video whose rows go to a file in `where.folder`; `names` as `names.name_outputs` gives them.

    It is the destination of its `tracker`.
    """

    def __init__(
        self,
        path: Path,
        names: Names,
        where: Where,
        models: Models,
        options: Options,
        on_step: Callable[[Tracker], None] = lambda _: None,
    ) -> None:
        self.path, self.models, self.options = path, models, options
        self.tracker = Tracker(path, models, options, self, on_step)
        self.state = FAILED
        self.reason: str | None = None
        self.output: Path | None = None
        self._names, self._where = names, where
        self._digest = ""
        self._lock: Lock | None = None
        self._writer: TracksWriter | None = None
        self._counts = Counts()

    def claim(self) -> bool:
        """Claims the result's name; returns whether the rows are to be made, and not there already."""
        from redtrack.video import digest

        self._digest = digest(self.path)
        self.output = self._choose_output()
        lock = Lock(self.output)
        if not lock.take():
            self.state, self.reason = SKIPPED, "another process is at work on it"
            return False
        self._lock = lock
        found = None if self._where.overwrite else stored_info(self.output)
        if found is not None and identity(found) == self._identity():
            self._keep(found)
            return False
        return True

    def open(self, info: dict[str, Any]) -> TracksWriter:
        """Returns a writer that goes on where an earlier run was stopped, or begins anew."""
        from redtrack.formats import TracksWriter

        self._writer = self._resumed() or TracksWriter(self._output(), info)
        return self._writer

    def complete(self, report: DecodeReport, remark: str | None) -> None:
        """Gives the result its final name, and writes the further formats."""
        assert self._writer is not None, f"{self.path} has no writer"
        self._writer.complete(complete=not report.truncated, reason=report.reason)
        self.state, self.reason = (PARTIAL, report.reason) if report.truncated else (DONE, remark)
        export(self._output(), self._where)
        self._leave()

    def stopped(self) -> None:
        """Keeps what is final under the temporary name, for the next run to go on."""
        self.state, self.reason = PARTIAL, "stopped before its end; the same command goes on from there"
        self._leave(reason=self.reason)

    def failed(self, error: RedtrackError) -> None:
        """Keeps what can be resumed, but not on a disk that is full."""
        self.state, self.reason = FAILED, sentence(error, self.path)
        if self._writer is not None and (isinstance(error, OutputError) or not self._writer.frames):
            self._writer.discard()
        try:
            self._leave(reason=self.reason)
        except OutputError as another:
            self.reason = f"{self.reason}; {another.message}"

    def outcome(self) -> Outcome:
        """Returns how it went."""
        output = self.output if self.state != FAILED or self._counts.frames else None
        return Outcome(self.path, self.state, output, self.reason, self._counts, self.tracker.seconds)

    def _output(self) -> Path:
        assert self.output is not None, f"{self.path} has no output yet"
        return self.output

    def _identity(self) -> dict[str, Any]:
        return identity_of(self._digest, self.models, self.options)

    def _choose_output(self) -> Path:
        """Returns the result's path: an earlier result's of the same video, or one that no other video has."""
        infos = {name: self._stored(self._where.path(name)) for name in self._names}
        mine = {name for name, info in infos.items() if info and is_of(info, self.path, self._digest)}
        name = first_free(self._names, mine.__contains__, lambda name: infos[name] is not None)
        return self._where.path(name)

    def _stored(self, path: Path) -> dict[str, Any] | None:
        try:
            return stored_info(path) or unfinished_info(path)
        except FormatError:
            if self._where.overwrite:
                return None
            raise

    def _keep(self, found: dict[str, Any]) -> None:
        """Leaves a result as it is; further formats are written from it where they are missing."""
        self.state, self.reason = SKIPPED, None
        if not found["complete"]:
            self.state, self.reason = PARTIAL, f"{found.get('reason') or 'not complete'} (done before)"
        export(self._output(), self._where)
        self._leave()

    def _resumed(self) -> TracksWriter | None:
        """Returns the writer of an earlier run's unfinished result, None where it is of no use."""
        from redtrack.formats import TracksWriter

        info = unfinished_info(self._output())
        anew = self._where.overwrite or self.options.protocol == "tracking"  # there each frame needs the one before
        if anew or info is None or identity(info) != self._identity():
            return None
        try:
            return TracksWriter.resume(self._output())
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

    def unlock(self) -> None:
        """Gives the lock back, if it is held."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _count(self) -> Counts:
        """Returns how much this run's result holds, be it finished or not; or the earlier one's that was kept."""
        if self._writer is None:
            return Counts() if self.state == FAILED else count(self._output())
        return count(self._writer.path if self._writer.is_complete else self._writer.part)
