"""What the documents say runs: every command line of theirs, as printed, in a folder with the files that they name."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import videos
from click.testing import CliRunner
from drawn_tracks import face, moving_face

from redtrack.cli import cli
from redtrack.formats.pts import write_points
from redtrack.render.png import write_png

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "docs" / name for name in ("evaluation.md", "rendering.md")]
LINES = [line for page in DOCS for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
         for line in block.splitlines()]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents name: a clip, its tracks, another tool's, the truth, data sets."""
    root = tmp_path_factory.mktemp("docs")
    videos.clip(root / "clip.mp4", 24)
    (root / "tracks").mkdir()
    rng = np.random.default_rng(0)
    doubts = {"scores": rng.uniform(0.5, 1, (24, 68)), "disagreement": rng.gamma(1, 0.3, (24, 68))}
    moving_face(24, **doubts).save(root / "tracks" / "clip.h5")
    moving_face(24).save(root / "theirs.csv")
    moving_face(24).save(root / "truth.h5")
    for video in ("410", "114"):
        (root / "300vw" / video / "annot").mkdir(parents=True)
        for index, points in enumerate(moving_face(3).points):
            write_points(points, root / "300vw" / video / "annot" / f"{index + 1:06d}.pts")
        shutil.copy(root / "tracks" / "clip.h5", root / "tracks" / f"{video}-vid.h5")
    (root / "300w").mkdir()
    write_png(root / "300w" / "a_1.png", videos.numbered(0))
    write_points(face(), root / "300w" / "a_1.pts")
    return root


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_documents_runs(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends well, and the file that it names as its output is there."""
    if "plot" in line:
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(folder)
    program, *words = shlex.split(line)
    assert program == "redtrack"
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    for option in ("-o", "--sheet", "--plot"):
        if option in words:
            assert (folder / words[words.index(option) + 1]).stat().st_size > 0


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_python_of_the_documents_runs(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of Python run from top to bottom."""
    monkeypatch.chdir(folder)
    for block in re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(block, page.name, "exec"), {"__name__": "docs"})
