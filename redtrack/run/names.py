"""Names of results: `DIR/<stem>.h5`, and what becomes of two videos of one stem.

A video's result is named for its stem. Where inputs of one run share a stem, each is named for its file name with its
ending, or else with the folders above it in front (`monday-vid`, `tuesday-vid`), or with both, whatever tells them
apart first. A result that exists keeps its name as long as it belongs to the same video (by path or content), and is
never replaced by that of another one, which then gets a name with a checksum of its path: `claim` decides that. Names
hold no separators, so that nothing is written outside DIR.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from redtrack.run.run_log import NAME as LOG

__all__ = ["Names", "name_in_tree", "name_outputs", "safe_name"]

LONGEST = 200  # bytes of a name; 255 is what file systems take, endings and all
PARENTS = 4  # folders above that are tried

Names = tuple[str, ...]
"""What a result may be called, the best name first; the last is unique to the video."""


def name_outputs(paths: Sequence[Path]) -> list[Names]:
    """Returns for each input the names of its result: one unique in this run, its stem, one with a checksum."""
    own = zip(_tell_apart(paths), paths, strict=True)
    return [tuple(dict.fromkeys((name, safe_name(path.stem), _checked(path)))) for name, path in own]


def name_in_tree(paths: Sequence[Path], roots: Mapping[Path, Path]) -> list[Names]:
    """Returns the names of `name_outputs` with the folders between each input and its root in front: `monday/take`.

    roots: the folders that the tree begins at, by input; where there is none, the input's own folder.
    """
    folders: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        folders[_folder(path, roots.get(path, path.parent))].append(path)
    names: dict[Path, Names] = {}
    for folder, inside in folders.items():
        for path, plain in zip(inside, name_outputs(inside), strict=True):
            names[path] = tuple(f"{folder}{name}" for name in plain)
    return [names[path] for path in paths]


def _folder(path: Path, root: Path) -> str:
    """Returns the folders below the root that the input is in, each followed by a slash."""
    try:
        parts = path.parent.relative_to(root).parts
    except ValueError:
        return ""
    return "".join(f"{_safe_folder(part)}/" for part in parts)


def _safe_folder(part: str) -> str:
    """Returns the name of a folder of results; `annot` is what folders of .pts files hold."""
    return safe_name(f"_{part}" if part.startswith("annot") else part)


def _tell_apart(paths: Sequence[Path]) -> list[str]:
    """Returns a name for each path that no other one has, whatever the case of its letters."""
    names = [safe_name(path.stem) for path in paths]
    counts = range(1, PARENTS + 1)
    for rule in (_with_ending, *map(_with_parents, counts), *map(_with_parents_and_ending, counts), _checked):
        taken = Counter(name.casefold() for name in names)
        groups: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(names):
            if taken[name.casefold()] > 1:
                groups[paths[index].stem.casefold()].append(index)
        for group in groups.values():
            better = [rule(paths[index]) for index in group]
            free = all(taken[name.casefold()] == 0 for name in better)
            if free and len({name.casefold() for name in better}) == len(better):
                for index, name in zip(group, better, strict=True):
                    names[index] = name
    return names


def _with_ending(path: Path) -> str:
    return safe_name(path.name)


def _with_parents(count: int) -> Callable[[Path], str]:
    return lambda path: safe_name("-".join([*_parents(path, count), path.stem]))


def _with_parents_and_ending(count: int) -> Callable[[Path], str]:
    return lambda path: safe_name("-".join([*_parents(path, count), path.name]))


def _parents(path: Path, count: int) -> list[str]:
    return [part for part in path.absolute().parent.parts if part != path.anchor][-count:]


def _checked(path: Path) -> str:
    total = hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()[:8]
    return safe_name(f"{path.stem}-{total}")


def safe_name(name: str) -> str:
    """Returns a file name without separators, not hidden, of a length that file systems take."""
    name = name.replace("/", "_").replace("\\", "_").replace("\0", "_")
    if not name.strip(". ") or name.startswith(".") or name == LOG:
        name = f"_{name}"
    encoded = os.fsencode(name)
    if len(encoded) <= LONGEST:
        return name
    total = hashlib.sha256(encoded).hexdigest()[:8]
    start = encoded[: LONGEST - 9].decode("utf-8", "ignore").encode()  # no half of a letter at its end
    return f"{os.fsdecode(start)}-{total}"
