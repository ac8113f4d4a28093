"""A run can be interrupted, terminated or killed at any moment, and the same command does the rest."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from annotating import ONE, TWO, clip_of

import redtrack

SOON = 30  # seconds; 10 are promised on a machine that has a core for this
MAIN = Path(__file__).parents[1] / "support" / "annotating_main.py"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number, frames in enumerate((70, 40, 55)):
        clip_of(folder / f"{number}.mkv", (ONE, TWO)[: 1 + number % 2], frames)
    return folder


@pytest.fixture(scope="module")
def reference(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of an unbroken run."""
    out = tmp_path_factory.mktemp("reference")
    assert ended(start(clips, out)) == 0
    return out


def start(clips: Path, out: Path, wait: float = 0.0) -> subprocess.Popen[str]:
    """Begins a run; it tells each call of the network on stdout."""
    places = os.pathsep.join([str(MAIN.parent), str(MAIN.parents[2])])
    env = os.environ | {"SQUARES_WAIT": str(wait), "PYTHONPATH": places}
    call = [sys.executable, str(MAIN), "annotate", str(clips), "-o", str(out), "--batch", "10", "--progress", "plain"]
    return subprocess.Popen(call, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> int:
    """Returns the exit status."""
    process.communicate(timeout=60)
    return process.returncode


def after_calls(process: subprocess.Popen[str], calls: int) -> subprocess.Popen[str]:
    """Waits until the network was called so often."""
    assert process.stdout is not None
    for _ in range(calls):
        assert process.stdout.readline() == "call\n"
    return process


def assert_same(out: Path, reference: Path) -> None:
    """All results are those of the unbroken run, and nothing else lies there."""
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in reference.iterdir())
    for path in reference.glob("*.h5"):
        assert redtrack.load(out / path.name).same_as(redtrack.load(path)), path.name


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "out"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_the_run_soon_with_its_status_and_the_rest_is_done_later(
    clips: Path, kept: Path, reference: Path, number: signal.Signals, status: int
) -> None:
    process = after_calls(start(clips, kept, wait=0.05), 3)
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status and time.monotonic() - began < SOON
    assert "stopping after this batch" in err and "partial" in out and "Traceback" not in err
    assert not any(redtrack.load(path).complete is False for path in kept.glob("*.h5"))
    assert ended(start(clips, kept)) == 0
    assert_same(kept, reference)


def test_second_interrupt_stops_at_once_and_breaks_no_file(clips: Path, kept: Path, reference: Path) -> None:
    """It leaves no lock behind, and the same command does the rest."""
    process = after_calls(start(clips, kept, wait=3.0), 2)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err
    assert list(kept.glob("*.part")) and not list(kept.glob(".*.lock"))
    assert ended(start(clips, kept)) == 0
    assert_same(kept, reference)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the decoder in /proc")
def test_decoder_that_hangs_does_not_hold_up_the_end(tmp_path: Path, kept: Path) -> None:
    """A run that waits for it is broken off soon after the signal, what it had is kept, and the decoder goes, too."""
    (tmp_path / "in").mkdir()
    clip_of(tmp_path / "in" / "long.mkv", (ONE,), 400)
    process = after_calls(start(tmp_path / "in", kept), 1)
    decoders = children(process.pid)
    for pid in decoders:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143 and time.monotonic() - began < 20, (
        err
    )  # 10 s, on a machine with nothing else to do
    assert "partial" in out and "Traceback" not in err
    assert decoders and not any(Path(f"/proc/{pid}/stat").exists() for pid in decoders)


def children(pid: int) -> list[int]:
    """The processes that a process began."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.parametrize("kills", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_killed_run_is_ended_by_the_same_command(clips: Path, kept: Path, reference: Path, kills: int) -> None:
    """Killed at random moments; what is finished stays whole, and the rest is done in the end."""
    chance = random.Random(kills)
    for _ in range(kills):
        process = start(clips, kept, wait=0.02)
        if process.stdout is not None and process.stdout.readline() == "call\n":
            time.sleep(chance.uniform(0, 0.4))
        process.kill()
        process.communicate()
        for path in kept.glob("*.h5"):
            assert redtrack.load(path).complete
    assert ended(start(clips, kept)) == 0
    for path in kept.glob(".*.lock"):
        path.unlink()
    assert_same(kept, reference)


def test_two_processes_on_one_folder_do_each_video_once(clips: Path, kept: Path, reference: Path) -> None:
    runs = [start(clips, kept, wait=0.05) for _ in range(2)]
    calls = sum(process.communicate(timeout=60)[0].count("call\n") for process in runs)
    assert [process.returncode for process in runs] == [0, 0]
    assert_same(kept, reference)
    alone = start(clips, kept.with_name("alone")).communicate()[0].count("call\n")
    assert calls <= alone + 2
