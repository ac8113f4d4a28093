"""The help texts: every command and every option is described, and every command shows how it is called."""

from __future__ import annotations

import click
import pytest
from commands import ALL, help_of

from redtrack.cli import COMMANDS, cli


def test_commands_are_listed_with_a_line_each():
    """`redtrack --help` names every command and says in one line what it does."""
    text = help_of(cli, "redtrack")
    for name in (n for n in ALL if " " not in n):
        assert f"{name} " in text
        assert COMMANDS[name] in " ".join(text.split())


@pytest.mark.parametrize("name", [n for n, c in ALL.items() if not isinstance(c, click.Group)])
def test_a_command_shows_an_example(name):
    """The help of every command, or of its group, holds a line as one would type it."""
    group = name.rpartition(" ")[0]
    text = help_of(ALL[name], name) + (help_of(ALL[group], group) if group else "")
    lines = [line.strip().removeprefix("Example: ") for line in text.splitlines()]
    assert [line for line in lines if line.startswith(f"redtrack {name} ")], f"no example of {name}"


@pytest.mark.parametrize("name", ALL)
def test_every_option_says_what_it_does(name):
    """No option and no command without a help text."""
    assert ALL[name].help
    silent = {p.name for p in ALL[name].params if isinstance(p, click.Option) and not p.help}
    assert not silent, f"{name}: {silent}"
