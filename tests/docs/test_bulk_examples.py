"""The scripts for clusters do what their first lines say, with a shell for a scheduler."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from redtrack.run.inputs import VIDEO_ENDINGS

EXAMPLES = Path(__file__).parents[2] / "examples"
BRIEFLY = ("--end", "0.2", "--device", "cpu")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell whose `redtrack` is this checkout's."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "redtrack").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m redtrack "$@"\n')
    (folder / "redtrack").chmod(0o755)
    places = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": places, "PYTHONPATH": str(EXAMPLES.parent)}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """Four videos."""
    folder = tmp_path_factory.mktemp("clips") / "videos"
    folder.mkdir()
    for name in "abcd":
        shutil.copy(clip, folder / f"{name}.mp4")
    return folder


def run(script: str, shell: dict[str, str], *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    call = ["bash", str(EXAMPLES / script), *map(str, arguments)]
    return subprocess.run(call, env=shell | variables, capture_output=True, text=True, timeout=280, check=False)


def done(out: Path) -> list[str]:
    """The videos that the log says are done, sorted."""
    lines = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    return sorted(Path(line["source"]).stem for line in lines if line["state"] == "done")


def test_the_tasks_of_a_slurm_array_do_each_video_once(shell: dict[str, str], videos: Path, tmp_path: Path) -> None:
    """Two tasks, one after the other, share four videos and a folder."""
    for task in ("0", "1"):
        variables = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_CPUS_PER_TASK": "1"}
        ended = run("slurm_array.sh", shell, videos, tmp_path / "out", *BRIEFLY, **variables)
        assert ended.returncode == 0, ended.stderr
    assert done(tmp_path / "out") == ["a", "b", "c", "d"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_a_ray_cluster_is_started_used_and_ended(shell: dict[str, str], videos: Path, tmp_path: Path) -> None:
    """On this machine alone."""
    ended = run("ray_cluster.sh", shell, videos, tmp_path / "out", *BRIEFLY, RAY_PORT="6391", RAY_worker_niceness="0",
                RAY_AUTH_MODE="disabled")  # whatever token this machine has  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert done(tmp_path / "out") == ["a", "b", "c", "d"] and "4 videos: 4 done" in ended.stdout


def test_the_shell_script_looks_for_the_endings_that_a_run_does() -> None:
    """No video that `annotate FOLDER` would find is left out by bulk.sh."""
    script = (EXAMPLES / "bulk.sh").read_text()
    listed = "".join(re.findall(r"^endings\+?='(.*)'", script, re.MULTILINE)).split("|")
    assert {f".{ending}" for ending in listed} == VIDEO_ENDINGS
