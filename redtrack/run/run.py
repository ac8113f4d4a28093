"""Many videos, one run: each ends done, partial, failed or skipped, and none stops the others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redtrack.device import DeviceGone
from redtrack.errors import Bug, DeviceError, OutputError, RedtrackError
from redtrack.inference.engine import Engine
from redtrack.inference.landmarker import Models
from redtrack.inference.options import Options
from redtrack.inference.profile import Profile
from redtrack.inference.tracker import Tracker
from redtrack.run.export import Where
from redtrack.run.names import Names, name_outputs
from redtrack.run.outcome import FAILED, Outcome, sentence
from redtrack.run.output import FileJob
from redtrack.run.progress import Reporter
from redtrack.run.run_log import RunLog
from redtrack.run.stop import BrokenOff

__all__ = ["Batch", "prepare_folder"]


@dataclass
class Batch:
    """A run over `found`, the videos (or errors in their place) that `inputs.find_videos` gives.

    `stopping` is asked between steps whether to stop; `fail_fast` stops at the first video that fails or is partial.
    `outcomes` grows as videos end. `names` are the results' names where other runs share the inputs, so that all agree
    on them; `profile` collects where the time goes. A bug of redtrack's own fails the videos that it met, its traceback
    is shown, and the others go on.
    """

    found: Sequence[Path | RedtrackError]
    where: Where
    models: Models
    options: Options
    reporter: Reporter
    batch: int | None = None
    fail_fast: bool = False
    stopping: Callable[[], bool] = lambda: False
    outcomes: list[Outcome] = field(default_factory=list)
    names: Mapping[Path, Names] | None = None
    profile: Profile | None = None
    _open: dict[Tracker, FileJob] = field(default_factory=dict, init=False)

    def run(self) -> list[Outcome]:
        """Returns what became of each input, in the order in which they ended."""
        log = RunLog(self.where.folder, self._about())
        for error in self.found:
            if isinstance(error, RedtrackError):
                self._add(Outcome(error.path or Path(), FAILED, reason=sentence(error, error.path)), log)
        say = self.reporter.say
        engine = Engine(self.models, self.options, self.batch, self._stopping, tell=say, profile=self.profile)
        try:
            for tracker in engine.run(self._trackers()):
                self._tell(tracker, log)
        except BrokenOff:
            self._break_off(engine, log)
        except DeviceGone as gone:
            self._device_gone(gone, engine, log)
        except KeyboardInterrupt:  # the second one: nothing is waited for, and the next run goes on from the disk
            for job in self._open.values():
                job.unlock()
            raise
        return self.outcomes

    def _device_gone(self, gone: DeviceGone, engine: Engine, log: RunLog) -> None:
        """Ends the run, for nothing more can be done in this process."""
        self._break_off(engine, log)
        raise DeviceError(f"the device failed ({gone})", remedy="give the same command again to go on") from gone

    def _break_off(self, engine: Engine, log: RunLog) -> None:
        """Ends the open videos where they are."""
        for tracker in engine.break_off():
            self._tell(tracker, log)

    @property
    def not_begun(self) -> int:
        """How many inputs were not looked at, because the run was stopped."""
        return len(self.found) - len(self.outcomes)

    def _trackers(self) -> Iterator[Tracker]:
        paths = [path for path in self.found if isinstance(path, Path)]
        named = self.names or dict(zip(paths, name_outputs(paths), strict=True))
        for path in paths:
            yield self._tracker(path, named[path])

    def _tracker(self, path: Path, names: Names) -> Tracker:
        job = FileJob(path, names, self.where, self.models, self.options, self.reporter.step)
        self._open[job.tracker] = job
        return job.tracker

    def _tell(self, tracker: Tracker, log: RunLog) -> None:
        job = self._open.pop(tracker)
        if isinstance(tracker.error, Bug):
            self.reporter.say(tracker.error.details)
        self._add(job.outcome(), log)

    def _stopping(self) -> bool:
        return self.stopping() or (self.fail_fast and not all(outcome.good for outcome in self.outcomes))

    def _add(self, outcome: Outcome, log: RunLog) -> None:
        self.outcomes.append(outcome)
        self.reporter.ended(outcome)
        try:
            log.add(outcome)
        except OutputError as error:  # on a full disk: what became of the video is still reported
            self.reporter.say(str(error))

    def _about(self) -> dict[str, Any]:
        import torch

        import redtrack

        return {
            **self.models.about,
            "device": str(self.models.device),
            "options": self.options.to_dict(),
            "version": redtrack.__version__,
            "torch": torch.__version__,
        }


def prepare_folder(folder: Path) -> None:
    """Makes the output folder; raises OutputError where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise OutputError("is a file, not a folder", folder, "choose another -o") from error
    except NotADirectoryError as error:
        raise OutputError("lies below a file, not a folder", folder, "choose another -o") from error
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise OutputError(f"cannot be written to: {reason}", folder, "choose another -o") from error
