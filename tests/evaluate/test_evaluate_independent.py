"""`redtrack evaluate` against another program: one that reads the files itself, as the challenges' scripts do it.

Nothing of redtrack is used below but the command line: `.pts` files are split by lines with 1 taken off, OpenFace's CSV
is read by its header, errors are summed point by point (300-W's `compute_error.m`), the area is a sum over a grid.
"""

from __future__ import annotations

import csv
import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_tracks import face

from redtrack.cli import cli

Points = list[tuple[float, float]]

SETS = {
    "68": range(68),
    "51": range(17, 68),
    "49": [i for i in range(17, 68) if i not in (60, 64)],
    "7": [30, 36, 39, 42, 45, 48, 54],
}
PARTS = {
    "jaw": range(17),
    "brows": range(17, 27),
    "nose": range(27, 36),
    "eyes": range(36, 48),
    "mouth": range(48, 68),
}


def write_data(root: Path, videos: int = 3, frames: int = 30) -> None:
    """Writes a 300-VW folder and an OpenFace CSV for each video, some frames of which failed or are not there."""
    rng = np.random.default_rng(7)
    axes = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    (root / "theirs").mkdir(parents=True)
    for video in range(videos):
        name = ("410", "411", "516")[video]
        (root / "300vw" / name / "annot").mkdir(parents=True)
        lines = [", ".join(["frame", "face_id", "timestamp", "confidence", "success", *axes])]
        for frame in range(frames):
            true = face(80 + frame, 60, 90 + 10 * video) + rng.normal(0, 0.3, (68, 2))
            body = "".join(f"{x + 1:.6f} {y + 1:.6f}\r\n" for x, y in true)
            path = root / "300vw" / name / "annot" / f"{frame + 1:06d}.pts"
            path.write_text(f"version: 1\r\nn_points:  68\r\n{{\r\n{body}}}", newline="")
            spread = rng.uniform(0.3, 8)
            found = true + rng.normal(0, spread, (68, 2)) + rng.normal(0, spread / 2, 2)
            if frame % 11 == 5:
                continue
            numbers = [f"{value:.4f}" for value in (*found[:, 0], *found[:, 1])]
            success = int(frame % 7 != 3)
            lines.append(", ".join([str(frame + 1), "0", f"{frame / 25:.3f}", "0.9", str(success), *numbers]))
        (root / "theirs" / f"{name}.csv").write_text("\n".join(lines) + "\n")


def read_truth(path: Path, origin: int) -> Points:
    """Returns the points between the braces, counted from 0, as menpo reads them."""
    lines = path.read_text().splitlines()
    inside = lines[lines.index("{") + 1 : lines.index("}")]
    return [(float(line.split()[0]) - origin, float(line.split()[1]) - origin) for line in inside]


def read_openface(path: Path) -> dict[int, Points]:
    """Returns the points of each frame, counted from 1, that succeeded."""
    with open(path, newline="") as file:
        rows = [{name.strip(): value for name, value in row.items()} for row in csv.DictReader(file)]
    return {
        int(row["frame"]): [(float(row[f"x_{i}"]), float(row[f"y_{i}"])) for i in range(68)]
        for row in rows
        if int(row["success"])
    }


def scale(true: Points, norm: str) -> float:
    if norm == "eyes":
        return math.dist(true[36], true[45])
    if norm == "pupils":
        right, left = ([sum(true[i][k] for i in eye) / 6 for k in (0, 1)] for eye in (range(36, 42), range(42, 48)))
        return math.dist(right, left)
    xs, ys = [x for x, _ in true], [y for _, y in true]
    return math.sqrt((max(xs) - min(xs)) * (max(ys) - min(ys)))


def error(found: Points, true: Points, counted: Any, norm: str) -> float:
    """Returns the mean distance over the norm, as `compute_error.m` has it."""
    return sum(math.dist(found[i], true[i]) for i in counted) / (len(counted) * scale(true, norm))


