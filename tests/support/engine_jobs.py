"""Videos that an engine runs, with their rows in memory."""

from pathlib import Path
from typing import Any

import numpy as np
from annotating import Square, SquareModels, square_models, true_points

from redtrack.errors import OutputError
from redtrack.inference.annotate import InMemory
from redtrack.inference.engine import Engine
from redtrack.inference.options import Options
from redtrack.inference.tracker import Tracker
from redtrack.tracks import Tracks


class Kept(InMemory):
    """Rows in memory; fails once it holds `room` frames."""

    def __init__(self, room: int = 10**9, frames: int = 0) -> None:
        super().__init__()
        self.frames, self.room = frames, room

    def append(self, chunk: Tracks) -> None:
        super().append(chunk)
        if sum(part.frames for part in self.parts) > self.room:
            raise OutputError("is full")


class Job(Tracker):
    """A video whose rows stay in memory."""

    def __init__(self, path: Path, models: SquareModels, options: Options, sink: Kept | None = None) -> None:
        self.sink = sink or Kept()
        super().__init__(path, models, options, self.sink)


def run(
    paths: list[Path], batch: int = 40, models: SquareModels | None = None, **how: Any
) -> tuple[list[Job], SquareModels]:
    """Runs the videos together; returns their jobs, in order, and the models with the calls they had."""
    models = models or square_models()
    options = Options(**how)
    jobs = [Job(path, models, options) for path in paths]
    ended = list(Engine(models, options, batch).run(jobs))
    assert sorted(map(id, ended)) == sorted(map(id, jobs)), "each job ends once"
    return jobs, models


def worst(tracks: Tracks, face: int, square: Square) -> float:
    """The largest error of one face's points in px."""
    rows = tracks.face_rows(face)
    truth = np.stack([true_points(square, int(frame)) for frame in tracks.frame[rows]])
    return float(np.abs(tracks.points[rows] - truth).max())
