"""From videos to tracks: crops, windows, the engine that fills batches, and batches of videos that nothing stops.

The package is also the function: `redtrack.annotate("video.mp4")` is `redtrack.annotate.annotate("video.mp4")`.
"""

import sys
from types import ModuleType
from typing import Any

from redtrack.annotate.memory import annotate
from redtrack.annotate.options import Options, Resources
from redtrack.tracks import Tracks

__all__ = ["Options", "Resources", "annotate"]


class _Callable(ModuleType):
    """A module that can be called: importing a submodule would otherwise hide the function of the same name."""

    def __call__(self, *args: Any, **options: Any) -> Tracks:
        return annotate(*args, **options)


sys.modules[__name__].__class__ = _Callable
