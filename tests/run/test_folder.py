"""The output folder is made, or refused in a sentence."""

import os
from pathlib import Path
from typing import Any

import pytest

from redtrack.errors import OutputError, UsageError
from redtrack.run.folder import prepare_folder


def test_output_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(("place", "word"), [("file", "is a file"), ("file/below", "below a file")])
def test_output_folder_that_is_a_file_is_refused(tmp_path: Path, place: str, word: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=word):
        prepare_folder(tmp_path / place)


def test_output_folder_that_is_read_only_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            monkeypatch.setattr("tempfile.TemporaryFile", _refuse)
        with pytest.raises(OutputError, match="permission denied"):
            prepare_folder(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def _refuse(**_: Any) -> None:
    raise PermissionError(13, "Permission denied")
