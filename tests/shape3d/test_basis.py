"""The basis of face shapes that ships: its size, its symmetry, its jaw, its file."""

from pathlib import Path

import numpy as np
import pytest

from redtrack import checkpoint
from redtrack.errors import WeightsError
from redtrack.points import MIRROR
from redtrack.shape3d.basis import NAME, default_basis, load_basis, save_basis
from redtrack.shape3d.pose import rotation, turned

ROOT = Path(__file__).parents[2]
OTHER_SIDE = np.array([-1, 1, 1])


def test_the_mean_and_its_triangles_are_their_own_mirror_image() -> None:
    """The 68 points are mirrored by MIRROR, and every vertex has one on the other side."""
    basis = default_basis()
    assert np.array_equal(basis.mirror[:68], MIRROR)
    assert np.array_equal(basis.mirror[basis.mirror], np.arange(len(basis.mean)))
    assert np.allclose(basis.mean[basis.mirror] * OTHER_SIDE, basis.mean)


def test_each_mode_is_symmetric_or_the_negative_of_its_mirror_image() -> None:
    """So symmetric faces have symmetric shapes, and asymmetry has coefficients of its own."""
    basis = default_basis()
    for mode in (*basis.identity, *basis.expression):
        other = mode[basis.mirror] * OTHER_SIDE
        assert np.allclose(other, mode, atol=1e-6) or np.allclose(other, -mode, atol=1e-6)


def test_the_file_is_small_and_says_what_it_is() -> None:
    """Less than 100 kB, of kind shape, research only."""
    path = ROOT / "weights" / NAME
    about = checkpoint.describe(path)
    assert path.stat().st_size < 100_000
    assert about["kind"] == "shape" and about["card"]["terms"] == "research only"
    assert about["config"] == {"identity": 20, "expression": 28, "vertices": len(default_basis().mean)}


def test_a_basis_is_read_as_it_was_written(tmp_path: Path) -> None:
    """All arrays come back, the modes to half precision."""
    basis = default_basis()
    signs = [
        np.array([1 if np.allclose(mode[basis.mirror] * OTHER_SIDE, mode, atol=1e-6) else -1 for mode in modes])
        for modes in (basis.identity, basis.expression)
    ]
    save_basis(basis, (signs[0], signs[1]), tmp_path / "copy.safetensors", {})
    copy = load_basis(tmp_path / "copy.safetensors")
    for name, array in vars(basis).items():
        assert np.allclose(getattr(copy, name), array, atol=0.02), name


@pytest.mark.parametrize(
    "content", [b"", b"no weights", (ROOT / "weights" / "facedet.safetensors").read_bytes()[:5000]]
)
def test_a_file_that_is_no_basis_is_refused(content: bytes, tmp_path: Path) -> None:
    """In a sentence with its path."""
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_basis(tmp_path / "x.safetensors")


def test_weights_of_another_kind_are_refused() -> None:
    """The detector's weights are no basis."""
    with pytest.raises(WeightsError, match="no basis of face shapes"):
        load_basis(ROOT / "weights" / "facedet.safetensors")


def test_the_jaw_slides_to_mirrored_places() -> None:
    """Turned left, the jaw's points lie where those of the other side lie on a head turned right; ahead they rest."""
    slid = default_basis().slid(rotation(turned(np.array([[0, 30, 0], [0, -30, 0], [0, 0, 0]]))))
    assert np.allclose(slid[0], slid[1, ::-1] * OTHER_SIDE, atol=1e-5)
    assert np.abs(slid[0]).max() > 3 and np.abs(slid[2]).max() < 1e-6
