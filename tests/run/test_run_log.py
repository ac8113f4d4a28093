"""The log has a line for every outcome, on a line of its own whatever happened to the line before it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from redtrack.errors import OutputError
from redtrack.run.outcome import DONE, FAILED, Outcome
from redtrack.run.run_log import NAME, RunLog


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / NAME).read_text().splitlines()]


def test_lines_are_appended(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"state": "older"}\n')
    log = RunLog(tmp_path, {"device": "cpu"})
    log.add(Outcome(Path("a.mp4"), DONE, tmp_path / "a.h5"))
    log.add(Outcome(Path(os.fsdecode(b"\xff\n.mp4")), FAILED, reason="is no video"))
    assert [entry["state"] for entry in entries(tmp_path)] == ["older", "done", "failed"]
    assert entries(tmp_path)[2]["reason"] == "is no video" and entries(tmp_path)[2]["device"] == "cpu"
    assert os.fsencode(entries(tmp_path)[2]["source"]).endswith(b"/\xff\n.mp4")


def test_line_that_was_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"state": "done", "rea')
    RunLog(tmp_path, {}).add(Outcome(Path("a.mp4"), DONE))
    lines = (tmp_path / NAME).read_text().splitlines()
    assert len(lines) == 2 and json.loads(lines[1])["state"] == "done"


def test_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda file, data: len(data) // 2)
    with pytest.raises(OutputError, match=r"run\.jsonl: cannot be written: no space left on device"):
        RunLog(tmp_path, {}).add(Outcome(Path("a.mp4"), DONE))


def test_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(OutputError, match="is a directory"):
        RunLog(tmp_path, {}).add(Outcome(Path("a.mp4"), DONE))
