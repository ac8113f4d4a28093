"""The kinds of paths that options take, and arguments that are named in the wrong order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


def out_option(meaning: str = "Folder for the results; created if missing.") -> Callable[[F], F]:
    """Returns the option -o DIR of a command."""
    return click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help=meaning)


def refuse_swapped(command: str, video: Path, tracks: Path) -> None:
    """Raises UsageError where the tracks are named first and the video second."""
    from redtrack.errors import UsageError
    from redtrack.video.signatures import is_video

    if is_video(tracks) and video.is_file() and not is_video(video):
        remedy = f"name the video first and its tracks second: redtrack {command} VIDEO TRACKS"
        raise UsageError("is a video where the tracks are to be", tracks, remedy)
