"""Several processes train one network together."""

import json
import os
import subprocess
import sys
from pathlib import Path

from labelled_faces import write_folders

import redtrack

ROOT = Path(redtrack.__file__).parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def torchrun(*words: object) -> str:
    """Output of two processes, which must succeed."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*TORCHRUN, *map(str, words)], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_processes_draw_different_batches_and_learn_the_same(tmp_path: Path) -> None:
    """Gradients are averaged, so that the weights stay equal, those of a layer that one process left out too; so it is
    after resuming, when all read one checkpoint."""
    torchrun(Path(__file__).parents[1] / "support" / "parallel_main.py", tmp_path)
    for steps in (3, 6):
        one, other = (json.loads((tmp_path / f"{steps}-{rank}.json").read_text()) for rank in (0, 1))
        assert one["learnt"] == other["learnt"]
        assert not set(one["drawn"]) & set(other["drawn"])


def test_a_stage_trains_in_two_processes(tmp_path: Path) -> None:
    """`torchrun … redtrack train image` writes one log, one checkpoint and one weights file."""
    out = tmp_path / "run"
    words = [
        "image",
        "--data",
        write_folders(tmp_path) / "faces",
        "-o",
        out,
        "--steps",
        2,
        "--batch",
        2,
        "--device",
        "cpu",
        "--quiet",
    ]
    printed = torchrun("-m", "redtrack", "train", *words, "--device", "cpu", "--quiet")
    assert printed == f"{out / 'weights.safetensors'}\n"
    assert len((out / "log.jsonl").read_text().splitlines()) == 1
    assert {p.name for p in out.iterdir()} == {"best.safetensors", "checkpoint.pt", "log.jsonl", "weights.safetensors"}
