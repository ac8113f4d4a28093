"""Where the work is done is chosen on the command line; whatever is chosen, one log, one status, every video once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import deadly_world
import pytest
from annotating import ONE, clip_of
from click.testing import CliRunner
from running import use

import redtrack
from redtrack.cli import cli
from redtrack.cli.running import make_reporter
from redtrack.errors import UsageError
from redtrack.inference.options import Options
from redtrack.run.live_display import LiveReporter
from redtrack.run.progress import PlainReporter

HERE = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six videos, two of one name in different folders."""
    root = tmp_path_factory.mktemp("clips")
    for name in ("a/vid", "b/vid", "c", "d", "e", "f"):
        (root / name).parent.mkdir(exist_ok=True)
        clip_of(root / f"{name}.mkv", (ONE,), 25)
    return root


def sources(out: Path) -> list[str]:
    """The videos that the log says were done, sorted."""
    lines = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    return sorted(line["source"] for line in lines if line["state"] == "done")


def test_shards_together_do_each_video_exactly_once(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--shard 0/3`, `1/3` and the third task of a Slurm array: all videos, none twice, named as by a single run."""
    use(deadly_world.DeadlyNetworks(None, Options()).load(), monkeypatch)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "3")
    for shard in ("0/3", "1/3", "auto"):
        call = ["annotate", str(clips), "-o", str(tmp_path / "shared"), "--shard", shard, "--device", "cpu"]
        assert CliRunner().invoke(cli, call).exit_code == 0
    call = ["annotate", str(clips), "-o", str(tmp_path / "alone"), "--device", "cpu"]
    assert CliRunner().invoke(cli, call).exit_code == 0
    assert sources(tmp_path / "shared") == sources(tmp_path / "alone") and len(sources(tmp_path / "alone")) == 6
    assert sorted(os.listdir(tmp_path / "shared")) == sorted(os.listdir(tmp_path / "alone"))


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_an_interrupt_reaches_every_process_and_the_rest_is_done_later(
    clips: Path, tmp_path: Path, send: Callable[[int, int], None]
) -> None:
    """SIGINT ends a run on two devices soon with status 130, also when all hear it, as of Ctrl-C in a terminal; no lock
    is left, and the same command does what is missing.
    """
    process = start(clips, tmp_path / "out", wait=0.1)
    while process.poll() is None and not list((tmp_path / "out").glob("*.h5")):
        time.sleep(0.05)
    send(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert not list((tmp_path / "out").glob(".*.lock"))
    assert all(redtrack.load(path).complete for path in (tmp_path / "out").glob("*.h5"))
    again = start(clips, tmp_path / "out")
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0 and "6 videos: " in out and "failed" not in out
    assert sources(tmp_path / "out") == sorted(str(path) for path in clips.rglob("*.mkv"))


def start(clips: Path, out: Path, wait: float = 0.0) -> subprocess.Popen[str]:
    """Begins a run on two processes."""
    places = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    env = os.environ | {"DEADLY_GREEN": f"slow:{wait}", "PYTHONPATH": places}
    call = [sys.executable, str(HERE / "deadly_main.py"), "annotate", str(clips), "-o", str(out)]
    call += ["--devices", "cpu,cpu", "--progress", "plain"]
    return subprocess.Popen(call, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0)


def test_style_is_chosen_by_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for terminal, kind in ((True, LiveReporter), (False, PlainReporter)):
        monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda t=terminal: t, write=len, flush=len))
        assert type(make_reporter(None)) is kind
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: True, write=len, flush=len))
    monkeypatch.setenv("TERM", "dumb")
    assert type(make_reporter(None)) is PlainReporter
    with pytest.raises(UsageError, match="loud"):
        make_reporter("loud")


def test_jobs_share_the_videos_on_the_cpu_with_the_same_rows(clips: Path, tmp_path: Path) -> None:
    """One log and one display; `auto` is by cores and memory."""
    call = [sys.executable, str(HERE / "deadly_main.py"), "annotate", str(clips), "-o", str(tmp_path / "jobs")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    done = subprocess.run([*call, "--jobs", "2", "-q"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    call[-1] = str(tmp_path / "one")
    assert subprocess.run([*call, "-q"], env=env, check=False).returncode == 0
    assert sources(tmp_path / "jobs") == sources(tmp_path / "one") and len(sources(tmp_path / "one")) == 6
    for path in (tmp_path / "one").glob("*.h5"):
        assert redtrack.load(tmp_path / "jobs" / path.name).same_as(redtrack.load(path))


@pytest.mark.parametrize(
    "options", [("--jobs", "2", "--devices", "cpu,cpu"), ("--jobs", "2", "--device", "cuda:0"), ("--jobs", "0")]
)
def test_jobs_that_make_no_sense_are_refused(clips: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli, ["annotate", str(clips), "-o", str(tmp_path), *options]).exit_code == 2


def test_jobs_that_are_no_number_are_told_what_they_may_be(clips: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["annotate", str(clips), "-o", str(tmp_path), "--jobs", "x"])
    assert done.exit_code == 2 and "'x' is neither auto nor a whole number from 1" in done.output


def test_tree_of_folders_is_kept(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the folder that was named, or the part of a pattern before its first *; links in the way are refused."""
    use(deadly_world.DeadlyNetworks(None, Options()).load(), monkeypatch)
    for number, videos in enumerate([(str(clips),), (f"{clips}/*/*.mkv", str(clips / "c.mkv"))]):
        out = tmp_path / str(number)
        assert CliRunner().invoke(cli, ["annotate", *videos, "-o", str(out), "--keep-tree"]).exit_code == 0
        found = {str(path.relative_to(out)) for path in out.rglob("*.h5")}
        assert found >= {"a/vid.h5", "b/vid.h5", "c.h5"}
        again = CliRunner().invoke(cli, ["annotate", *videos, "-o", str(out), "--keep-tree"])
        assert again.exit_code == 0 and again.stdout.splitlines()[-1].endswith(f"{len(found)} skipped")
    (tmp_path / "linked" / "out").mkdir(parents=True)
    (tmp_path / "linked" / "out" / "a").symlink_to(tmp_path / "linked")
    done = CliRunner().invoke(cli, ["annotate", str(clips), "-o", str(tmp_path / "linked" / "out"), "--keep-tree"])
    assert done.exit_code == 1 and "is a link, which is not written through" in done.stdout
    assert not (tmp_path / "linked" / "vid.h5").exists()


def test_dry_run_says_what_a_run_would_do_and_writes_nothing(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do, skip, do anew, fail; under the names that the run then gives."""
    use(deadly_world.DeadlyNetworks(None, Options()).load(), monkeypatch)
    out = tmp_path / "out"

    def foresee(*options: str, status: int = 0) -> dict[str, list[str]]:
        done = CliRunner().invoke(cli, ["annotate", str(clips), "-o", str(out), "--dry-run", *options])
        assert done.exit_code == status, done.output
        lines = [line.split() for line in done.stdout.splitlines()[1:-2]]
        return {line[-1]: line[:-2] for line in lines if line[-1].endswith(".h5")}

    first = foresee()
    assert set(map(tuple, first.values())) == {("do",)} and not out.exists()
    assert CliRunner().invoke(cli, ["annotate", str(clips), "-o", str(out)]).exit_code == 0
    assert {str(path) for path in out.glob("*.h5")} == set(first)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert set(map(tuple, foresee().values())) == {("skip",)}
    done = CliRunner().invoke(cli, ["annotate", str(clips), "-o", str(out), "--dry-run", "--window", "4", "none.mp4"])
    assert done.exit_code == 1 and "7 videos: 6 to do anew, 1 to fail" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_output_folder_called_dash_is_refused(clips: Path) -> None:
    done = CliRunner().invoke(cli, ["annotate", str(clips), "-o", "-"])
    assert done.exit_code == 2 and not Path("-").exists()
