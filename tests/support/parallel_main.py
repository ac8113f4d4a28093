"""In each of torchrun's processes: three steps of a small network and three more after resuming, of which each process
says what it drew and what it learnt; then `redtrack train WORDS`."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from redtrack.cli.train import train
from redtrack.training import parallel
from redtrack.training.loop import Run, one_step
from redtrack.training.schedule import Schedule


def main(folder: Path, words: list[str]) -> None:
    parallel.start("cpu")
    try:
        for _ in range(2):
            steps(folder)
            torch.distributed.barrier()
        train.main(words, standalone_mode=False)
    finally:
        parallel.stop()


def steps(folder: Path) -> None:
    """Three steps, resumed where there is a checkpoint; the first layer takes part in the first process only."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    run = Run(net, Schedule(steps=6), folder / "run", np.random.default_rng(parallel.rank()))
    run.resume()
    drawn: list[float] = []

    def loss(net, rng):
        batch = torch.from_numpy(rng.random((3, 4), dtype=np.float32))
        drawn.append(float(batch[0, 0]))
        value = ((net if parallel.rank() == 0 else net[1])(batch) - 1).square().mean()
        return value, {}

    for _ in range(3):
        one_step(run, loss, 0.0)
    torch.distributed.barrier()
    run.save()
    learnt = [float(x) for p in run.net.parameters() for x in p.flatten()]
    (folder / f"{run.step}-{parallel.rank()}.json").write_text(json.dumps({"drawn": drawn, "learnt": learnt}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
