"""Defaults of options that a user sets once: in `redtrack.toml` in the working folder, or in `REDTRACK_*` variables.

    progress = "plain"          # for every command that has the option

    [annotate]
    format = ["csv"]
    detect-every = 5

`REDTRACK_CONFIG` names another file. `REDTRACK_DETECT_EVERY=5` is the same for every command that has the option,
`REDTRACK_ANNOTATE_DETECT_EVERY=5` for one. What is typed counts most, then variables, then the file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from redtrack.errors import UsageError

__all__ = ["defaults_for"]

FILE = "redtrack.toml"
PREFIX = "REDTRACK_"
NAMES_FILE = f"{PREFIX}CONFIG"
OWN = (NAMES_FILE, f"{PREFIX}DEBUG")  # variables that are no defaults


def defaults_for(
    command: click.Command, name: str, commands: Iterable[str], environment: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Returns the defaults of a command's options, by their parameters; of a group, those of its commands, by name.

    commands: the names of all.

    Raises UsageError for a file that cannot be read, and for an option of this command that there is not.
    """
    path = Path(environment.get(NAMES_FILE, FILE))
    values = _read(path) if NAMES_FILE in environment or path.is_file() else {}
    values = {key: value for key, value in values.items() if key == name or key not in commands}
    return _defaults(command, name, name, values, environment, path)


def _defaults(
    command: click.Command,
    name: str,
    key: str,
    values: Mapping[str, Any],
    environment: Mapping[str, str],
    path: Path,
) -> dict[str, Any]:
    """Returns a command's defaults; `values` are for all that have the option, and in a table `key` for this one."""
    own = values.get(key, {})
    if not isinstance(own, dict):
        raise UsageError(f"[{name.replace(' ', '.')}] is not a table", path)
    shared = {other: value for other, value in values.items() if other != key}
    if isinstance(command, click.Group):
        for sub, value in own.items():
            if isinstance(value, dict) and sub not in command.commands:
                raise UsageError(f"[{name}.{sub}] is for no command of `redtrack {name}`", path)
        inner = {
            sub: {k: v for k, v in own.items() if k == sub or k not in command.commands} for sub in command.commands
        }
        return {
            sub: _defaults(one, f"{name} {sub}", sub, shared | inner[sub], environment, path)
            for sub, one in command.commands.items()
        }
    options = {option.name: option for option in command.params if isinstance(option, click.Option) and option.name}
    for option in own:
        if _parameter(option, options) is None:
            raise _unknown(option, name, options, path)
    found = _by_parameter(shared, options) | _by_parameter(own, options)
    return found | _from_environment(options, name, environment)


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(f"cannot be read: {(error.strerror or str(error)).lower()}", path) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"is not TOML ({error})", path, "see docs/command_line.md for an example") from error


def _by_parameter(values: Mapping[str, Any], options: Mapping[str, click.Option]) -> dict[str, Any]:
    """Returns the values whose keys name an option, by its parameter."""
    named = {_parameter(key, options): value for key, value in values.items()}
    return {name: value for name, value in named.items() if name is not None}


def _parameter(key: str, options: Mapping[str, click.Option]) -> str | None:
    """Returns the parameter of the option that a key names: its long name without dashes in front."""
    wanted = "--" + key.replace("_", "-").lower()
    return next((name for name, option in options.items() if wanted in option.opts), None)


def _unknown(key: str, name: str, options: Mapping[str, click.Option], path: Path) -> UsageError:
    names = [long.removeprefix("--") for option in options.values() for long in option.opts if long.startswith("--")]
    near = get_close_matches(key.replace("_", "-"), names, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"see `redtrack {name} --help`"
    return UsageError(f"[{name.replace(' ', '.')}] has {key}, which is no option of `redtrack {name}`", path, remedy)


def _from_environment(options: Mapping[str, click.Option], name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Returns the values of variables; those for one command count more. Several values are separated by blanks."""
    found: dict[str, Any] = {}
    words = name.upper().replace("-", "_").split()
    for prefix in (PREFIX, *(f"{PREFIX}{'_'.join(words[: k + 1])}_" for k in range(len(words)))):
        for parameter, option in options.items():
            for long in option.opts:
                variable = prefix + long.lstrip("-").replace("-", "_").upper()
                if variable in environment and variable not in OWN:
                    text = environment[variable]
                    found[parameter] = text.split() if option.multiple else text
    return found
