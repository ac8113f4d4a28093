"""What the measurements of robustness share: where the package and its test clips are, runs of `redtrack`, the log."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "benchmarks")]

EXAMPLE = ROOT / "examples" / "astronaut.mp4"
# `redtrack` with the real networks, with stand-ins that see coloured squares, and with some that do not look at all.
REAL = [sys.executable, "-m", "redtrack"]
SQUARES = [sys.executable, str(ROOT / "tests" / "support" / "annotating_main.py")]
BLIND = [sys.executable, str(Path(__file__).with_name("blind.py"))]


def asked_frames(about: str | None, default: int, what: str) -> int:
    """Returns what the command line says of `--frames`, the only option of a measurement; `about` is its help."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=default, help=what)
    frames: int = parser.parse_args().frames
    return frames


def environment() -> dict[str, str]:
    """Returns the environment in which both are found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])}


def start(program: list[str], *arguments: object, **how: Any) -> subprocess.Popen[str]:
    """Begins a run; its streams are pipes unless told otherwise."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment()} | how
    return subprocess.Popen([*program, *map(str, arguments)], **how)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Returns exit status, stdout and stderr."""
    out, err = process.communicate()
    return process.returncode, out, err


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """Yields what a run with `--progress json` tells, as it tells it."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("{"):
            yield json.loads(line)


def log(out: Path) -> list[dict[str, Any]]:
    """Returns the lines of a run's log."""
    return [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]


def face_pictures(count: int, step: int = 2) -> list[np.ndarray]:
    """Returns frames of the example clip, uint8 (360/step, 640/step, 3), to and fro if there are not enough."""
    from redtrack.video import Video

    seen = [np.ascontiguousarray(frame.image[::step, ::step]) for frame in Video(EXAMPLE).frames()]
    there_and_back = seen + seen[-2:0:-1]
    return [there_and_back[i % len(there_and_back)] for i in range(count)]
