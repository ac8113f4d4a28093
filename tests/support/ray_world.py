"""A Ray cluster of two workers on this machine, one of which dies: `python ray_world.py OUT VIDEO...`.

Runs `redtrack annotate` on it, kills a worker once the first video is done, and prints how many workers are left.
Ends with the status of the command.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parents[1])])  # the workers inherit it
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - busy machines starve what is nice

from ray.cluster_utils import Cluster  # noqa: E402 - it reads the environment


def main(out: Path, videos: list[str]) -> int:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    call = [sys.executable, str(HERE / "deadly_main.py"), "annotate", *videos, "-o", str(out), "--progress", "plain"]
    run = subprocess.Popen([*call, "--ray", cluster.address])
    while run.poll() is None and not list(out.glob("*.h5")):
        time.sleep(0.1)
    assert run.poll() is None, "the run was over before a worker could be killed"
    cluster.remove_node(workers.pop(), allow_graceful=False)
    status = run.wait()
    print("workers left:", len(workers), flush=True)
    cluster.shutdown()
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
