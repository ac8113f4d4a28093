"""`redtrack doctor` tries each part, and says what to do about what is wrong."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

from redtrack import checkpoint
from redtrack.cli import cli
from redtrack.doctor import EXTRAS
from redtrack.errors import WeightsError

PARTS = {"versions", "torch", "CPU", "precision", "GPU", "FFmpeg", "weights", "output", "extras"}


def findings(*arguments: object, status: int = 0) -> list[dict[str, str]]:
    done = CliRunner().invoke(cli, ["doctor", "--json", *map(str, arguments)])
    assert done.exit_code == status, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_part_is_well_and_nothing_is_left_behind(tmp_path: Path) -> None:
    found = findings("-o", tmp_path / "out")
    assert {each["part"] for each in found} == PARTS and "bad" not in {each["state"] for each in found}
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_status_1_and_the_other_parts_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that raises, of whatever kind, is bad; a folder that cannot be written to, too."""

    def broken(*_: object) -> None:
        raise WeightsError("broken weights", tmp_path / "w", "copy the file again")

    monkeypatch.setattr(checkpoint, "load", broken)
    (tmp_path / "file").touch()
    found = {each["part"]: each for each in findings("-o", tmp_path / "file", status=1)}
    assert set(found) == PARTS
    assert found["weights"]["text"].endswith("broken weights; copy the file again")
    assert found["output"]["state"] == "bad" and "choose another -o" in found["output"]["text"]


def test_lines_are_for_people() -> None:
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 0 and all(line.split()[0] in ("ok", "warning") for line in done.stdout.splitlines())


def test_extras_are_those_of_the_package() -> None:
    """Each extra that the package's metadata name for users is looked for."""
    offered = set(metadata.metadata("redtrack").get_all("Provides-Extra") or ()) - {"test", "interop"}
    assert set(EXTRAS) == offered
