"""How many processes a machine takes."""

import pytest

from redtrack.machine import cores, free_memory, jobs_for

GB = 10**9


@pytest.mark.parametrize(
    ("count", "memory", "jobs"),
    [(1, 8 * GB, 1), (2, 8 * GB, 2), (4, 64 * GB, 4), (64, 256 * GB, 32), (64, 12 * GB, 8), (8, GB, 1), (2, None, 2)],
)
def test_jobs_are_by_cores_and_memory(count: int, memory: int | None, jobs: int) -> None:
    assert jobs_for(count, memory) == jobs


def test_this_machine_has_cores_and_memory() -> None:
    memory = free_memory()
    assert cores() >= 1 and (memory is None or memory > 0)
