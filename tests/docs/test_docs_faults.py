"""What docs/faults.md says is so: its commands run, its program finds what failed, its figures are the code's."""

from __future__ import annotations

import glob
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import video_streams
from annotating import ONE, clip_of, square_models
from click.testing import CliRunner
from running import use

from redtrack.cli import cli
from redtrack.formats import TracksWriter
from redtrack.inference import tracker as pipeline
from redtrack.run import stop
from redtrack.run.outcome import STATES
from redtrack.video import isolated
from redtrack.video.container import MAX_PIXELS

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines()]
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with videos/clip.mp4 and a file that is no video, annotated by the page's first command."""
    root = tmp_path_factory.mktemp("faults")
    (root / "videos").mkdir()
    clip_of(root / "videos" / "clip.mp4", (ONE,), 21, codec="mpeg4", pixel_format="yuv420p")
    video_streams.text(root / "videos" / "prose.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        use(square_models(), patch)
        assert run(COMMANDS[0]) == 1
        yield root


def run(line: str) -> int:
    """Runs a command line as a shell would; returns its exit status."""
    program, *words = shlex.split(line)
    assert program == "redtrack"
    words = [name for word in words for name in (sorted(glob.glob(word)) if "*" in word else [word])]
    done = CliRunner().invoke(cli, words)
    assert not done.exception or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code


@pytest.mark.parametrize("line", COMMANDS[1:])
def test_commands_run(folder: Path, line: str) -> None:
    assert run(line) == 0


def test_program_lists_what_failed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for program in PROGRAMS:
        exec(compile(program, "faults.md", "exec"), {})
    assert capsys.readouterr().out.startswith(str(folder / "videos" / "prose.mp4") + " is not a video")


def test_every_key_of_the_log_that_is_named_is_there(folder: Path) -> None:
    entry = json.loads((folder / "tracks" / "run.jsonl").read_text().splitlines()[0])
    named = set(re.findall(r"`(\w+)`", PAGE.split("has a line for every video")[1].split("```")[0]))
    assert named and named <= entry.keys()


def test_states_and_figures_are_the_codes() -> None:
    assert all(f"| {state} |" in PAGE for state in STATES)
    page = " ".join(PAGE.split())
    assert stop.PATIENCE == 5 and "takes longer than five is broken off" in page
    assert MAX_PIXELS == 2**27 and "more than 2^27 pixels" in page
    assert isolated.TIME_LIMIT == 60 and "for a minute without a packet" in page
    assert pipeline.BLOCK == 250 and TracksWriter.flush_seconds == 2 and "the last few hundred frames" in page
