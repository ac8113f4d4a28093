"""A run whose terminal is gone goes on in silence."""

import errno
import os
import subprocess
import sys
from pathlib import Path

from annotating import ONE, clip_of

import redtrack
from redtrack.run.outcome import DONE, Outcome
from redtrack.run.progress import SilentReporter
from redtrack.run.undisturbed import Undisturbed


class Closing(SilentReporter):
    """Can tell one thing, then its terminal is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def say(self, text: str) -> None:
        if self.told:
            raise OSError(errno.EIO, "Input/output error")
        self.told.append(text)


def test_what_happens_is_passed_on_until_nobody_hears_it() -> None:
    reporter = Closing()
    undisturbed = Undisturbed(reporter)
    for text in ("one", "two", "three"):
        undisturbed.say(text)
    undisturbed.begin(1)
    undisturbed.ended(Outcome(Path("a.mp4"), DONE))
    undisturbed.close()
    assert reporter.told == ["one"]


def test_run_whose_stderr_is_closed_does_its_work(tmp_path: Path) -> None:
    clip_of(tmp_path / "a.mkv", (ONE,), 21)
    main = Path(__file__).parents[1] / "support" / "annotating_main.py"
    call = [sys.executable, str(main), "annotate", str(tmp_path / "a.mkv"), "-o", str(tmp_path / "out"), "--progress"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(main.parent), str(main.parent.parent)])}
    process = subprocess.Popen([*call, "plain"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    process.wait(timeout=120)
    assert redtrack.load(tmp_path / "out" / "a.h5").frames == 21
