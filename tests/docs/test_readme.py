"""What the README says is so: its commands and options exist, its Python runs, its files are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from redtrack.cli import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def redtrack_calls() -> Iterator[str]:
    """Yields every call of redtrack in the README's blocks, without its prompt and comment."""
    for language, block in BLOCKS:
        if language in ("sh", "console"):
            for line in block.replace("\\\n", " ").splitlines():
                if language == "sh" or line.startswith("$ "):
                    yield from re.findall(r"(?:^|&& |\$ )(redtrack [^#&|>]+)", line)


def test_the_first_two_blocks_are_install_and_tests():
    """The first shell block installs and annotates the example, the second runs the tests; CI runs both as printed."""
    install, tests = [block for language, block in BLOCKS if language == "sh"][:2]
    assert "pip install torch==2.13.0" in install
    assert "redtrack annotate examples/astronaut.mp4" in install
    assert tests.strip().endswith("pytest")


@pytest.mark.parametrize("call", sorted(set(redtrack_calls())))
def test_calls_name_commands_and_options_that_exist(call):
    """Every command and option in the README's shell blocks is known to the command line."""
    words = shlex.split(call)[1:]
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, call
        command = found
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words if word.startswith("-")}
    assert used <= known | {"--help", "-h"}, f"unknown: {used - known}"


@pytest.mark.parametrize("block", [block for language, block in BLOCKS if language == "python"])
def test_python_blocks_run(block, tmp_path, monkeypatch):
    """The README's Python runs from top to bottom in a folder with the examples."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert (tmp_path / "out" / "astronaut.csv").exists()


def test_files_that_it_names_exist():
    """Every path in the README that begins with a folder of the project leads to something."""
    paths = re.findall(r"(?<![\w/])(?:examples|weights|redtrack|tests|docs)/[\w./-]*\w", README)
    assert paths
    missing = [path for path in set(paths) if not (ROOT / path).exists()]
    assert not missing


def test_nothing_is_left_to_fill_in():
    """No section is empty and no placeholder stands."""
    for title, body in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL):
        assert body.strip(), f"'{title}' is empty"
    assert not re.findall(r"TODO|TERMINAL SESSION|FIRST LINES", README)
