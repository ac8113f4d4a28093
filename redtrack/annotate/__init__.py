"""From videos to tracks: crops, windows, the engine that fills batches, and batches of videos that nothing stops.

The package is also the function: `redtrack.annotate("video.mp4")` is `redtrack.annotate.annotate("video.mp4")`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redtrack.annotate.in_memory import annotate
    from redtrack.annotate.options import Options, Resources
    from redtrack.tracks import Tracks

__all__ = ["Options", "Resources", "annotate"]

_WHERE = {"annotate": "in_memory", "Options": "options", "Resources": "options"}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: the command line's help must not wait for numpy."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


class _Callable(ModuleType):
    """A module that can be called: importing a submodule would otherwise hide the function of the same name."""

    def __call__(self, *args: Any, **options: Any) -> Tracks:
        from redtrack.annotate.in_memory import annotate

        return annotate(*args, **options)


sys.modules[__name__].__class__ = _Callable
