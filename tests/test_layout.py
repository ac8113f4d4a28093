"""The parts keep their order, their size and their lightness."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "redtrack"
ORDER = (
    "errors files machine collector lending timing points shape3d pose measures schema columns tracks dataframes "
    "notebook geometry certainty journal edits video fuse device faces rednet checkpoint formats events inference run "
    "evaluate verify render cropping review plots training bench doctor cli"
).split()
TOP_LEVEL = {
    *("redtrack", "tests", "examples", "weights", "docs", "benchmarks"),
    *("setup.py", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".ci", ".gitignore", ".gitattributes"),
    *("Dockerfile", ".dockerignore"),
}
# Imported inside functions, to the right: `tracks.save(path)` and `tracks.events(face)` read better than the other way.
BACKWARDS = {"redtrack/tracks.py": {"formats", "events", "dataframes", "plots", "notebook"}}
MOST_FILES = 25  # in a folder, its `__init__` among them
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 60


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yields the dotted name of everything that the file imports, wherever in the file it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_part_has_its_place_in_the_order():
    """A new part of the package is given a place among the others."""
    parts = {part_of(p) for p in SOURCES} - {"__init__", "__main__"}
    assert parts <= set(ORDER), f"not in the order: {sorted(parts - set(ORDER))}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_part_imports_only_parts_to_its_left(path):
    """No file imports a part that stands to the right of its own; the facade and `-m redtrack` may import any."""
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return
    names = [name.split(".") for name in imported(parsed(path))]
    parts = {name[1] for name in names if name[0] == "redtrack" and len(name) > 1} & set(ORDER)
    parts -= BACKWARDS.get(name_of(path), set())
    wrong = [other for other in parts if ORDER.index(other) > ORDER.index(part)]
    assert not wrong, f"{part} imports {wrong}"


def test_inference_knows_nothing_of_runs():
    """One video becomes rows whatever the run; the order alone would allow a later change of places."""
    for path in (PACKAGE / "inference").rglob("*.py"):
        assert not [name for name in imported(parsed(path)) if name.startswith("redtrack.run")], path


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path) -> set[str]:
    """The modules of the package that the file imports at run time, in functions too, but for `BACKWARDS`."""
    tree, found = parsed(path), set()
    for_types = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    left_out = {name for node in for_types for name in imported(node)}
    for name in set(imported(tree)) - left_out:
        module = name if name in MODULES else name.rpartition(".")[0]
        parts = module.split(".")
        if module in MODULES and not (len(parts) > 1 and parts[1] in BACKWARDS.get(name_of(path), ())):
            found.add(module)
    return found - {module_of(path)}


MODULES = {module_of(path): path for path in SOURCES}


def test_no_module_imports_itself_in_a_circle():
    """Nor through others, nor inside functions."""
    imports = {module: imported_modules(path) for module, path in MODULES.items()}
    while free := [module for module, needs in imports.items() if not needs & imports.keys()]:
        for module in free:
            del imports[module]
    circles = {module: sorted(needs & imports.keys()) for module, needs in imports.items()}
    assert not circles, circles


def test_modules_are_imported_by_name_in_packages_only():
    """`import_module` hides who needs whom: it is for the lazy names of a package's `__init__`, and other libraries."""
    for path in SOURCES:
        calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call) and node.args]
        names = [ast.unparse(node.args[0]) for node in calls if ast.unparse(node.func).endswith("import_module")]
        assert path.name == "__init__.py" or not [name for name in names if "redtrack" in name], path


def test_no_folder_has_too_many_files():
    """A newcomer reads the names at one glance."""
    counts = Counter(path.parent for path in SOURCES)
    assert not {str(folder): count for folder, count in counts.items() if count > MOST_FILES}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_are_short(path):
    """No file is longer than 300 lines, no function than 60."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    functions = [n for n in ast.walk(parsed(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > MOST_LINES_OF_A_FUNCTION]
    assert not long


def test_no_picture_library_but_av():
    """OpenCV and scipy are imported nowhere; Pillow, scikit-image and matplotlib only inside functions.

    pandas and xarray are for the one format that is a pandas table and for `dataframes`, and types elsewhere.
    """
    for path in SOURCES:
        tree = parsed(path)
        may = path.name in ("deeplabcut_hdf5.py", "dataframes.py", "tracks.py")
        refused = {"cv2", "scipy"} | (set() if may else {"pandas", "xarray"})
        assert not {n.split(".")[0] for n in imported(tree)} & refused, path
        on_top = ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], [])
        inside = {"PIL", "skimage", "matplotlib", "pandas", "tables", "xarray", "pyarrow", "pynwb"}
        assert not {n.split(".")[0] for n in imported(on_top)} & inside, path


def test_top_level_is_as_designed():
    """Nothing is committed at the top level but what belongs there."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0].strip('"') for line in listing.splitlines()}
    assert top <= TOP_LEVEL, f"not there: {sorted(top - TOP_LEVEL)}"


HEAVY = {"torch", "safetensors.torch", "matplotlib", "skimage", "scipy"}
LIGHT_CALLS = {
    "import redtrack": "import redtrack; dir(redtrack); redtrack.__version__",
    "redtrack.load": "import redtrack; redtrack.load",
    "redtrack.Tracks": "import redtrack; redtrack.Tracks",
    "redtrack.Landmarker": "import redtrack; redtrack.Landmarker",
    "redtrack.annotate": "import redtrack; redtrack.annotate",
    "redtrack --help": "from redtrack.cli import cli; cli.main(['--help'])",
    "redtrack annotate --help": "from redtrack.cli import cli; cli.main(['annotate', '--help'])",
}


@pytest.mark.parametrize("call", LIGHT_CALLS)
def test_light_calls_import_nothing_heavy(call):
    """Help texts and the facade come without torch, which alone costs 3 seconds."""
    probe = f"""
import sys
try:
    {LIGHT_CALLS[call]}
except SystemExit as end:
    assert not end.code, end.code
print("HEAVY", *sorted(set(sys.modules) & {HEAVY!r}))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1].split() == ["HEAVY"]
