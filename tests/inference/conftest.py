"""What the tests of this folder share."""

from pathlib import Path

import pytest
from annotating import ONE, TWO, clip_of


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "one.mkv", (ONE,), 57)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "two.mkv", (ONE, TWO), 33)
