"""The wheel holds the package and its weights, and nothing else."""

from __future__ import annotations

import configparser
import email.message
import email.parser
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import redtrack

ROOT = Path(__file__).parent.parent
SOURCES = ("redtrack", "tests", "examples", "weights", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the checkout, opened."""
    copy = tmp_path_factory.mktemp("copy")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next((copy / "dist").glob("redtrack-*.whl"))) as archive:
        yield archive


def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    return email.parser.Parser().parsestr(wheel.read(name).decode())


def test_every_module_is_in_the_wheel(wheel):
    """All of the package's modules are there, the parts of review's pages, and the mark that it is typed."""
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "redtrack").rglob("*.py")}
    modules |= {f"redtrack/review/{name}" for name in ("page.html", "page.css", "page.js", "index.html")}
    assert modules | {"redtrack/py.typed"} <= set(wheel.namelist())


def test_the_weights_are_in_the_wheel_with_their_card(wheel):
    """All weights files lie in redtrack/weights, where the loader looks first, and say what they may be used for."""
    files = {p.name for p in (ROOT / "weights").glob("*.safetensors")} | {"README.md"}
    assert {n.removeprefix("redtrack/weights/") for n in wheel.namelist() if n.startswith("redtrack/weights/")} == files


def test_nothing_else_is_in_the_wheel(wheel):
    """Neither tests nor examples, nor caches: the package and its metadata."""
    tops = {n.split("/")[0] for n in wheel.namelist()}
    assert tops == {"redtrack", f"redtrack-{redtrack.__version__}.dist-info"}
    assert not [n for n in wheel.namelist() if "__pycache__" in n or "test_" in n]


def test_the_metadata_says_version_python_and_licence(wheel):
    """The wheel's version is the package's; Python 3.11; the code's licence and the weights' other one."""
    about = metadata(wheel)
    assert about["Version"] == redtrack.__version__
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"].startswith("MIT AND LicenseRef-")
    assert "LICENSE" in about.get_all("License-File")


def test_seven_plain_dependencies_and_torch_in_a_range(wheel):
    """What an install brings is short, and torch is neither pinned nor open at the top."""
    needed = [r for r in metadata(wheel).get_all("Requires-Dist") if "extra ==" not in r]
    names = {r.split(";")[0].split(">")[0].split("<")[0].strip() for r in needed}
    assert names == {"torch", "av", "click", "h5py", "numpy", "rich", "safetensors", "tqdm"}
    assert next(r for r in needed if r.startswith("torch")) in ("torch<3,>=2.6", "torch>=2.6,<3")


def test_every_extra_that_is_named_is_declared(wheel):
    """Whatever `redtrack[EXTRA]` the documents, the help texts and the messages tell people to install is there."""
    texts = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "redtrack").rglob("*.py")]
    named = {extra for path in texts for extra in re.findall(r"redtrack\[(\w+)\]", path.read_text(encoding="utf-8"))}
    assert {"plot", "ray"} <= named <= set(metadata(wheel).get_all("Provides-Extra"))


def test_the_command_is_declared(wheel):
    """`redtrack` on the command line is a function that exists."""
    name = next(n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(wheel.read(name).decode())
    module, function = points["console_scripts"]["redtrack"].split(":")
    assert callable(getattr(__import__(module, fromlist=[function]), function))
