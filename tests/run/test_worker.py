"""A worker skips what is done without its networks, and says when it loads them."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from annotating import ONE, clip_of, square_models
from running import run

import redtrack
from redtrack.inference.options import Options
from redtrack.run.annotation import Annotation
from redtrack.run.export import Where
from redtrack.run.networks import LoadedNetworks
from redtrack.run.plan import Task
from redtrack.run.progress import SilentReporter


class Listener(SilentReporter):
    """Keeps what it hears is prepared."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def preparing(self, what: str) -> None:
        self.heard.append(what)


class Source:
    """Tasks that come in portions."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def __iter__(self) -> Iterator[Task]:
        return self

    def __next__(self) -> Task:
        if not self.tasks:
            raise StopIteration
        return self.tasks.pop(0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    return [clip_of(folder / f"{name}.mkv", (ONE,), 21) for name in "abc"]


def test_networks_are_loaded_for_the_first_video_that_needs_them(clips: list[Path], tmp_path: Path) -> None:
    """A run that only skips does not load them; one that loads them says so once."""
    listener = Listener()
    run(clips[:2], tmp_path / "out", reporter=listener)
    assert listener.heard == ["loading the networks"]
    again = run(clips[:2], tmp_path / "out", reporter=listener)
    assert [outcome.state for outcome in again.values()] == ["skipped"] * 2
    run(clips, tmp_path / "out", reporter=listener)
    assert listener.heard == ["loading the networks"] * 2


def test_worker_goes_on_when_there_are_tasks_again(clips: list[Path], tmp_path: Path) -> None:
    """It keeps its networks, and videos that are done already are told among those that are not."""
    run(clips[1:2], tmp_path)
    listener = Listener()
    plan = Annotation(Where(tmp_path), LoadedNetworks.of(square_models(), Options()))
    worker = plan.worker(listener)
    tasks = [Task(path, (path.stem,)) for path in clips]
    source, found = Source(), []
    for portion in (tasks[:2], [], tasks[2:]):
        source.tasks += portion
        found.append(sorted(outcome.source.stem for outcome in worker.outcomes(source)))
    assert found == [["a", "b"], [], ["c"]]
    assert listener.heard == ["loading the networks"]


def test_who_hears_of_a_video_need_not_load_torch(clips: list[Path], tmp_path: Path) -> None:
    """What a worker says of it has no class of torch's in it: the process that shows the progress would load that."""
    plan = Annotation(Where(tmp_path), LoadedNetworks.of(square_models(), Options()))
    outcomes = list(plan.worker(Listener()).outcomes(iter([Task(clips[0], ("a",))])))
    assert [outcome.state for outcome in outcomes] == ["done"]
    assert b"torch." not in pickle.dumps(outcomes)


def test_skipping_does_not_import_torch(clips: list[Path], tmp_path: Path) -> None:
    """Through the command line, with the identity of the shipped networks: the result is made to look as if theirs."""
    script = f"""
import sys
from redtrack.cli import cli
from redtrack.formats import TracksWriter
from redtrack.inference.options import Options
from redtrack.run.networks import Networks
from redtrack.run.result import identity_of
from redtrack.video import digest
video, out = {str(clips[0])!r}, {str(tmp_path / "out")!r}
made = identity_of(digest(video), {{**Networks(None, Options()).identity(), "options": Options().to_dict()}})
writer = TracksWriter(out + "/a.h5", made | {{"source": video}})
writer.complete()
try:
    cli.main(["annotate", video, "-o", out])
except SystemExit as end:
    assert not end.code, end.code
assert "torch" not in sys.modules
"""
    (tmp_path / "out").mkdir()
    env = {"PYTHONPATH": str(Path(redtrack.__file__).parent.parent), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "1 video: 1 skipped" in done.stdout, done.stderr
