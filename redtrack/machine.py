"""What this machine has for a run: cores and memory, as far as the process may use them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["cores", "free_memory", "jobs_for"]

_CGROUP = Path("/sys/fs/cgroup")
JOB_BYTES = 1_500_000_000  # of a process: 0.4 GB of libraries, the frames that it holds, its decoder with two videos
FEW_CORES = 4  # up to which each job has one core; beyond, two cores a job need half the memory for the same speed


def cores() -> int:
    """Returns how many cores the process may use: by its affinity, and by a container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        count = min(count, max(1, round(int(quota) / int(period))))
    return count


def free_memory() -> int | None:
    """Returns the bytes of memory that are free, in a container those of its share; None where that is not told."""
    found = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")))
    with suppress(OSError, ValueError):
        limit, used = ((_CGROUP / name).read_text() for name in ("memory.max", "memory.current"))
        found.append(max(0, int(limit) - int(used)))
    return min(found, default=None)


def jobs_for(cores: int, memory: int | None) -> int:
    """Returns how many processes `--jobs auto` is on a machine with so many cores and bytes of free memory."""
    wanted = cores if cores <= FEW_CORES else cores // 2
    return max(1, wanted if memory is None else min(wanted, memory // JOB_BYTES))
