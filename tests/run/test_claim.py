"""Which name a result gets: nothing is decided before the lock is held; without it, the other name is taken."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from annotating import ONE, clip_of
from running import run

import redtrack
from redtrack.run.claim import claim
from redtrack.run.export import Where
from redtrack.run.lock import Lock
from redtrack.run.plan import Task
from redtrack.video import digest

MAIN = Path(__file__).parents[1] / "support" / "annotating_main.py"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "vid.mkv", (ONE,), 21)


@pytest.fixture
def task(clip: Path) -> Task:
    return Task(clip, ("vid", "vid-12345678"))


def owner(path: Path) -> dict[str, str]:
    return {"source": str(path.resolve()), "source_digest": digest(path)}


def test_name_whose_lock_another_video_has_is_left_to_it(task: Task, tmp_path: Path) -> None:
    """The video takes its other name, although the first one's result is not there yet."""
    with Lock(tmp_path / "vid.h5", {"source": "/other/vid.mkv", "source_digest": "1"}) as other:
        assert other.take()
        claimed = claim(task, digest(task.path), Where(tmp_path))
        assert claimed is not None and claimed[0] == tmp_path / "vid-12345678.h5"
        claimed[1].release()


@pytest.mark.parametrize("says", [True, False], ids=["same video", "unknown video"])
def test_video_that_another_process_works_on_is_left_to_it(task: Task, tmp_path: Path, says: bool) -> None:
    """So is one whose lock does not say for which video it is held."""
    with Lock(tmp_path / "vid.h5", owner(task.path) if says else None) as other:
        assert other.take()
        assert claim(task, digest(task.path), Where(tmp_path)) is None


def test_lock_that_is_let_go_while_its_holder_is_asked_for_is_taken(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The video takes its first name, and is not left to a process that has gone."""
    other, holder = Lock(tmp_path / "vid.h5", owner(task.path)), Lock.holder
    assert other.take()

    def let_go(lock: Lock) -> dict[str, Any] | None:
        other.release()
        return holder(lock)

    monkeypatch.setattr(Lock, "holder", let_go)
    claimed = claim(task, digest(task.path), Where(tmp_path))
    assert claimed is not None and claimed[0] == tmp_path / "vid.h5"
    claimed[1].release()


def test_lock_says_for_which_video_it_is_held(task: Task, tmp_path: Path) -> None:
    claimed = claim(task, digest(task.path), Where(tmp_path))
    assert claimed is not None and Lock(tmp_path / "vid.h5").holder() == owner(task.path)
    claimed[1].release()
    assert list(tmp_path.iterdir()) == []


def test_own_result_is_found_under_its_other_name(clip: Path, tmp_path: Path) -> None:
    """A video whose first name was another's when it was done keeps the name that it got."""
    twin = tmp_path / "twin" / "vid.mkv"
    twin.parent.mkdir()
    shutil.copy(clip, twin)
    with open(twin, "ab") as file:
        file.write(bytes(1))  # other content, with the same frames
    for video in (clip, twin):
        assert run([video], tmp_path / "out")["vid.mkv"].state == "done"
    (tmp_path / "out" / "vid.h5").unlink()
    again = run([twin], tmp_path / "out")["vid.mkv"]
    assert again.state == "skipped" and again.output != tmp_path / "out" / "vid.h5"


@pytest.mark.parametrize("commands", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_commands_with_the_same_stems_in_one_folder_lose_nothing(clip: Path, tmp_path: Path, commands: int) -> None:
    """Started at once, each with videos of its own: every video has its result, and nothing is skipped."""
    content = clip.read_bytes()
    for command in range(commands):
        for number in range(4):
            path = tmp_path / str(command) / f"v{number}.mkv"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content + bytes([command + 1]))
    places = os.pathsep.join([str(MAIN.parent), str(MAIN.parents[2])])
    runs = [
        subprocess.Popen(
            [sys.executable, str(MAIN), "annotate", str(tmp_path / str(k)), "-o", str(tmp_path / "out"), "-q"],
            env=os.environ | {"PYTHONPATH": places},
            stdout=subprocess.DEVNULL,
        )
        for k in range(commands)
    ]
    assert [process.wait(timeout=300) for process in runs] == [0] * commands
    found = {redtrack.load(path).info["source"] for path in (tmp_path / "out").glob("*.h5")}
    assert found == {str(path) for k in range(commands) for path in (tmp_path / str(k)).iterdir()}
    lines = [json.loads(line) for line in (tmp_path / "out" / "run.jsonl").read_text().splitlines()]
    assert {line["state"] for line in lines} == {"done"} and len(lines) == 4 * commands
    assert not list((tmp_path / "out").glob(".*"))
