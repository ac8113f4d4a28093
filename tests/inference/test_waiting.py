"""What waits longest goes first, and looks that others hang on before windows."""

from types import SimpleNamespace
from typing import Any

from redtrack.inference.waiting import Waiting


def pairs(kinds: str, job: str = "job") -> list[tuple[Any, Any]]:
    """A window for each w, a look at one frame for each p."""
    return [(job, SimpleNamespace(peek=kind == "p", name=f"{kind}{number}")) for number, kind in enumerate(kinds)]


def names(taken: list[tuple[Any, Any]]) -> list[str]:
    return [window.name for _, window in taken]


def test_windows_go_until_enough_looks_wait() -> None:
    """Then the looks go, all that a call holds; what is left over goes in its turn."""
    waiting: Waiting[Any] = Waiting()
    waiting.add(pairs("wpwp"))
    assert names(waiting.take(windows=1, enough=3, peeks=9)) == ["w0"]
    waiting.add(pairs("p"))
    assert (waiting.peeks, waiting.windows) == (3, 1)
    assert names(waiting.take(windows=1, enough=3, peeks=2)) == ["p1", "p3"]
    assert names(waiting.take(windows=2, enough=3, peeks=9)) == ["p0"], "no call's worth of windows"
    assert names(waiting.take(windows=2, enough=3, peeks=9)) == ["w2"] and not waiting


def test_what_is_put_back_comes_first_and_what_is_forgotten_never() -> None:
    """A job that failed has nothing waiting."""
    waiting: Waiting[Any] = Waiting()
    waiting.add(pairs("ww", "failed") + pairs("w", "other"))
    waiting.put_back(waiting.take(1, 4, 4))
    waiting.forget("failed")
    assert [job for job, _ in waiting.take(9, 4, 4)] == ["other"] and not waiting
