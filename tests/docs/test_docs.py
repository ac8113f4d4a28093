"""What the documents and the help texts say runs: every command line, as printed, in a folder with what it names.

Training, timing, and what needs GPUs or a cluster are parsed by the command itself, with options and files, not run.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import videos
from click.testing import CliRunner
from commands import ALL, help_of
from drawn_tracks import face, moving_face, tracks_of

from redtrack.cli import cli
from redtrack.formats.pts import write_points
from redtrack.render.png import write_png
from redtrack.tracks import Tracks
from redtrack.video import probe

ROOT = Path(__file__).parents[2]
NAMES = (
    "architecture bulk coming_from command_line crops evaluation events formats "
    "measures pose progress python rendering review training"
).split()
PAGES = ("README.md", *(f"docs/{name}.md" for name in NAMES))
DOCS = {page: (ROOT / page).read_text("utf-8") for page in PAGES}
NOT_RUN = ("train", "bench", "--jobs", "--devices", "--shard", "--ray", "cuda", "--edit")
"""Words of commands that are parsed only."""

FRAMES = 24


def lines() -> Iterator[str]:
    """Yields every call of redtrack in the documents' shell blocks, and every example of the help texts."""
    for name, text in DOCS.items():
        blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for block in blocks[2:] if name == "README.md" else blocks:  # the first two are run by CI, as printed
            yield from (line.partition("  #")[0] for line in block.splitlines() if line.startswith("redtrack "))
    for name, command in ALL.items():
        shown = [line.strip().removeprefix("Example: ") for line in help_of(command, name).splitlines()]
        yield from (line for line in shown if line.startswith("redtrack "))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents name: clips, their tracks, another tool's, the truth, data sets."""
    root = tmp_path_factory.mktemp("docs")
    (root / "examples").symlink_to(ROOT / "examples")
    make_clips(root)
    make_tracks(root)
    make_data(root)
    return root


def make_clips(root: Path) -> None:
    """Makes the videos."""
    videos.clip(root / "clip.mp4", FRAMES)
    for name in ("videos/a.mp4", "more/b.mkv", "moved/clip.mp4", "c.mp4", "plain/d.mp4"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / "clip.mp4", root / name)
    (root / "face3d.npz").touch()
    (root / "list.txt").write_text("c.mp4\n")


def make_tracks(root: Path) -> None:
    """Makes tracks of the clip with two faces, scores and disagreement, other tools' of it, and the truth."""
    about = probe(root / "clip.mp4")
    info = {"source": str(root / "clip.mp4"), "source_size": about.size_bytes, "source_digest": about.digest}
    info |= {"width": about.width, "height": about.height}
    points = np.stack([face(20 + k / 2, 30 + 40 * i, 40) for k in range(FRAMES) for i in range(2)])
    rng = np.random.default_rng(0)
    doubts = {"scores": rng.uniform(0.5, 1, (len(points), 68)), "disagreement": rng.gamma(1, 0.3, (len(points), 68))}
    frame, ids = np.repeat(np.arange(FRAMES), 2), np.tile([0, 1], FRAMES)
    tracks = tracks_of(points, ids=ids, frame=frame, frames=FRAMES, info=info, **doubts)
    for name in ("tracks/clip.h5", "ours.h5", "theirs.csv", "truth.h5", "truth/clip.h5", "out/clip.h5"):
        (root / name).parent.mkdir(exist_ok=True)
        tracks.save(root / name)
    Tracks.from_rows(frame, ids, points * 3, np.arange(100) / 25).save(root / "out" / "astronaut.h5")


