"""Several processes train one network together."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from labelled_faces import write_folders

import redtrack

ROOT = Path(redtrack.__file__).parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


MAIN = Path(__file__).parents[1] / "support" / "parallel_main.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes did what `parallel_main` says; what they printed is in `printed`."""
    folder = tmp_path_factory.mktemp("parallel")
    data, out = write_folders(folder) / "faces", folder / "stage"
    words = f"image --data {data} -o {out} --steps 2 --batch 2 --device cpu --quiet"
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*TORCHRUN, str(MAIN), str(folder), *words.split()]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout)
    return folder


def test_processes_draw_different_batches_and_learn_the_same(folder: Path) -> None:
    """Gradients are averaged, so that the weights stay equal, those of a layer that one process left out too; so it is
    after resuming, when all read one checkpoint."""
    for steps in (3, 6):
        one, other = (json.loads((folder / f"{steps}-{rank}.json").read_text()) for rank in (0, 1))
        assert one["learnt"] == other["learnt"]
        assert not set(one["drawn"]) & set(other["drawn"])


DIFFER = "the processes differ in the size; give all of them the same data, options and folder"
LEAVE = """
import atexit, sys
from torch import distributed
from redtrack.errors import UsageError
from redtrack.training import parallel
atexit.register(lambda: print(distributed.is_initialized()))  # called after what is registered later
parallel.start("cpu")
parallel.check_same("cpu", {"the size": 7})
try:
    parallel.check_same("cpu", {"the size": 7 + parallel.rank(), "the step": 2})
except UsageError as error:
    print(error)
sys.exit(3)
"""


def test_processes_that_differ_are_told_and_leave_before_the_interpreter_ends() -> None:
    """No process is aborted for gradients of another size, or for gloo's threads that outlive the interpreter."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    env = os.environ | place | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2"}
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", LEAVE], env=env | {"RANK": str(rank)}, **how) for rank in (0, 1)]
    for process in both:
        printed, errors = process.communicate(timeout=300)
        assert (process.returncode, printed) == (3, f"{DIFFER}\nFalse\n"), errors


def test_a_stage_trains_in_two_processes(folder: Path) -> None:
    """`redtrack train image` under torchrun writes one log, one checkpoint, the weights, and prints one path."""
    out = folder / "stage"
    assert (folder / "printed").read_text() == f"{out / 'weights.safetensors'}\n"
    assert len((out / "log.jsonl").read_text().splitlines()) == 1
    assert {p.name for p in out.iterdir()} == {"best.safetensors", "checkpoint.pt", "log.jsonl", "weights.safetensors"}
