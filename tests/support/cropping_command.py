"""`redtrack crop` as a test calls it, and the record that it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from redtrack.cli import cli


def crop(*arguments: object, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["crop", *map(str, arguments)])
    assert done.exit_code == status, (done.output, done.exception)
    return done


def record(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found
