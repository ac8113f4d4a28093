"""A run on a Ray cluster ends complete, although a worker is lost in the middle of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from annotating import ONE, clip_of
from click.testing import CliRunner, Result

import redtrack
from redtrack.cli import cli
from redtrack.run.outcome import Outcome
from redtrack.run.ray_cluster import RayCluster

HERE = Path(__file__).parents[1] / "support"
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("clips")
    return [str(clip_of(folder / f"{number}.mkv", (ONE,), 50 + number)) for number in range(6)]


def log(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]


@needs_ray
def test_a_run_of_two_workers_of_which_one_is_killed_is_complete(clips: list[str], tmp_path: Path) -> None:
    """Every video is done, once in the log, and the exit status is 0.

    One that the lost worker had just finished, and could no longer tell of, is found done by the next: skipped.
    """
    out = tmp_path / "out"
    call = [sys.executable, str(HERE / "ray_world.py"), str(out), *clips]
    env = os.environ | {"DEADLY_GREEN": "slow:0.3", "RAY_DISABLE_IMPORT_WARNING": "1"}
    done = subprocess.run(call, env=env, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "workers left: 1" in done.stdout
    assert "6 videos: 6 done" in done.stdout or "6 videos: 5 done, 1 skipped" in done.stdout
    assert [redtrack.load(out / f"{number}.h5").frames for number in range(6)] == [50 + n for n in range(6)]
    assert sorted(str(line["source"]) for line in log(out)) == sorted(clips)
    assert len({line["run"] for line in log(out)}) == 1


def annotate(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["annotate", *map(str, arguments)])


@needs_ray
def test_no_cluster_is_said_in_a_sentence(clips: list[str], tmp_path: Path) -> None:
    """An address where no cluster is costs a sentence and exit status 2."""
    done = annotate(clips[0], "-o", tmp_path, "--ray", "127.0.0.1:1")
    assert done.exit_code == 2 and "no Ray cluster at '127.0.0.1:1'" in done.stderr


def test_without_ray_its_extra_is_named(clips: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Ray is missing, the message says how to install it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    done = annotate(clips[0], "-o", tmp_path, "--ray", "local")
    assert done.exit_code == 2 and 'pip install "redtrack[ray]"' in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--devices", "0,1", "--ray", "local"),
        ("--devices", "cpu,cpu", "--device", "cpu"),
        ("--shard", "3/3"),
        ("--gpu-share", "0.5"),
    ],
)
def test_options_that_make_no_sense_are_refused(clips: list[str], tmp_path: Path, options: tuple[str, ...]) -> None:
    """Two ways to share the videos out, or a share that does not exist or is of nothing, are wrong usage."""
    assert annotate(clips[0], "-o", tmp_path, *options).exit_code == 2


@pytest.mark.parametrize(("options", "share"), [((), 1.0), (("--gpu-share", "0.25"), 0.25), (("--gpu-share", "0"), 0)])
def test_a_video_takes_the_share_of_a_gpu_that_is_asked_for(
    clips: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], share: float
) -> None:
    """By default a whole one, on a cluster that has any."""
    asked = []
    ray = SimpleNamespace(cluster_resources=lambda: {"GPU": 4.0}, remote=lambda **how: lambda _: asked.append(how))

    def outcomes(cluster: RayCluster, *_: Any) -> Iterator[Outcome]:
        cluster._remote(ray)
        yield from ()

    monkeypatch.setattr(RayCluster, "outcomes", outcomes)
    annotate(clips[0], "-o", tmp_path, "--ray", "local", *options)
    assert [how["num_gpus"] for how in asked] == [share]
