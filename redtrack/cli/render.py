"""`redtrack render`: the video with its tracks drawn on it, or a sheet of some frames."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli import tell
from redtrack.cli.edits import edits_options, with_edits
from redtrack.cli.paths import FILE, refuse_swapped

if TYPE_CHECKING:
    from redtrack.render.film import Rendered
    from redtrack.render.overlay import Style
    from redtrack.tracks import Tracks

PNG = click.Path(dir_okay=False, path_type=Path)


@click.command(no_args_is_help=True)
@click.argument("video", type=click.Path(path_type=Path))
@click.argument("tracks", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=FILE, metavar="FILE",
              help="The drawing: .mp4, .mov or .mkv; a .png draws one picture.")  # fmt: skip
@click.option("--sheet", type=PNG, metavar="FILE.png", help="Draw some frames in a grid.")
@click.option("--frames", type=click.IntRange(min=1), default=16, show_default=True, help="Frames on the sheet.")
@click.option("--worst", is_flag=True, help="Put the most doubtful frames on the sheet, not evenly spread ones.")
@click.option("--zoom", is_flag=True, help="Show faces close up on the sheet: in each frame the most doubtful one.")
@click.option("--points-on-black", is_flag=True, help="Leave the picture out: nobody can be told by the points.")
@click.option("--points/--no-points", default=True, help="Dots.")
@click.option("--lines/--no-lines", default=True, help="Lines along the parts of the face.")
@click.option("--boxes/--no-boxes", default=True, help="Face boxes.")
@click.option("--ids/--no-ids", default=True, help="Face id and mean confidence.")
@click.option("--axes/--no-axes", default=False, help="The head's axes: x red, y green, and blue the way it looks.")
@click.option("--mesh/--no-mesh", default=False, help="The 3D face as a net of thin lines; what it hides is left out.")
@click.option("--caption", is_flag=True, help="Frame number and time; always on sheets.")
@click.option("--colour", "--color", type=click.Choice(["confidence", "disagreement", "part", "face"]),
              default="confidence", show_default=True,
              help="What the colour of the points tells.")  # fmt: skip
@click.option(
    "--mark",
    type=click.FloatRange(min=0),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Ring the points whose disagreement is above this share of the eye distance; 0.05 is 5 in 1,000.",
)
@click.option("--no-mark", is_flag=True, help="No rings.")
@click.option("--size", type=click.FloatRange(0, 10, min_open=True), default=1.0, show_default=True,
              help="Of dots, lines and letters.")  # fmt: skip
@click.option("--sound/--no-sound", default=True, help="Keep the sound: copied, or as AAC if need be.")
@click.option(
    "--pts-origin",
    type=click.IntRange(0, 1),
    help="Number of the first pixel where TRACKS are .pts files.  [default: as recorded, else 1]",
)
@edits_options
@click.option("-q", "--quiet", is_flag=True, help="No progress and no warnings; errors only.")
def render(
    video: Path,
    tracks: Path,
    out: Path | None,
    sheet: Path | None,
    frames: int,
    worst: bool,
    zoom: bool,
    sound: bool,
    quiet: bool,
    pts_origin: int | None,
    edits: Path | None,
    no_edits: bool,
    **looks: Any,
) -> int:
    """Draw tracks on their video, frame by frame at the video's own times, or on a contact sheet.

    Points run from red, over yellow, to cyan with confidence. TRACKS may be of any format; where they tell that they
    were made from another file than VIDEO, such as one that was encoded anew, that is told, and they are drawn. Edits
    by hand that lie beside TRACKS are taken in.

    \b
    Examples:
      redtrack render clip.mp4 tracks/clip.h5 -o clip_points.mp4
      redtrack render clip.mp4 tracks/clip.h5 -o clip_points.mp4 --points-on-black
      redtrack render clip.mp4 tracks/clip.h5 --sheet worst.png --worst --zoom
      redtrack render clip.mp4 tracks/clip.h5 -o clip_axes.mp4 --axes --no-points

    Exit status: 0 drawn, 1 the video could not be read to its end or the output not written, 2 wrong usage.
    """
    from redtrack.errors import counted, printable
    from redtrack.evaluate.pairs import read_tracks
    from redtrack.render.film import foreign

    check_arguments(video, tracks, out, sheet)
    read = with_edits(read_tracks(tracks, pts_origin), tracks, edits, no_edits, quiet)
    style, status = style_of(**looks), 0
    if warning := foreign(read, video):
        say(f"Warning: {warning}", quiet)
    if sheet:
        draw_sheet(sheet, video, read, style, frames, worst=worst, zoom=zoom)
        say(f"{printable(sheet)}: written", quiet)
    if out and out.suffix.lower() == ".png":
        draw_picture(out, video, read, style)
        say(f"{printable(out)}: written", quiet)
    elif out:
        done = draw_film(out, video, read, style, sound, quiet)
        say(f"{printable(out)}: {counted(done.frames, 'frame')} with {counted(done.faces, 'face')}", quiet)
        if done.frames < read.frames and not done.truncated:
            say(f"Warning: {printable(video)}: has {done.frames} frames, the tracks are of {read.frames}", quiet)
        if done.truncated:
            tell(f"{printable(video)}: {done.truncated}; drawn as far as it goes")
            status = 1
    return status


def check_arguments(video: Path, tracks: Path, out: Path | None, sheet: Path | None) -> None:
    """Raises UsageError or OutputError where there is nothing to draw, or not there, or the first two are swapped."""
    from redtrack.errors import UsageError
    from redtrack.render.film import check_out
    from redtrack.render.png import check_png

    if out is None and sheet is None:
        raise UsageError("nothing to draw", remedy="give -o FILE.mp4, --sheet FILE.png, or both")
    refuse_swapped("render", video, tracks)
    for drawing in filter(None, (out, sheet)):
        check_out(video, drawing)
    if sheet:
        check_png(sheet)


def say(words: str, quiet: bool) -> None:
    """Prints a message."""
    if not quiet:
        tell(words)


def style_of(points_on_black: bool, mark: float, no_mark: bool, **looks: Any) -> Style:
    """Returns the style that the options ask for."""
    from redtrack.render.overlay import Style

    return Style(black=points_on_black, mark=None if no_mark else mark, **looks)


def draw_film(out: Path, video: Path, tracks: Tracks, style: Style, sound: bool, quiet: bool) -> Rendered:
    """Writes the video, with a bar on a terminal."""
    from tqdm import tqdm

    from redtrack.render.film import render_video

    hidden = quiet or not sys.stderr.isatty()
    with tqdm(total=tracks.frames or None, unit=" frames", disable=hidden, leave=False) as bar:
        return render_video(video, tracks, out, style, sound, lambda done: bar.update(1) and None)


def draw_picture(out: Path, video: Path, tracks: Tracks, style: Style) -> None:
    """Writes the first frame."""
    from redtrack.render.film import check_fit, drawn, frames_of
    from redtrack.render.overlay import Overlay
    from redtrack.render.png import write_png
    from redtrack.video import Reading, Video

    source = Video(video, reading=Reading.of(tracks.info))
    check_fit(tracks, source.info)
    for frame in frames_of(source, [0]):
        write_png(out, drawn(Overlay(tracks, style), frame))


def draw_sheet(path: Path, video: Path, tracks: Tracks, style: Style, count: int, worst: bool, zoom: bool) -> None:
    """Writes the contact sheet."""
    from dataclasses import replace

    from redtrack.errors import counted
    from redtrack.render.doubt import worst_face, worst_frames
    from redtrack.render.png import write_png
    from redtrack.render.sheet import Cell, contact_sheet, even_frames
    from redtrack.video import Reading, Video

    frames = worst_frames(tracks, count) if worst else even_frames(tracks.frames, count)
    cells = [Cell(frame, worst_face(tracks, frame) if zoom else None) for frame in frames]
    spread = "the most doubtful" if worst else "evenly spread"
    name = f"{video.absolute().parent.name}/{video.name}" if video.stem == "vid" else video.name  # as 300-VW names them
    shown = f"{counted(len(cells), 'frame')}, {spread}"
    title = f"{name}   {counted(tracks.frames, 'frame')}, {counted(len(tracks.faces), 'face')}; {shown}"
    source = Video(video, reading=Reading.of(tracks.info))
    write_png(path, contact_sheet(source, tracks, cells, title, replace(style, caption=True)))
