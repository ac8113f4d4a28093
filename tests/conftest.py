"""What every test may use: one thread, the example clip, untrained networks' files, the folder of real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; child processes inherit it
os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).parent.parent

settings.register_profile("redtrack", deadline=None)  # machines are noisy
settings.load_profile("redtrack")


@pytest.fixture(scope="session")
def clip() -> Path:
    """The example clip: 100 frames, 640 x 360, 25 a second, one face in all of them."""
    return ROOT / "examples" / "astronaut.mp4"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data that REDTRACK_DATA names; the test is skipped where there is none."""
    folder = os.environ.get("REDTRACK_DATA")
    if not folder:
        pytest.skip("REDTRACK_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def random_rednet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of the small RED-Net, untrained, the same in every run: its points are on no face."""
    import torch

    from redtrack import checkpoint

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    checkpoint.save(path, checkpoint.build("rednet", {"steps": ["det7", "reg68"]}), "rednet", card={})
    return path