def make_data(root: Path) -> None:
    """Makes data sets in the layouts of 300-VW and 300-W, and what training starts from."""
    for video in ("300vw/410", "300vw/114", "300vw/001", "clip"):
        (root / video / "annot").mkdir(parents=True)
        for index, points in enumerate(moving_face(3).points):
            write_points(points, root / video / "annot" / f"{index + 1:06d}.pts")
        if video.startswith("300vw"):
            shutil.copy(root / "tracks" / "clip.h5", root / "tracks" / f"{video[-3:]}-vid.h5")
    (root / "300w" / "ibug").mkdir(parents=True)
    write_png(root / "300w" / "ibug" / "a_1.png", videos.numbered(0))
    write_points(face(), root / "300w" / "ibug" / "a_1.pts")
    for name in ("ytf", "people", "coarse", "views", "scenes", "labelled", "my_clips", "tracks"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "vgg16.pth").touch()
    for run in ("image", "video", "mine-video"):
        (root / "runs" / run).mkdir(parents=True)
        for name in ("weights", "best"):
            (root / "runs" / run / f"{name}.safetensors").symlink_to(ROOT / "weights" / "rednet-small.safetensors")


@pytest.mark.parametrize("line", dict.fromkeys(lines()))
def test_every_command_of_the_documents_runs(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends well, and the file that it names as its output is there."""
    if "plot" in line:
        pytest.importorskip("matplotlib")
    if "parquet" in line:
        pytest.importorskip("pyarrow")
    if "--to nwb" in line:
        pytest.importorskip("ndx_pose")
    monkeypatch.chdir(folder)
    shutil.copy("ours.h5", "tracks/clip.h5")  # one of the commands replaces it
    program, *words = [word for quoted in shlex.split(line) for word in expanded(quoted, line)]
    assert program == "redtrack"
    if any(word in NOT_RUN for word in words):
        parse(words)
        return
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, (done.output, done.exception)
    for option in ("-o", "--sheet", "--plot"):
        if option in words:
            assert (folder / words[words.index(option) + 1]).stat().st_size > 0


def expanded(word: str, line: str) -> list[str]:
    """Returns what a shell makes of a word; annotate's patterns are in quotes, and its own business."""
    found = sorted(map(str, Path().glob(word))) if "*" in word and not line.startswith("redtrack annotate") else []
    return found or [word]


def parse(words: list[str]) -> None:
    """Lets the command take the words apart, as far as it would before it begins."""
    command: click.Command = cli
    name = "redtrack"
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"no command {name}"
        command = found
    command.make_context(name, words)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "README.md"])
