"""The command line: a group that imports a command when it is called, and turns errors into text and exit statuses.

Exit status: 0 all done, 1 some inputs failed, 2 wrong usage, 130 interrupted, 143 terminated. Results and listings go
to stdout, progress and messages to stderr.
"""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

import redtrack
from redtrack.errors import DeviceError, RedtrackError, UsageError, WeightsError

__all__ = ["COMMANDS", "cli", "main", "tell", "tell_error"]

COMMANDS = {
    "annotate": "Put 68 landmarks on every face of every frame of videos.",
    "convert": "Turn tracks of any format into another.",
    "evaluate": "Score tracks against the truth.",
    "render": "Draw tracks on their video.",
    "review": "Show where tracks need a look, and put points right by hand.",
    "crop": "Cut steady clips of faces, eyes or mouths out of videos.",
    "measures": "Measure eyes, mouth and head; find blinks and other events.",
    "plot": "Draw what people measure on the points over time.",
    "info": "Show what a video, a tracks file or a weights file contains.",
    "verify": "Check that tracks are complete and match their video.",
    "train": "Train the networks.",
    "bench": "Measure how fast each part of the work is.",
    "doctor": "Check that this machine can run redtrack.",
}
"""Each is the click command of its name in the module of its name, and its help in one line."""

_FAILED, _WRONG_USAGE, _INTERRUPTED = 1, 2, 130


class LazyGroup(click.Group):
    """Knows its commands by name; imports one to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of the commands, in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of a name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"redtrack.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Returns the command that the arguments begin with; says which one may be meant where there is none."""
        from difflib import get_close_matches

        if args and args[0] not in COMMANDS and (near := get_close_matches(args[0], COMMANDS, n=1)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and name is not None:
            from redtrack.cli.defaults import defaults_for

            ctx.default_map = {name: defaults_for(command, name, COMMANDS)}
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs a command line; ends the process with its status unless told otherwise."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            status = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Stopped.", err=True)
            status = _INTERRUPTED
        except RedtrackError as error:
            status = _report(error)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            if error.errno == errno.ENOSPC:  # results that do not fit say so themselves
                click.echo("Error: stdout cannot be written: no space left on device", err=True)
            _leave_stdout()
        sys.exit(status if isinstance(status, int) else 0)


def _report(error: RedtrackError) -> int:
    """Says what is wrong in one sentence; returns the exit status."""
    if os.environ.get("REDTRACK_DEBUG"):
        raise error
    tell_error(error)
    return _WRONG_USAGE if isinstance(error, (UsageError, DeviceError, WeightsError)) else _FAILED


def tell_error(error: RedtrackError) -> None:
    """Says on stderr what is wrong."""
    tell(f"Error: {error}")


def tell(text: str) -> None:
    """Says it on stderr, in lines that fit a terminal."""
    from redtrack.cli.table import fold, width_of

    click.echo(fold(text, width_of(sys.stderr)), err=True)


def _leave_stdout() -> NoReturn:
    """Ends quietly when nobody reads stdout any more, as `| head` does, or nothing more fits where it goes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(_FAILED)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(redtrack.__version__, "-V", "--version", prog_name="redtrack")
def cli() -> None:
    """68 face landmarks on every frame of many videos.

    \b
      redtrack annotate videos/ -o tracks
      redtrack render videos/clip.mp4 tracks/clip.h5 -o clip_points.mp4
      redtrack convert tracks/*.h5 --to pts -o points
      redtrack evaluate tracks 300vw --category 3

    Exit status: 0 all done, 1 some inputs failed (they are named), 2 wrong usage, 130 interrupted, 143 terminated.
    REDTRACK_DEBUG=1 shows the whole traceback of an error.
    """


def main() -> None:
    """Runs the command line of the process."""
    _mend_streams()
    try:
        cli.main(prog_name="redtrack")
    finally:
        gc.freeze()  # else all that torch made is looked through once more, for a quarter of a second


def _mend_streams() -> None:
    """Lets output that is closed go nowhere, and shows what a stream's encoding lacks escaped: the work is done."""
    for handle in range(3):  # else the next file to be opened has the number, and C libraries write their words there
        try:
            os.fstat(handle)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
