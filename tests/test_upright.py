"""Orientation is read without harm to the process."""

import subprocess
import sys

import pytest

SCRIPT = """
import gc
from importlib.resources import files
from redtrack.video import probe, read_picture
for name in ("astronaut.png", "chelsea.png"):
    path = files("skimage") / "data" / name
    for _ in range(15):
        assert read_picture(path).ndim == 3 and probe(path).rotation == 0
        gc.collect()
"""


def test_pictures_with_a_colour_profile_do_not_crash_the_process():
    """PyAV 18.1 frees named side data twice; we do not touch it."""
    pytest.importorskip("skimage")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
