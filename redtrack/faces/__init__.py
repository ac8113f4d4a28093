"""Faces in videos: the detector, its network, and the following of faces from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redtrack.faces.boxes import BoxesFile
from redtrack.faces.follow import FaceFollower
from redtrack.faces.rows import FaceBoxes

if TYPE_CHECKING:
    from redtrack.faces.detect import Detector, NetworkDetector

__all__ = ["BoxesFile", "Detector", "FaceBoxes", "FaceFollower", "NetworkDetector"]


def __getattr__(name: str) -> Any:
    """The names that need torch, imported when first used."""
    if name in ("Detector", "NetworkDetector"):
        from redtrack.faces import detect

        return getattr(detect, name)
    raise AttributeError(f"module 'redtrack.faces' has no attribute {name!r}")
