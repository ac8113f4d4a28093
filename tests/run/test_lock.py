"""One result is written by one process at a time, and a lock dies with its owner."""

import subprocess
import sys
from pathlib import Path

import pytest

from redtrack.errors import OutputError
from redtrack.run.lock import Lock

HOLDER = """
import sys, time
from pathlib import Path
from redtrack.run.lock import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.take(), flush=True)
time.sleep(60)
"""


def test_second_owner_has_to_wait_for_the_first(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "a.h5"), Lock(tmp_path / "a.h5")
    assert first.take() and not second.take()
    first.release()
    assert second.take()
    second.release()


def test_two_results_have_two_locks(tmp_path: Path) -> None:
    with Lock(tmp_path / "a.h5") as first, Lock(tmp_path / "b.h5") as second:
        assert first.take() and second.take()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with Lock(tmp_path / "a.h5") as lock:
        lock.take()
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    result = tmp_path / "a.h5"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, result], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        lock = Lock(result)
        assert not lock.take()
        holder.kill()
        holder.wait()
        assert lock.take()
        lock.release()
    finally:
        holder.kill()
        holder.communicate()


def test_folder_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such file or directory"):
        Lock(tmp_path / "nowhere" / "a.h5").take()


def test_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".a.h5.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError):
        Lock(tmp_path / "a.h5").take()
    assert not (tmp_path / "elsewhere").exists()
