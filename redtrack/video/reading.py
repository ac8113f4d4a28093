"""How a video is to be read where its file leaves a choice: which stream, at what rate, turned how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["AS_TOLD", "TURNS", "Reading"]

TURNS = (0, 90, 180, 270)
"""Degrees clockwise by which a picture may be turned."""


@dataclass(frozen=True)
class Reading:
    """The choices that are made for a file; the defaults follow the file itself.

    stream: number of the video stream among all streams of the file, from 0, as `redtrack info` lists them; None for
    the best one, which is the one that players show. fps: frames a second of a file that tells neither times nor a
    rate; other files keep their own times. rotate: degrees clockwise, one of `TURNS`, by which the picture is turned
    after the file's own rotation was applied.
    """

    stream: int | None = None
    fps: float | None = None
    rotate: int = 0

    def __post_init__(self) -> None:
        assert self.rotate in TURNS, f"a turn by {self.rotate} degrees"

    def to_dict(self) -> dict[str, Any]:
        """Returns the choices as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Reading:
        """Returns how the video was read that tracks with this `info` were made from."""
        known = info.get("reading")
        if not isinstance(known, Mapping):
            return cls()
        stream, fps, rotate = known.get("stream"), known.get("fps"), known.get("rotate")
        return cls(
            stream if isinstance(stream, int) else None,
            fps if isinstance(fps, (int, float)) and fps > 0 else None,
            rotate if rotate in TURNS else 0,
        )


AS_TOLD = Reading()
"""What the file itself says."""
