"""redtrack: 68 face landmarks on every frame of many videos, offline.

Videos, and pictures:

    tracks = redtrack.annotate("video.mp4")
    tracks.dense(0)  # (frames, 68, 2), one face's points in pixels

    faces = redtrack.Landmarker().points(picture)  # an array (H, W, 3) of bytes
    faces.points  # (faces, 68, 2)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redtrack.cropping.crops import crops
    from redtrack.formats import read as load
    from redtrack.inference.annotate import annotate
    from redtrack.inference.landmarker import Landmarker
    from redtrack.tracks import Tracks

__version__ = "0.1.0"

__all__ = ["Landmarker", "Tracks", "__version__", "annotate", "crops", "load"]

_WHERE = {
    "Landmarker": ("redtrack.inference.landmarker", "Landmarker"),
    "Tracks": ("redtrack.tracks", "Tracks"),
    "annotate": ("redtrack.inference.annotate", "annotate"),
    "crops": ("redtrack.cropping.crops", "crops"),
    "load": ("redtrack.formats", "read"),
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `import redtrack` costs nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module 'redtrack' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
