"""The network's threads: one a core on a CPU, each computing alone, and torch's own setting is put back."""

import threading
from collections.abc import Iterator

import pytest
import torch

from redtrack.inference.workers import Workers

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_calls_give_their_results(threads: int) -> None:
    with Workers(CPU) as workers:
        futures = [workers.submit(pow, base, 2) for base in range(5)]
        assert [future.result() for future in futures] == [0, 1, 4, 9, 16]


def test_errors_come_with_the_result(threads: int) -> None:
    with Workers(CPU) as workers:
        future = workers.submit(int, "x")
        with pytest.raises(ValueError, match="'x'"):
            future.result()


def test_each_call_computes_alone_and_the_setting_is_put_back(threads: int) -> None:
    with Workers(CPU) as workers:
        assert workers.submit(torch.get_num_threads).result() == 1 == torch.get_num_threads()
    assert torch.get_num_threads() == threads


def test_setting_is_put_back_after_an_error(threads: int) -> None:
    with pytest.raises(ZeroDivisionError), Workers(CPU):
        raise ZeroDivisionError
    assert torch.get_num_threads() == threads


def test_as_many_calls_run_at_once_as_there_are_cores() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with Workers(CPU) as workers:
            together = threading.Barrier(3)
            futures = [workers.submit(together.wait, 20) for _ in range(3)]
            assert sorted(future.result() for future in futures) == [0, 1, 2]
            assert workers.most_in_flight == 4
    finally:
        torch.set_num_threads(before)


def test_gpu_has_one_thread_and_leaves_the_setting(threads: int) -> None:
    with Workers(torch.device("cuda")) as workers:
        assert workers.submit(threading.current_thread).result() is not threading.current_thread()
        assert workers.most_in_flight == 2 and torch.get_num_threads() == threads
