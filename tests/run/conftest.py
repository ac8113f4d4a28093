"""What the tests of this folder share."""

from pathlib import Path

import pytest
from annotating import ONE, TWO, clip_of

from redtrack.run.folder import prepare_folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.mkv (57 frames, one face) and b.mkv (33 frames, two faces)."""
    folder = tmp_path_factory.mktemp("clips")
    clip_of(folder / "a.mkv", (ONE,), 57)
    clip_of(folder / "b.mkv", (ONE, TWO), 33)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    prepare_folder(folder)
    return folder
