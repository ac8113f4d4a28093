"""What the commands share about edits by hand: their options, and tracks with the edits taken in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli import tell

if TYPE_CHECKING:
    from redtrack.tracks import Tracks

PLACE = click.Path(path_type=Path)


def edits_options(command: Any) -> Any:
    """Adds `--edits PLACE` and `--no-edits` to a command, as `edits` and `no_edits`."""
    command = click.option("--no-edits", is_flag=True, help="Leave edits by hand out.")(command)
    return click.option(
        "--edits",
        type=PLACE,
        metavar="FILE|FOLDER",
        help="Edits by hand: a .edits.jsonl, the folder of such, or COCO key points that were put right.  "
        "[default: STEM.edits.jsonl beside the tracks]",
    )(command)


def with_edits(
    tracks: Tracks, path: Path, place: Path | None = None, leave_out: bool = False, quiet: bool = False
) -> Tracks:
    """Returns tracks of the file `path` with the edits by hand that are found by its name, or at `place`.

    That there are any is told on stderr, unless `quiet`. Raises FormatError where they cannot be read.
    """
    from redtrack.edits import apply_edits, find_edits, read_edits
    from redtrack.errors import counted, printable

    found = None if leave_out else find_edits(path, place)
    if found is None:
        return tracks
    if found.suffix.lower() == ".json":
        from redtrack.review.exchange import edits_from_coco

        edited, broken, foreign = apply_edits(tracks, edits_from_coco(found, tracks)), 0, False
    else:
        edits = read_edits(found)
        edited, broken = apply_edits(tracks, edits.in_force()), edits.broken
        foreign = edits.is_of_another_source(tracks.info)
    words = [f"{counted(edited.count, 'edit')} by hand from {printable(found.name)}"]
    words += [f"{len(edited.idle)} of them found nothing to do"] if edited.idle else []
    words += [f"{counted(broken, 'line')} cut short"] if broken else []
    words += ["they were made for another video"] if foreign else []
    if not quiet:
        tell(f"{printable(path.name)}: {'; '.join(words)}")
    return edited.result()
