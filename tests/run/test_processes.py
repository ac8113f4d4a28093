"""Several processes share a run: every video once, one log, and a process that dies costs its video at most."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import deadly_world
import pytest
from annotating import BLUE, GREEN, ONE, Square, clip_of, still
from lingering import Lingering

import redtrack
from redtrack.device import parse_devices
from redtrack.errors import DeviceError, RedtrackError, UsageError, VideoError
from redtrack.inference.options import Options
from redtrack.run.annotation import Annotation
from redtrack.run.export import Where
from redtrack.run.folder import prepare_folder
from redtrack.run.outcome import Outcome
from redtrack.run.plan import Task, make_tasks
from redtrack.run.processes import Jobs, Processes
from redtrack.run.progress import SilentReporter, Working
from redtrack.run.run import Run

ALIVE = Square(BLUE, 50, still(100, 100))
DEADLY = Square(GREEN, 50, still(100, 100))


class Listener(SilentReporter):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.steps: list[Working] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def step(self, job: Working) -> None:
        self.steps.append(job)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five short videos, and one of a green square: d.mkv."""
    folder = tmp_path_factory.mktemp("clips")
    for number, name in enumerate("abcef"):
        clip_of(folder / f"{name}.mkv", (ONE,), 12 + 5 * number)
    clip_of(folder / "d.mkv", (DEADLY,), 40)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    prepare_folder(tmp_path / "out")
    return tmp_path / "out"


class Shared:
    """A run on several devices, with what it says."""

    def __init__(self, found: list[Path | RedtrackError], out: Path, devices: str = "cpu,cpu", **how: Any) -> None:
        plan = Annotation(Where(out), deadly_world.DeadlyNetworks(None, Options()))
        self.listener = Listener()
        self.processes = Processes(plan, self.listener, parse_devices(devices))
        self.run = Run(make_tasks(found), plan, self.listener, **how)

    def outcomes(self) -> list[Outcome]:
        return self.run.run(self.processes)


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.source.name: outcome.state for outcome in outcomes}


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]


def test_every_video_is_done_once_and_the_log_is_one(clips: Path, out: Path) -> None:
    """Two processes do all videos; each has a line in the log, with one run's id, and its tracks are right."""
    error = VideoError("fits no file", "x*.mp4", "check the pattern")
    shared = Shared([*sorted(clips.iterdir()), error], out)
    outcomes = shared.outcomes()
    assert states(outcomes) == {**{f"{name}.mkv": "done" for name in "abcdef"}, "x*.mp4": "failed"}
    assert shared.run.not_begun == 0
    lines = log(out)
    assert len(lines) == 7 and len({line["run"] for line in lines}) == 1
    assert {line["device"] for line in lines[1:]} == {"cpu"} and lines[1]["weights"] == "squares"
    assert redtrack.load(out / "d.h5").frames == 40
    assert {step.path.name for step in shared.listener.steps} >= {"d.mkv"}


def test_both_processes_have_work(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two videos are not taken by the same process, however fast it is."""
    monkeypatch.setenv("DEADLY_GREEN", "slow:0.3")
    shared = Shared([clips / "e.mkv", clips / "f.mkv"], out, devices="cpu,0")
    doers = Counter[str]()
    hand = shared.processes._hand
    monkeypatch.setattr(shared.processes, "_hand", lambda to, task: (doers.update([to.device]), hand(to, task)))
    assert set(states(shared.outcomes()).values()) == {"done"}
    assert doers == {"cpu": 1, "cuda:0": 1}


def test_a_stop_while_the_networks_load_leaves_no_lock(clips: Path, out: Path) -> None:
    """Videos that are claimed, but not begun, are partial, and anyone may have them."""
    prepared: list[str] = []
    shared = Shared([clips / "e.mkv", clips / "f.mkv"], out, stopping=lambda: bool(prepared))
    shared.listener.preparing = prepared.append  # type: ignore[method-assign]
    assert set(states(shared.outcomes()).values()) <= {"partial"} and prepared
    assert [path.name for path in out.iterdir()] == ["run.jsonl"]


def test_a_deadly_video_costs_itself_only(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies of it twice, is replaced, and all others are done; no decoder outlives whom it worked for."""
    monkeypatch.setenv("DEADLY_GREEN", "die")
    monkeypatch.setenv("DEADLY_MARK", str(out))
    shared = Shared(sorted(clips.iterdir()), out)
    seen: set[int] = set()
    listen = shared.processes._listen
    monkeypatch.setattr(shared.processes, "_listen", lambda to: (seen.update(decoders(out)), listen(to)))
    outcomes = {outcome.source.stem: outcome for outcome in shared.outcomes()}
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        **dict.fromkeys("abcef", "done"),
        "d": "failed",
    }
    assert "SIGKILL" in (outcomes["d"].reason or "")
    assert any("tried again" in text for text in shared.listener.said)
    until = time.monotonic() + 20
    while decoders(out) and time.monotonic() < until:
        time.sleep(0.1)
    assert not decoders(out)
    assert seen or not Path("/proc/self/environ").exists()  # a glance now and then does not see all


