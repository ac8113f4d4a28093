"""Calls of the network: what waits longest goes first, and looks that others depend on before windows; the threads that
make the calls, one a core on a CPU, each computing alone, after which torch's own setting is put back.
"""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from redtrack.device import hardware
from redtrack.inference.calls import Threads, Waiting

CPU = hardware(torch.device("cpu"))


def pairs(kinds: str, video: str = "video") -> list[tuple[Any, Any]]:
    """A window for each w, a look at one frame for each p."""
    return [(video, SimpleNamespace(peek=kind == "p", name=f"{kind}{number}")) for number, kind in enumerate(kinds)]


def names(taken: list[tuple[Any, Any]]) -> list[str]:
    return [window.name for _, window in taken]


def test_windows_go_until_enough_looks_wait() -> None:
    """Then the looks go, all that a call holds; what is left over goes in its turn."""
    waiting = Waiting()
    waiting.add(pairs("wpwp"))
    assert names(waiting.take(windows=1, enough=3, peeks=9)) == ["w0"]
    waiting.add(pairs("p"))
    assert (waiting.peeks, waiting.windows) == (3, 1)
    assert names(waiting.take(windows=1, enough=3, peeks=2)) == ["p1", "p3"]
    assert names(waiting.take(windows=2, enough=3, peeks=9)) == ["p0"], "no call's worth of windows"
    assert names(waiting.take(windows=2, enough=3, peeks=9)) == ["w2"] and not waiting


def test_what_is_put_back_comes_first_and_what_is_forgotten_never() -> None:
    """A video that failed has nothing waiting."""
    waiting = Waiting()
    waiting.add(pairs("ww", "failed") + pairs("w", "other"))
    waiting.put_back(waiting.take(1, 4, 4))
    waiting.forget("failed")
    assert [video for video, _ in waiting.take(9, 4, 4)] == ["other"] and not waiting


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_calls_give_their_results(threads: int) -> None:
    with Threads(CPU) as threads_:
        futures = [threads_.submit(pow, base, 2) for base in range(5)]
        assert [future.result() for future in futures] == [0, 1, 4, 9, 16]


def test_errors_come_with_the_result(threads: int) -> None:
    with Threads(CPU) as threads_:
        future = threads_.submit(int, "x")
        with pytest.raises(ValueError, match="'x'"):
            future.result()


def test_each_call_computes_alone_and_the_setting_is_put_back(threads: int) -> None:
    with Threads(CPU) as threads_:
        assert threads_.submit(torch.get_num_threads).result() == 1 == torch.get_num_threads()
    assert torch.get_num_threads() == threads


def test_setting_is_put_back_after_an_error(threads: int) -> None:
    with pytest.raises(ZeroDivisionError), Threads(CPU):
        raise ZeroDivisionError
    assert torch.get_num_threads() == threads


def test_as_many_calls_run_at_once_as_there_are_cores() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with Threads(CPU) as threads_:
            together = threading.Barrier(3)
            futures = [threads_.submit(together.wait, 20) for _ in range(3)]
            assert sorted(future.result() for future in futures) == [0, 1, 2]
            assert threads_.most_in_flight == 3
    finally:
        torch.set_num_threads(before)


def test_gpu_has_one_thread_and_leaves_the_setting(threads: int) -> None:
    with Threads(hardware(torch.device("cuda"))) as threads_:
        assert threads_.submit(threading.current_thread).result() is not threading.current_thread()
        assert threads_.most_in_flight == 2 and torch.get_num_threads() == threads
