"""The HDF5 process ends by itself."""

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")

BUSY = """
from redtrack.formats import hdf5_child
hdf5_child.limit_time(1)
while True:
    pass
"""


def test_a_request_that_never_ends_ends_the_process() -> None:
    """Also where nobody is left to stop it: the time that it computes is limited."""
    done = subprocess.run([sys.executable, "-c", BUSY], timeout=120, check=False)
    assert done.returncode == -24  # SIGXCPU
