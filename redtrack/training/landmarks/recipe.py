"""What a stage of the landmark training is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from redtrack.rednet.config import RedNetConfig
from redtrack.training.landmarks.image import BETA, NEIGHBOUR
from redtrack.training.landmarks.recurrence import CLIPS
from redtrack.training.schedule import Schedule

BATCH = {"image": 32, "identity": 32, "certainty": 32, "video": 3, "recurrence": 16}  # faces, or clips


@dataclass(frozen=True)
class Recipe:
    """What a stage is asked for.

    data: folders of labelled pictures or videos, each with the trust in its labels, which is both how often its
    faces are drawn and how much their losses count. clips: 300-VW folders, for the stages on clips; count: clips
    that the recurrence's stage looks at. edits: folders of tracks with mended frames. hold_out: names of videos
    kept for validation, in place of those that their checksums say. unlabelled: folders of pictures that the
    teacher labels. teacher: a network's name or weights file; teacher_share: how far it moves fully trusted labels
    towards its own. axis: how far labels lie off the faces' middle, by the name or path of their folder, "" for all
    others (`geometry.mirrored_points`). start: a network's name or weights file. asked: names of the config's
    fields that were asked for, which --start must not contradict. neighbour: share of the batches that are fed a
    neighbouring frame's seven points. beta: weight of a variational step's divergence.
    """

    stage: str
    data: tuple[tuple[Path, float], ...]
    out: Path
    clips: tuple[Path, ...] = ()
    edits: tuple[Path, ...] = ()
    hold_out: tuple[str, ...] = ()
    unlabelled: tuple[Path, ...] = ()
    teacher: str | Path | None = None
    teacher_share: float = 0.0
    axis: tuple[tuple[str, float], ...] = ()
    start: str | Path | None = None
    pretrained: Path | None = None
    config: RedNetConfig = RedNetConfig()
    asked: tuple[str, ...] = ()
    schedule: Schedule = Schedule(minutes=60)
    batch: int | None = None
    frames: int = 10
    count: int = CLIPS
    augment: str = "ours"
    neighbour: float = NEIGHBOUR
    beta: float = BETA
    freeze: bool = True
    half: bool | None = None
    device: str = "cpu"
    seed: int = 0
    resume: bool = False
    show: bool = True

    @property
    def on_clips(self) -> bool:
        """Whether the stage learns from clips."""
        return self.stage in ("video", "recurrence")

    @property
    def batch_size(self) -> int:
        """Faces, or clips, in a batch."""
        return self.batch or BATCH[self.stage]

    def axis_for(self, folder: Path, otherwise: float) -> float:
        """How far the labels of a folder lie off the faces' middle; `otherwise` where it was not said."""
        said = dict(self.axis)
        return said.get(str(folder), said.get(folder.name, said.get("", otherwise)))

    def describe(self) -> dict[str, Any]:
        """JSON values that tell it all, folders and files by their names only."""
        values = asdict(self) | {"config": self.config.to_dict(), "batch": self.batch_size}
        for name in ("out", "device", "resume", "show", "asked"):
            del values[name]
        for name in ("start", "teacher"):  # a shipped network's name, or a path in words
            values[name] = values[name] and Path(values[name])
        named: dict[str, Any] = {name: _names(value) for name, value in values.items()}
        return named | {"data": {folder.name: trust for folder, trust in self.data}}


def _names(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name
    return [_names(v) for v in value] if isinstance(value, tuple | list) else value
