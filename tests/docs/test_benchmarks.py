"""The scripts of measurements say what they measure."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from redtrack.run.networks import Networks

ROOT = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = [path for path in sorted(ROOT.rglob("*.py")) if '__name__ == "__main__"' in path.read_text("utf-8")]


def test_every_script_answers_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With its usage, exit status 0, and before it does anything."""
    monkeypatch.setattr(Networks, "load", Networks.load)  # some put another in its place
    monkeypatch.setattr(Networks, "identity", Networks.identity)
    for path in SCRIPTS:
        monkeypatch.setattr(sys, "path", [str(path.parent), str(ROOT), *sys.path])
        monkeypatch.setattr(sys, "argv", [path.name, "--help"])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(path), run_name="__main__")
        assert end.value.code in (0, None), path.name
        assert "usage" in capsys.readouterr().out.lower(), path.name
