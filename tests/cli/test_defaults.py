"""Defaults come from redtrack.toml and from variables; what is typed counts most."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import redtrack
from redtrack.cli import COMMANDS, cli
from redtrack.cli.annotate import annotate
from redtrack.cli.defaults import defaults_for
from redtrack.cli.train import train
from redtrack.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def defaults(text: str = "", **environment: str) -> dict[str, object]:
    Path("redtrack.toml").write_text(text)
    return defaults_for(annotate, "annotate", COMMANDS, environment)


def test_file_sets_options_of_all_commands_and_of_one() -> None:
    """Keys are the long names of options; those of no command's table are for all that have the option."""
    text = 'progress = "plain"\nquick = true\n[annotate]\nformat = ["csv"]\ndetect_every = 5\ntemporal = false\n'
    text += "[verify]\nx = 1\n"
    assert defaults(text) == {"progress": "plain", "formats": ["csv"], "detect_every": 5, "temporal": False}


def test_variables_count_more_than_the_file_and_those_of_one_command_most() -> None:
    assert defaults("window = 3", REDTRACK_WINDOW="4") == {"window": "4"}
    assert defaults("", REDTRACK_WINDOW="4", REDTRACK_ANNOTATE_WINDOW="5") == {"window": "5"}
    assert defaults("", REDTRACK_FORMAT="csv pts", REDTRACK_DEBUG="1") == {"formats": ["csv", "pts"]}


def train_defaults(text: str = "", **environment: str) -> dict[str, dict[str, object]]:
    Path("redtrack.toml").write_text(text)
    return defaults_for(train, "train", COMMANDS, environment)


def test_commands_of_a_group_have_tables_and_variables_of_their_own() -> None:
    """What is set for the group, or for all commands, is for those of its commands that have the option."""
    found = train_defaults("seed = 1\nwarmup = 3\n[train]\nwarmup = 5\n[train.image]\nvalidate-every = 7\n")
    assert found["image"] == {"seed": 1, "warmup": 5, "validate_every": 7} and found["video"] == {
        "seed": 1,
        "warmup": 5,
    }
    found = train_defaults("[train.image]\nseed = 1", REDTRACK_TRAIN_SEED="2", REDTRACK_TRAIN_VIDEO_SEED="3")
    assert found["image"] == {"seed": "2"} and found["video"] == {"seed": "3"}
    with pytest.raises(UsageError, match=r"\[train.image\] has warm-up, which is no option of `redtrack train image`"):
        train_defaults("[train.image]\nwarm-up = 7\n")
    with pytest.raises(UsageError, match=r"\[train.imag\] is for no command"):
        train_defaults("[train.imag]\nwarmup = 7\n")


def test_what_is_typed_counts_most() -> None:
    """The defaults that are set are shown by --help, and are taken where nothing is typed."""
    Path("redtrack.toml").write_text("[annotate]\nwindow = 7\n")
    assert "default: 7" in CliRunner().invoke(cli, ["annotate", "--help"]).output
    Path("redtrack.toml").write_text("[annotate]\nwindow = 0\n")
    done = CliRunner().invoke(cli, ["annotate", "x.mp4", "-o", "out"])
    assert done.exit_code == 2 and "--window" in done.stderr
    done = CliRunner().invoke(cli, ["annotate", "x.mp4", "-o", "out", "--window", "4", "--dry-run"])
    assert done.exit_code == 1 and "no such file" in done.stdout


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[annotate]\nfromat = "csv"', "did you mean format"),
        ("[annotate]\nnonsense = 1", "no option of `redtrack annotate`"),
        ("annotate = 1", "is not a table"),
        ("window = ", "is not TOML"),
    ],
)
def test_file_that_is_wrong_is_said(text: str, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        defaults(text)


def test_file_of_another_name_has_to_be_there() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        defaults("", REDTRACK_CONFIG="nowhere.toml")
    Path("mine.toml").write_text("window = 6")
    assert defaults("window = 3", REDTRACK_CONFIG="mine.toml") == {"window": 6}


@pytest.mark.parametrize(
    ("words", "found"), [("redtrack ann", "annotate"), ("redtrack annotate --keep", "--keep-tree")]
)
def test_shell_completes_commands_and_options(words: str, found: str) -> None:
    env = os.environ | {"_REDTRACK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    env["PYTHONPATH"] = str(Path(redtrack.__file__).parent.parent)
    call = [sys.executable, "-c", "from redtrack.cli import main; main()"]
    done = subprocess.run(call, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [f"plain,{found}"], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text("utf-8")
    assert f"_REDTRACK_COMPLETE={shell}_source redtrack" in page
    done = CliRunner().invoke(cli, [], prog_name="redtrack", env={"_REDTRACK_COMPLETE": f"{shell}_source"})
    assert "COMP_WORDS" in done.output and "redtrack" in done.output


def test_command_that_is_misspelt_is_guessed() -> None:
    done = CliRunner().invoke(cli, ["anotate"])
    assert done.exit_code == 2 and "Did you mean 'annotate'?" in done.stderr
    assert "Did you mean" not in CliRunner().invoke(cli, ["xyzzy"]).stderr