def test_python_of_the_documents_runs(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of Python run from top to bottom."""
    monkeypatch.chdir(folder)
    if "pandas" in DOCS[page]:
        pytest.importorskip("pandas")
        pytest.importorskip("xarray")
    for block in re.findall(r"^```python\n(.*?)^```$", DOCS[page], re.MULTILINE | re.DOTALL):
        exec(compile(block, page, "exec"), {"__name__": "docs"})


@pytest.mark.parametrize("page", PAGES)
def test_files_that_it_names_exist(page: str) -> None:
    """Every path that begins with a folder of the project leads to something."""
    paths = set(re.findall(r"(?<![\w/])(?:examples|weights|redtrack|tests|docs|benchmarks)/[\w./-]*\w", DOCS[page]))
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_page_is_in_the_index() -> None:
    """The README names each document."""
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in DOCS["README.md"]]


def test_formats_are_all_described() -> None:
    """The table of docs/formats.md has a row for each format, and the page each field, attribute and measure."""
    from redtrack.cli.formats import ALL_FORMATS
    from redtrack.measures import MEASURES
    from redtrack.pose import OPENFACE_PLACE, OPENFACE_POSE
    from redtrack.tracks import FRAME_FIELDS, ROW_FIELDS

    text = DOCS["docs/formats.md"]
    rows = re.findall(r"^\| `([\w-]+)` \| `", text, re.MULTILINE)
    assert rows == list(ALL_FORMATS)
    opened = (*OPENFACE_PLACE, *OPENFACE_POSE)
    for name in (*ROW_FIELDS, *FRAME_FIELDS, *MEASURES, *opened, "format_version", "writer", "complete"):
        assert f"`{name}`" in text, name


def test_measures_are_all_defined() -> None:
    """docs/measures.md has a row for each, in the order of the columns."""
    from redtrack.measures import MEASURES

    assert re.findall(r"^\| `(\w+)` \| ", DOCS["docs/measures.md"], re.MULTILINE)[: len(MEASURES)] == list(MEASURES)


def test_events_and_limits_are_all_described() -> None:
    """docs/events.md has each event, and each limit with its default."""
    from dataclasses import asdict

    from redtrack.events import KINDS, NOT_SEEN, Limits

    text = DOCS["docs/events.md"]
    assert re.findall(r"^\| `([a-z-]+)` \| ", text, re.MULTILINE)[: len(KINDS) + 2] == [*KINDS, *NOT_SEEN]
    for name, value in asdict(Limits()).items():
        line = next(line for line in text.splitlines() if line.startswith("| `") and f"`{name}`" in line)
        assert re.search(rf"\b{value:g}\b", line), name


def test_presets_of_crops_are_all_described() -> None:
    """The table of docs/crops.md names each, with its side."""
    from redtrack.cropping import PRESETS

    rows = [line for line in DOCS["docs/crops.md"].splitlines() if line.startswith("| `")]
    for name, preset in PRESETS.items():
        line = next(line for line in rows if f"`{name}`" in line)
        assert f"| {preset.size} px |" in line, name


def test_info_is_described_to_its_last_key(folder: Path) -> None:
    """Every key that a result's info has stands in docs/formats.md."""
    import redtrack

    for key in redtrack.annotate(folder / "clip.mp4").info:
        assert f"`{key}`" in DOCS["docs/formats.md"], key


def test_what_people_do_takes_three_lines() -> None:
    """Each of the five recipes is at most three lines of Python, imports aside."""
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCS["docs/coming_from.md"], re.MULTILINE | re.DOTALL)
    lines = [[line for line in block.splitlines() if not line.startswith(("import", "from"))] for block in blocks]
    assert len(lines) == 5 and all(len(list(filter(None, block))) <= 3 for block in lines)


R = "{}\nstopifnot(dim(points) == c(2, 68, sum(table$success)), is.numeric(table$mouth_opening))"
OCTAVE = """
if ! exist('h5read')
  eval("function v = h5read(path, name); s = load('-hdf5', path); v = s.(name(2:end)); end");
end
set(0, 'defaultfigurevisible', 'off');
{}
assert(isequal(size(points), [2 68 numel(face)]) && isa(face, 'int32') && size(one, 3) == sum(face == 0));
"""  # Octave, before it has MATLAB's h5read, reads the same with load


@pytest.mark.parametrize(("language", "program"), [("r", "Rscript"), ("matlab", "octave")])
def test_other_languages_of_the_documents_run(language: str, program: str, folder: Path) -> None:
    """The snippets for R and MATLAB run where R with rhdf5, or Octave, is there, and read as many rows as there are."""
    if shutil.which(program) is None:
        pytest.skip(f"no {program}")
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCS["docs/coming_from.md"], re.MULTILINE | re.DOTALL)
    shutil.copy(folder / "ours.h5", folder / "tracks" / "clip.h5")
    convert = ["convert", str(folder / "ours.h5"), "--to", "csv", "--with", "measures", "-o", str(folder / "tables")]
    assert CliRunner().invoke(cli, convert).exit_code == 0
    (folder / "tables" / "ours.csv").rename(folder / "tables" / "clip.csv")
    flag, around = {"r": ("-e", R), "matlab": ("--eval", OCTAVE)}[language]
    if language == "r" and subprocess.run([program, flag, "rhdf5::h5read"], capture_output=True).returncode:  # noqa: PLW1510
        pytest.skip("R has no rhdf5")
    block = around.replace("{}", block)
    done = subprocess.run([program, flag, block], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
