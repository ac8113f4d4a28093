"""The kinds of paths that options take, and arguments that are named in the wrong order."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


def refuse_swapped(command: str, video: Path, tracks: Path) -> None:
    """Raises UsageError where the tracks are named first and the video second."""
    from redtrack.errors import UsageError
    from redtrack.video.signatures import is_video

    if is_video(tracks) and video.is_file() and not is_video(video):
        remedy = f"name the video first and its tracks second: redtrack {command} VIDEO TRACKS"
        raise UsageError("is a video where the tracks are to be", tracks, remedy)
