"""A picture with the worst frame of each span that is worth a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from redtrack.errors import UsageError, counted
from redtrack.render.draw import Image
from redtrack.render.legend import marks_of
from redtrack.render.overlay import Style
from redtrack.render.sheet import CLOSE_UP, Cell, arrange, cell_size, draw_cells
from redtrack.review.spans import Span
from redtrack.tracks import Tracks
from redtrack.video import Reading, Video

__all__ = ["review_sheet", "source_of"]


def review_sheet(spans: Sequence[Span], tracks: Mapping[str, Tracks], video: Path | None = None) -> Image:
    """Returns a picture with the worst frame of each span, close up, in their order.

    Each video is looked for where the tracks say that it is, unless the only one is given. Raises UsageError where it
    is not there.
    """
    size, style = cell_size(len(spans), CLOSE_UP), Style(caption=True, ids=False)
    pictures: dict[int, Image] = {}
    for name, one in tracks.items():
        mine = [index for index, span in enumerate(spans) if span.name == name]
        if mine:
            cells = [Cell(spans[i].worst, spans[i].face, f"{i + 1}  {_words(spans[i])}") for i in mine]
            film = Video(video or source_of(one, name), reading=Reading.of(one.info))
            drawn = draw_cells(film, one, cells, style, size)
            pictures.update(zip(mine, drawn, strict=True))
    title = f"worst frames of {counted(len(spans), 'span')} to look at first"
    marks = marks_of(tracks.values(), style)
    return arrange([pictures[index] for index in range(len(spans))], title, marks=marks)


def source_of(tracks: Tracks, name: str) -> Path:
    """Returns the video that tracks say they are of; raises UsageError where it is not there."""
    source = tracks.info.get("source")
    if not source or not Path(source).is_file():
        where = f" at {source}" if source else ""
        raise UsageError(f"its video is not found{where}", name, "name it with --video")
    return Path(source)


def _words(span: Span) -> str:
    apart = f"disagreement {span.disagreement * 100:.1f} %"
    return f"{Path(span.name).stem}  {apart if span.sign == 'disagreement' else f'confidence {span.confidence:.2f}'}"