def decoders(mark: Path) -> set[int]:
    """Returns the decoder processes below a run with this mark; none where there is no /proc."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            marked = f"DEADLY_MARK={mark}".encode() in (process / "environ").read_bytes()
            if marked and b"redtrack.video.worker" in (process / "cmdline").read_bytes():
                found.add(int(process.name))
    return found


def test_a_process_that_is_killed_costs_nothing(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What died for another reason is done at the second try."""
    monkeypatch.setenv("DEADLY_GREEN", f"once:{out / 'flag'}")
    shared = Shared(sorted(clips.iterdir()), out, devices="cpu")
    assert set(states(shared.outcomes()).values()) == {"done"}


def test_a_gpu_that_fails_costs_nothing(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA gives the same error to every call that follows: a new process takes over, and no video fails for it."""
    monkeypatch.setenv("DEADLY_GREEN", f"gone:{out / 'flag'}")
    shared = Shared(sorted(clips.iterdir()), out, devices="cpu")
    assert set(states(shared.outcomes()).values()) == {"done"}
    said = shared.listener.said
    assert said[0] == "cpu failed: CUDA error: unspecified launch failure" and "tried again" in said[1]


def test_fail_fast_stops_all(clips: Path, out: Path) -> None:
    """The first failure ends the run; what was not begun is counted."""
    (out / "bad.mkv").write_text("x" * 10_000_000)  # the largest goes first
    shared = Shared([out / "bad.mkv", *sorted(clips.iterdir())], out, devices="cpu", fail_fast=True)
    assert states(shared.outcomes())["bad.mkv"] == "failed" and shared.run.not_begun >= 4


def test_a_stop_ends_all_soon_and_the_same_run_does_the_rest(
    clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to stop, each process ends after its call; nothing is lost that was finished."""
    monkeypatch.setenv("DEADLY_GREEN", "slow:0.2")
    shared = Shared(sorted(clips.iterdir()), out)
    shared.run.stopping = lambda: len(shared.run.outcomes) >= 1
    assert set(states(shared.outcomes()).values()) <= {"done", "partial"} and shared.run.not_begun >= 1
    monkeypatch.delenv("DEADLY_GREEN")
    assert set(states(Shared(sorted(clips.iterdir()), out, devices="cpu").outcomes()).values()) == {"done", "skipped"}


def test_a_device_that_is_not_there_ends_the_run(clips: Path, out: Path) -> None:
    """What is wrong with a device is said as for a run on it alone."""
    with pytest.raises(DeviceError, match="cuda:7"):
        Shared(sorted(clips.iterdir()), out, devices="cpu,7").outcomes()


def test_a_process_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all videos are done, and it was told to end long enough ago."""
    monkeypatch.setattr("redtrack.run.processes.END_WITHIN", 0.5)
    listener, tasks = Listener(), [Task(Path(f"{name}.mp4"), (name,)) for name in "ab"]
    began = time.monotonic()
    outcomes = list(Processes(Lingering(60.0), listener, ["cpu", "cpu"]).outcomes(tasks, lambda: False))  # type: ignore[arg-type]
    assert [outcome.state for outcome in outcomes] == ["done", "done"] and not listener.said
    assert time.monotonic() - began < 40


def test_devices_are_numbers_or_cpu() -> None:
    """GPUs go by their numbers."""
    assert parse_devices("0,1") == ["cuda:0", "cuda:1"]
    assert parse_devices("cpu, cuda:3") == ["cpu", "cuda:3"]
    for wrong in ("", "0,", "gpu", "-1", "cuda"):
        with pytest.raises(UsageError):
            parse_devices(wrong)


def test_a_single_video_needs_no_process(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several jobs have nothing to share out where there is one video."""
    plan = Annotation(Where(out), deadly_world.DeadlyNetworks(None, Options()))
    monkeypatch.setattr(Processes, "outcomes", None)
    run = Run(make_tasks([clips / "a.mkv"]), plan, SilentReporter())
    assert [outcome.state for outcome in run.run(Jobs(plan, SilentReporter(), 4))] == ["done"]
