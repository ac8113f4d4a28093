"""`redtrack evaluate`: predictions against the ground truth, by the protocols of the field."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli.edits import with_edits
from redtrack.cli.paths import FILE

if TYPE_CHECKING:
    from redtrack.evaluate.pairs import Truth
    from redtrack.evaluate.protocol import Protocol
    from redtrack.evaluate.score import Pair, Score


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PRED... TRUTH")
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="TRUTH is this 300-W folder, and the network itself is scored on its pictures; PRED is optional.",
)
@click.option("--boxes", multiple=True, default=("detected",), show_default=True, metavar="detected|truth|FILE",
              help="With --images: whose boxes. A FILE is CSV with file,x0,y0,x1,y1. Repeatable.")  # fmt: skip
@click.option(
    "--looks",
    type=click.IntRange(1, 5),
    default=2,
    show_default=True,
    help="With --images: most looks at a face; after the first, only where its landmarks ask for a better crop.",
)
@click.option("--weights", metavar="NAME|PATH", help="With --images: landmark network.  [default: the bundled one]")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda:N",
              help="With --images: where the networks run.")  # fmt: skip
@click.option(
    "--norm",
    type=click.Choice(["eyes", "pupils", "box"]),
    default="eyes",
    show_default=True,
    help="What errors are divided by: distance of outer eye corners, of eye centres, or root of the box's area.",
)
@click.option(
    "--points",
    type=click.Choice(["68", "51", "49", "7"]),
    default="68",
    show_default=True,
    help="Points that count: 51 leave out the jaw, 49 also the inner mouth corners, 7 are those of step one.",
)
@click.option("--category", type=click.IntRange(1, 3), help="Only the test videos of this category of 300-VW.")
@click.option(
    "--pts-origin",
    type=click.IntRange(0, 1),
    help="Number of the first pixel in the truth's .pts files.  [default: as recorded beside them, else 1]",
)
@click.option("--pred-origin", type=click.IntRange(0, 1), help="The same for predictions that are .pts files.")
@click.option(
    "--edits",
    type=click.Choice(["pred", "truth", "both"]),
    help="Take in the edits by hand that lie beside these tracks.  [default: none, which is the network's own error]",
)
@click.option("--by-video", is_flag=True, help="Also a line for each video, the worst last.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
@click.option("--csv", "table", type=FILE, metavar="FILE.csv",
              help="Write a line for each true face of each frame: its time, its error, the id of the face that was "
              "predicted.")  # fmt: skip
@click.option("--plot", type=FILE, metavar="FILE.png",
              help="Draw the cumulative error curves and, for one video, the error over time.")  # fmt: skip
def evaluate(
    paths: tuple[Path, ...],
    images: Path | None,
    boxes: tuple[str, ...],
    looks: int,
    weights: str | None,
    device: str,
    norm: str,
    points: str,
    category: int | None,
    pts_origin: int | None,
    pred_origin: int | None,
    edits: str | None,
    by_video: bool,
    as_json: bool,
    table: Path | None,
    plot: Path | None,
) -> int:
    """Score predictions against the truth.

    PRED and TRUTH are tracks files of any format, or folders: 300-VW (VIDEO/annot/*.pts), 300-W (pictures with .pts
    files), or tracks files, whose predictions are found by the names of the videos. Several PRED are compared.

    \b
    Examples:
      redtrack evaluate tracks/clip.h5 clip/annot
      redtrack evaluate tracks 300vw --category 3 --points 49
      redtrack evaluate ours.h5 theirs.csv truth.h5 --plot curves.png --csv errors.csv
      redtrack evaluate --images 300w/ibug --boxes detected --boxes truth

    Exit status: 0 scored, 1 a file could not be read or a prediction overlaps no true face, 2 wrong usage.
    """
    from redtrack.errors import UsageError
    from redtrack.evaluate.pairs import find_truth
    from redtrack.evaluate.protocol import Protocol

    predictions = paths if images else paths[:-1]
    if not images and not predictions:
        raise UsageError("needs a prediction and the truth", remedy="redtrack evaluate PRED... TRUTH")
    truth = find_truth(images or paths[-1]).of_category(category)
    protocol = Protocol(norm, int(points))
    given = score_all(predictions, truth, protocol, edits, {"origin": pts_origin, "pred_origin": pred_origin})
    scores = dict(given)
    if images:
        scores |= score_network(truth, protocol, boxes, looks, weights, device, pts_origin)
    show(scores, truth.kind, as_json, by_video)
    if table:
        write_faces(table, scores)
    if plot:
        draw_curves(plot, scores)
    if warn(given, is_empty=not any(len(score.errors) for score in scores.values())):
        sys.exit(1)
    return 0


def warn(scores: dict[str, Score], *, is_empty: bool) -> bool:
    """Says on stderr which predictions can hardly be of the truth's videos, and whether the truth `is_empty` of faces;
    returns whether nothing is scored."""
    lost = [name for name, score in scores.items() if len(score.errors) and not score.has_overlap]
    for name, score in scores.items():
        if score.foreign:
            click.echo(f"Warning: {name} was made from another video than the truth, by their digests", err=True)
    for name in lost:
        click.echo(f"Error: {name}: no predicted face overlaps a true one; is it of this video?", err=True)
    if is_empty:
        click.echo("Error: the truth has no face to score", err=True)
    return bool(lost) or is_empty


def write_faces(path: Path, scores: dict[str, Score]) -> None:
    """Writes a CSV with a line a frame and face."""
    import csv

    from redtrack.evaluate.report import face_lines
    from redtrack.formats.common import replacing

    with replacing(path) as file:
        csv.writer(file, lineterminator="\n").writerows(face_lines(scores))
    click.echo(f"{path}: written", err=True)


def score_all(
    predictions: tuple[Path, ...], truth: Truth, protocol: Protocol, edits: str | None, origins: Any
) -> dict[str, Score]:
    """Returns the score of each prediction, by its name."""
    from redtrack.evaluate.pairs import find_predictions, pairs
    from redtrack.evaluate.score import score

    names = [path.name for path in predictions]
    unique = names if len(set(names)) == len(names) else [str(path) for path in predictions]
    found = [find_predictions(path, truth) for path in predictions]  # all of them, before the work begins
    scores = {}
    for name, places in zip(unique, found, strict=True):
        both = with_edited(pairs(truth, places, **origins), truth, places, edits)
        scores[name] = score(both, protocol)
    return scores


def with_edited(
    pairs: Iterable[Pair], truth: Truth, predictions: Mapping[str, Path], edits: str | None
) -> Iterator[Pair]:
    """Yields pairs with the edits by hand taken in that lie beside predictions, the truth, or both."""
    for pair in pairs:
        true, predicted = pair.truth, pair.predicted
        if edits in ("truth", "both"):
            true = with_edits(true, truth.videos[pair.video])
        if edits in ("pred", "both") and predicted is not None:
            predicted = with_edits(predicted, predictions[pair.video])
        yield replace(pair, truth=true, predicted=predicted)


def score_network(
    truth: Truth,
    protocol: Protocol,
    kinds: tuple[str, ...],
    looks: int,
    weights: str | None,
    device: str,
    origin: int | None,
) -> dict[str, Score]:
    """Returns the scores of the network on the truth's pictures, one for each kind of boxes."""
    from tqdm import tqdm

    from redtrack.errors import UsageError
    from redtrack.evaluate.pictures import box_source, predict_pairs
    from redtrack.evaluate.score import score
    from redtrack.inference.landmarker import Landmarker
    from redtrack.inference.options import Options

    if not truth.pictures:
        raise UsageError("--images needs a folder of pictures with .pts files", remedy="for videos run annotate first")
    models = Landmarker(weights, device, Options(), detects="detected" in kinds)
    scores = {}
    for kind, name in box_names(kinds).items():
        pairs = predict_pairs(truth, models, box_source(kind, models, truth), looks, origin)
        shown = tqdm(pairs, f"{kind} boxes", len(truth.pictures), unit=" pictures", disable=None, leave=False)
        scores[name] = score(shown, protocol)
    return scores


def box_names(kinds: tuple[str, ...]) -> dict[str, str]:
    """Returns the name of each kind of boxes: of a file its stem, or its path where another has that stem."""
    files = [kind for kind in dict.fromkeys(kinds) if kind not in ("detected", "truth")]
    taken = ["detected", "truth", *(Path(kind).stem for kind in files)]
    short = {kind: Path(kind).stem for kind in files if taken.count(Path(kind).stem) == 1}
    return {kind: f"{short.get(kind, kind)} boxes" for kind in kinds}


def show(scores: dict[str, Score], dataset: str, as_json: bool, by_video: bool) -> None:
    """Prints scores as JSON or as a table with its protocol."""
    import json

    from redtrack.cli.table import fold, width_of
    from redtrack.errors import counted
    from redtrack.evaluate import report
    from redtrack.evaluate.pairs import PICTURES

    if as_json:
        click.echo(json.dumps(report.as_json(scores, dataset), indent=2))
        return
    first = next(iter(scores.values()))
    videos, faces = len(first.videos), first.summary.faces
    what = "picture" if dataset == PICTURES else "video"
    click.echo(f"{dataset}: {counted(videos, what)}, {counted(faces, 'face')}")
    click.echo(fold(first.protocol.name, width_of()))
    for some in in_width(scores, lambda part: columns(report.as_rows(part))):
        click.echo("\n" + columns(report.as_rows(some)))
    for some in in_width(scores, lambda part: columns(report.video_rows(part))) if by_video else ():
        click.echo("\n" + columns(report.video_rows(some)))
    click.echo("\n" + fold("\n".join(report.notes(scores)), width_of()))


def columns(rows: list[list[str]]) -> str:
    """Returns a table of names and figures; names that are too long for a terminal are shortened."""
    from redtrack.cli.table import shorten, table, width_of

    width = width_of()
    if width:
        rows = [[shorten(cell, max(width - 52, 12)) for cell in row] for row in rows]
    return table(rows, right=range(1, len(rows[0])))


def in_width(scores: dict[str, Score], shown: Callable[[dict[str, Score]], str]) -> Iterator[dict[str, Score]]:
    """Yields the scores of as many predictions at a time as fit beside each other on the terminal; elsewhere all."""
    from redtrack.cli.table import width_of

    width, part = width_of(), dict[str, "Score"]()
    for name, score in scores.items():
        more = part | {name: score}
        if part and width and max(map(len, shown(more).split("\n"))) > width:
            yield part
            more = {name: score}
        part = more
    yield part


def draw_curves(path: Path, scores: dict[str, Score]) -> None:
    """Writes the picture of the error curves."""
    from redtrack.plots import plot_scores

    plot_scores(path, scores)
    click.echo(f"{path}: written", err=True)
