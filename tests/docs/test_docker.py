"""The Dockerfile and its page name files, commands, options and versions that exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from redtrack.cli import cli

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
PAGE = (ROOT / "docs" / "docker.md").read_text("utf-8")
STEPS = [line.split(maxsplit=1) for line in FILE.splitlines() if line and not line.startswith("#")]
RUNS = re.findall(r"^docker run .*? (redtrack(?::\w+)?) (.+)$", PAGE, re.MULTILINE)


def all_of(step: str) -> list[str]:
    return [rest for word, rest in STEPS if word == step]


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    """Every source of the first stage is in the repository, and `.dockerignore` lets it through."""
    copied = [source for rest in all_of("COPY") if "--from" not in rest for source in rest.split()[:-1]]
    assert copied and not [source for source in copied if not (ROOT / source).exists()]
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"]
    assert sorted(let_through) == sorted(copied)


def test_build_has_all_that_setup_reads() -> None:
    """The files that `setup.py` opens or packs are copied."""
    setup = (ROOT / "setup.py").read_text("utf-8")
    copied = " ".join(all_of("COPY"))
    for name in ("README.md", "LICENSE", "weights", "redtrack"):
        assert name in setup and name in copied


def test_command_and_versions_are_the_projects() -> None:
    """The entry point is installed, Python is new enough, torch is the one that the README names."""
    (entry,) = [json.loads(rest) for rest in all_of("ENTRYPOINT")]
    assert f'"{entry[0]} = redtrack.cli:main"' in (ROOT / "setup.py").read_text("utf-8")
    arguments = dict(rest.split("=", 1) for rest in all_of("ARG"))
    assert tuple(map(int, arguments["PYTHON"].split("."))) >= (3, 11)
    assert f"torch=={arguments['TORCH']}" in (ROOT / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in PAGE for name in arguments)


def test_does_not_run_as_root() -> None:
    assert all_of("USER") and not all_of("USER")[-1].startswith(("root", "0"))


@pytest.mark.parametrize(("image", "call"), RUNS)
def test_runs_of_the_page_parse(image: str, call: str) -> None:
    """Each image is built on the page, each command and its options exist."""
    assert re.search(rf"^docker build -t {re.escape(image)} ", PAGE, re.MULTILINE)
    name, *words = shlex.split(call)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known