def other_score(root: Path, points: str, norm: str, origin: int = 1) -> dict[str, Any]:
    """Returns what the other program says of the folder."""
    errors: list[float] = []
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    trembling: list[float] = []
    for video in sorted((root / "300vw").iterdir()):
        truth = {int(p.stem): read_truth(p, origin) for p in sorted((video / "annot").iterdir())}
        found = read_openface(root / "theirs" / f"{video.name}.csv")
        for number, true in truth.items():
            errors.append(error(found[number], true, SETS[points], norm) if number in found else math.inf)
            for name, part in PARTS.items():
                counted = [i for i in part if i in SETS[points]]
                if number in found and counted:
                    parts[name].append(error(found[number], true, counted, norm))
            if {number - 1, number, number + 1} <= found.keys() & truth.keys():
                before, now, after = (found[number + k] for k in (-1, 0, 1))
                lengths = [
                    math.hypot(*(before[i][k] - 2 * now[i][k] + after[i][k] for k in (0, 1))) for i in SETS[points]
                ]
                trembling.append(statistics.fmean(lengths) / math.dist(true[36], true[45]))
    given = [e for e in errors if e < math.inf]
    steps = 4000
    within = [sum(e <= 0.08 * (k + 0.5) / steps for e in errors) / len(errors) for k in range(steps)]
    return {
        "faces": len(errors),
        "without_output": len(errors) - len(given),
        "mean": statistics.fmean(given),
        "median": statistics.median(given),
        "deviation": statistics.pstdev(given),
        "area": statistics.fmean(within),
        "failures": {f"{limit:.2f}": sum(e > limit for e in errors) / len(errors) for limit in (0.08, 0.10)},
        "parts": {name: statistics.fmean(values) for name, values in parts.items() if values},
        "jitter": statistics.fmean(trembling),
    }


def ours(root: Path, *options: str) -> dict[str, Any]:
    """Returns what `redtrack evaluate` says."""
    done = CliRunner().invoke(cli, ["evaluate", str(root / "theirs"), str(root / "300vw"), "--json", *options])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)["predictions"][0]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("independent")
    write_data(root)
    return root


@pytest.mark.parametrize("norm", ["eyes", "pupils", "box"])
@pytest.mark.parametrize("points", SETS)
def test_same_figures(folder: Path, points: str, norm: str) -> None:
    """Every figure of the table is the other program's: to a millionth, the area to the width of its grid."""
    mine, other = ours(folder, "--points", points, "--norm", norm), other_score(folder, points, norm)
    for name in ("faces", "without_output"):
        assert mine[name] == other[name]
    assert 0 < other["without_output"] < other["faces"]
    assert 0 < other["failures"]["0.10"] <= other["failures"]["0.08"] < 1
    for name in ("mean", "median", "deviation"):
        assert mine[name] == pytest.approx(other[name], rel=1e-5)
    assert mine["failures"] == pytest.approx(other["failures"])
    assert mine["area"] == pytest.approx(other["area"], abs=1e-4)
    assert mine["parts"] == pytest.approx(other["parts"], rel=1e-5)
    assert mine["jitter"]["prediction"] == pytest.approx(other["jitter"], rel=1e-4)


def test_origin_is_told_apart(folder: Path) -> None:
    """Truth taken as counted from 0 has other figures, the same ones in both programs."""
    from_one, from_zero = ours(folder)["mean"], ours(folder, "--pts-origin", "0")["mean"]
    assert abs(from_one - from_zero) > 1e-4
    assert from_zero == pytest.approx(other_score(folder, "68", "eyes", origin=0)["mean"], rel=1e-5)


def test_real_labels(data: Path, tmp_path: Path) -> None:
    """The same on real labels: a tracked clip against its own points, moved by some pixels, as another tool's CSV."""
    rng = np.random.default_rng(1)
    annot = data / "clips" / "tracked" / "bill_gates" / "annot"
    (tmp_path / "300vw").mkdir()
    (tmp_path / "300vw" / "bill_gates").symlink_to(annot.parent)
    (tmp_path / "theirs").mkdir()
    axes = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    lines = [",".join(["frame", "timestamp", "confidence", "success", *axes])]
    for path in sorted(annot.iterdir()):
        found = np.array(read_truth(path, 1)) + rng.normal(0, 2, (68, 2))
        lines.append(",".join([str(int(path.stem)), "0", "1", "1", *(f"{v:.5f}" for v in found.T.ravel())]))
    (tmp_path / "theirs" / "bill_gates.csv").write_text("\n".join(lines))
    mine, other = ours(tmp_path), other_score(tmp_path, "68", "eyes")
    for name in ("mean", "median", "deviation", "area"):
        assert mine[name] == pytest.approx(other[name], rel=1e-4)
