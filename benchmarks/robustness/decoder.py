"""A video whose decoder is killed, and stopped for a while, again and again: the rows are those of an unbroken run.

    python benchmarks/robustness/decoder.py VIDEO [--signals 20] [--seed 0]

The signals go to the decoder alone, at random frames. Stand-ins for the networks (blind.py) find the same face
everywhere; all else is as ever.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import common  # noqa: F401 - first: it finds the tests' helpers

import blind  # isort: skip
import running  # isort: skip

import redtrack
from redtrack.tracks import Tracks
from redtrack.video import Frame, IsolatedVideo, decoder_process


def main() -> None:
    """Prints a line for each kind of signal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("--signals", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        Timer(chance.uniform(0.05, 1.0), os.kill, (pid, signal.SIGCONT)).start()

    with tempfile.TemporaryDirectory() as name:
        whole = rows(chosen.video, Path(name, "whole"))
        ways = {"killed": lambda pid: os.kill(pid, signal.SIGKILL), "stopped": stop}
        for what, way in ways.items():
            at = chance.sample(range(whole.frames - 1), min(chosen.signals, whole.frames - 1))
            sent = disturb(set(at), way)
            equal = rows(chosen.video, Path(name, what)).same_as(whole)
            print(f"{what} {len(sent)} times: {'the same rows' if equal else 'OTHER ROWS'}", flush=True)


def rows(video: Path, out: Path) -> Tracks:
    """Returns what a run finds, which has to be complete."""
    outcome = running.run([video], out, blind.blind_models())[video.name]
    assert outcome.state == "done" and outcome.output is not None, outcome.reason
    return redtrack.load(outcome.output)


def disturb(at: set[int], way: Callable[[int], None], frames: Any = IsolatedVideo.frames) -> list[int]:
    """Has every later run's decoders disturbed at these frames; returns those where one was, which grows."""
    sent: list[int] = []

    def watched(video: IsolatedVideo, *span: Any, **named: Any) -> Iterator[Frame]:
        for frame in frames(video, *span, **named):
            yield frame
            if frame.index in at:
                for process in decoder_process.POOL.lent():
                    way(process.pid)
                    sent.append(frame.index)

    IsolatedVideo.frames = watched  # type: ignore[method-assign]
    return sent


if __name__ == "__main__":
    main()
