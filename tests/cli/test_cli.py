"""The command line's frame: statuses and streams, one sentence for bad input, a traceback for bugs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import redtrack
from redtrack.cli import COMMANDS, cli
from redtrack.errors import DeviceError, FormatError, UsageError, WeightsError
from redtrack.formats.pts import write_points


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`redtrack info` raises whatever is named: a stand-in for a command that fails."""
    errors = {
        "format": FormatError("is odd", "a.h5", "mend it"),
        "usage": UsageError("is odd"),
        "device": DeviceError("is odd"),
        "weights": WeightsError("is odd"),
        "bug": ZeroDivisionError("odd"),
        "interrupt": KeyboardInterrupt(),
        "disk": OSError(5, "Input/output error"),
    }

    @click.command()
    @click.argument("name")
    def info(name: str) -> None:
        raise errors[name]

    monkeypatch.setattr("redtrack.cli.info.info", info)


@pytest.mark.parametrize(("name", "status"), [("format", 1), ("usage", 2), ("device", 2), ("weights", 2)])
def test_bad_input_is_one_sentence_on_stderr(failing: None, name: str, status: int) -> None:
    done = CliRunner().invoke(cli, ["info", name])
    assert done.exit_code == status and done.stdout == ""
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    if name == "format":
        assert done.stderr == "Error: a.h5: is odd; mend it\n"


def test_traceback_of_bad_input_is_shown_on_demand(failing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDTRACK_DEBUG", "1")
    done = CliRunner().invoke(cli, ["info", "format"])
    assert isinstance(done.exception, FormatError)


@pytest.mark.parametrize(("name", "kind"), [("bug", ZeroDivisionError), ("disk", OSError)])
def test_bug_is_not_hidden(failing: None, name: str, kind: type[Exception]) -> None:
    done = CliRunner().invoke(cli, ["info", name])
    assert isinstance(done.exception, kind)


def test_interrupt_is_status_130_without_a_traceback(failing: None) -> None:
    done = CliRunner().invoke(cli, ["info", "interrupt"])
    assert done.exit_code == 130 and "Traceback" not in done.stderr


@pytest.mark.parametrize("wrong", [["nonsense"], ["annotate", "--nonsense"], ["annotate", "a.mp4"], ["info"]])
def test_wrong_usage_is_status_2(wrong: list[str]) -> None:
    done = CliRunner().invoke(cli, wrong)
    assert done.exit_code == 2 and done.stderr


def test_version_is_the_packages() -> None:
    assert redtrack.__version__ in CliRunner().invoke(cli, ["--version"]).stdout


def test_every_command_is_listed_and_can_be_imported() -> None:
    context = click.Context(cli)
    names = cli.list_commands(context)
    assert set(names) == set(COMMANDS)
    assert all(isinstance(cli.get_command(context, name), click.Command) for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["annotate", "--help"]])
def test_help_takes_less_than_0_4_seconds(arguments: list[str]) -> None:
    """The best of five: what the machine does beside is not ours."""
    times = []
    env = os.environ | {"PYTHONPATH": str(Path(redtrack.__file__).parent.parent)}
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "redtrack", *arguments], env=env, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.4


def test_module_runs_as_the_command(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "redtrack", "--version"]
    env = os.environ | {"PYTHONPATH": str(Path(redtrack.__file__).parent.parent)}
    done = subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert redtrack.__version__ in done.stdout


def in_a_shell(tmp_path: Path, arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(Path(redtrack.__file__).parent.parent)} | environment
    call = ["bash", "-c", f"{sys.executable} -m redtrack {arguments}"]
    return subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)


def test_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    """As in `redtrack info … | head -1`."""
    assert "Traceback" not in in_a_shell(tmp_path, "train --help | head -c 1").stderr


def test_listing_on_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("a system without /dev/full")
    done = in_a_shell(tmp_path, "--version > /dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "no space" in done.stderr


def test_closed_streams_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    write_points(np.zeros((68, 2)), tmp_path / "clip" / "000001.pts")
    assert in_a_shell(tmp_path, "verify clip >&- 2>&-").returncode == 1
    assert in_a_shell(tmp_path, "convert clip --to csv -o out >&- 2>&-").returncode == 0


def test_no_file_has_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """What a C library or another process writes to stderr would go into it: a result, a lock, a way to a process."""
    (tmp_path / "main.py").write_text(
        "import os, subprocess, sys\n"
        "from redtrack.cli import _mend_streams\n"
        "_mend_streams()\n"
        "with open('result', 'w') as file:\n"
        "    subprocess.run([sys.executable, '-c', 'import os; os.write(2, b\"words\")'], check=True)\n"
        "    file.write(str(file.fileno()))\n"
    )
    for closed in ("<&- >&- 2>&-", ">&-", "2>&-"):
        call = ["bash", "-c", f"{sys.executable} main.py {closed}"]
        env = os.environ | {"PYTHONPATH": str(Path(redtrack.__file__).parent.parent)}
        assert subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, check=False).returncode == 0, closed
        assert int((tmp_path / "result").read_text()) > 2, closed


def test_name_that_the_listing_cannot_show_is_escaped(tmp_path: Path) -> None:
    done = in_a_shell(tmp_path, "verify gone-名.h5", PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stdout) == (1, "bad  gone-\\u540d.h5: no such file; check the spelling\n")
