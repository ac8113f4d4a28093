"""One folder of everything that can be wrong with a video: each is named, and the good ones are as they are alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import bad_videos
import pytest
from annotating import ONE, TWO, picture, square_models
from click.testing import CliRunner
from running import use

import redtrack
from redtrack.cli import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bad_videos") / "in"
    bad_videos.make(made, [picture((ONE, TWO), frame) for frame in range(24)])
    return made


@pytest.fixture(scope="module")
def out(folder: Path) -> Path:
    """The results of one run over the folder, whose exit status is 1."""
    with pytest.MonkeyPatch.context() as patch:
        use(square_models(), patch)
        done = CliRunner().invoke(cli, ["annotate", str(folder), "-o", str(folder.with_name("out"))])
    assert done.exit_code == 1, (done.output, done.exception)
    return folder.with_name("out")


def lines(folder: Path, out: Path) -> dict[str, dict]:
    """The log, by the names of the videos below the folder."""
    entries = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    return {os.path.relpath(entry["source"], folder): entry for entry in entries}


def test_every_file_is_named_once_and_ends_as_it_should(folder: Path, out: Path) -> None:
    """Done, partial or failed, each for a reason that a person understands; at least 40 kinds."""
    found = lines(folder, out)
    assert found.keys() == bad_videos.CASES.keys() and len(found) >= 40
    wrong = {
        name: bad_videos.problems(case, found[name]["state"], found[name]["reason"], found[name]["damaged"])
        for name, case in bad_videos.CASES.items()
    }
    assert not any(wrong.values()), {name: what for name, what in wrong.items() if what}


def test_nothing_lies_there_that_no_video_has(folder: Path, out: Path) -> None:
    """A result for each video that gave frames, under a name of its own, and the log."""
    results = {entry["output"] for entry in lines(folder, out).values() if entry["state"] != "failed"}
    assert {str(path) for path in out.iterdir()} == results | {str(out / "run.jsonl")}


def test_results_are_those_of_each_video_alone(folder: Path, out: Path) -> None:
    """Row by row, whatever was decoded beside it."""
    for entry in lines(folder, out).values():
        if entry["state"] != "failed":
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("redtrack.inference.annotate.Landmarker", lambda *_: square_models())
                alone = redtrack.annotate(entry["source"])
            assert redtrack.load(entry["output"]).same_as(alone), entry["source"]


def test_same_command_again_does_nothing_that_is_done(folder: Path, out: Path) -> None:
    """Complete results are skipped, those of damaged files keep what they say, and only failures are tried again."""
    models = square_models()
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.h5")}
    with pytest.MonkeyPatch.context() as patch:
        use(models, patch)
        done = CliRunner().invoke(cli, ["annotate", str(folder), "-o", str(out)])
    assert done.exit_code == 1 and models.calls == []
    states = [case.state for case in bad_videos.CASES.values()]
    counts = f"{states.count('partial')} partial, {states.count('failed')} failed, {states.count('done')} skipped"
    assert done.stdout.splitlines()[-1] == f"{len(states)} videos: {counts}"
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*.h5")}
