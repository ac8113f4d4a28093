"""The basis of face shapes is learnt from a 3D model and labelled faces."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from heads import heads, poses, random_turns, seen, write_face_model
from labelled_faces import write_pts

from redtrack.cli import cli
from redtrack.render.png import encode_png
from redtrack.shape3d.basis import default_basis, load_basis
from redtrack.shape3d.fit import fit_rows
from redtrack.training.shape import learn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A 3D model and 60 labelled faces."""
    write_face_model(tmp_path / "face.npz")
    (tmp_path / "faces").mkdir()
    points = seen(heads(80), poses(random_turns(80) * 0.4), noise=0.5)
    for index, face in enumerate(points):
        (tmp_path / "faces" / f"{index}.png").write_bytes(encode_png(np.zeros((2, 2, 3), np.uint8)))
        write_pts(tmp_path / "faces" / f"{index}.pts", face)
    return tmp_path


def train(folder: Path) -> Result:
    model, data, out = (str(folder / name) for name in ("face.npz", "faces", "b.safetensors"))
    return CliRunner().invoke(cli, ["train", "shape", "--model", model, "--data", data, "-o", out])


def test_a_basis_is_learnt_that_fits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes a basis like the one that the faces were drawn from: new faces fit to a few pixels."""
    monkeypatch.setattr(learn, "_ROUNDS", 1)
    done = train(folder)
    assert done.exit_code == 0, done.output
    basis = load_basis(folder / "b.safetensors")
    assert np.abs(basis.mean[17:68] - default_basis().mean[17:68]).mean() < 3
    new = seen(heads(20, seed=9), poses(random_turns(20) * 0.4))
    assert fit_rows(new, None, basis.mean[:68], basis).residual.mean() < 6


@pytest.mark.parametrize("what", ["no model", "few faces"])
def test_unfit_input_is_refused(what: str, folder: Path) -> None:
    """A file that is no model, and too few faces, in one sentence."""
    if what == "no model":
        (folder / "face.npz").write_bytes(b"nothing")
    else:
        for index in range(30):
            (folder / "faces" / f"{index}.pts").unlink()
    done = train(folder)
    assert done.exit_code != 0 and ("no 3D model" in done.output or "too few" in done.output)
    assert not (folder / "b.safetensors").exists()
