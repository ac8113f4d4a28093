"""Orientation is read as EXIF tells it, and without harm to the process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from redtrack.video import Video, probe, read_picture
from redtrack.video.orientation import exif_orientation

SCRIPT = """
import gc
from importlib.resources import files
from redtrack.video import probe, read_picture
for name in ("astronaut.png", "chelsea.png"):
    path = files("skimage") / "data" / name
    for _ in range(15):
        assert read_picture(path).ndim == 3 and probe(path).rotation == 0
        gc.collect()
"""


def test_pictures_with_a_colour_profile_do_not_crash_the_process():
    """PyAV 18.1 frees named side data twice; we do not touch it."""
    pytest.importorskip("skimage")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def photo(path: Path, told: int | None) -> Path:
    """Writes a picture of four colours, which looks different in all eight orientations."""
    image = pytest.importorskip("PIL.Image")
    pixels = np.zeros((48, 80, 3), np.uint8)
    pixels[:24, :40], pixels[:24, 40:], pixels[24:, :40] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    made = image.fromarray(pixels)
    exif = made.getexif()
    if told is not None:
        exif[0x112] = told
    made.save(path, exif=exif, **({"quality": 98} if path.suffix == ".jpg" else {}))
    return path


@pytest.mark.parametrize("ending", [".jpg", ".png"])
@pytest.mark.parametrize("told", [None, *range(1, 9)])
def test_every_orientation_is_as_pillow_has_it(tmp_path: Path, told: int | None, ending: str) -> None:
    """Turned and mirrored photos come out upright, read as a picture and as a video of one frame."""
    path = photo(tmp_path / f"photo{ending}", told)
    from PIL import Image, ImageOps

    with Image.open(path) as stored:
        wanted = np.asarray(ImageOps.exif_transpose(stored).convert("RGB")).astype(int)
    found = read_picture(path)
    (frame,) = Video(path).frames()
    assert found.shape == wanted.shape and np.abs(found - wanted).mean() < 3
    assert (frame.image == found).all()
    about = probe(path)
    assert (about.width, about.height) == wanted.shape[1::-1] and about.mirrored == (told in (2, 4, 5, 7))


def test_odd_exif_data_is_no_exif_orientation(tmp_path: Path) -> None:
    """Data that is cut off, of another kind, or says nonsense tells nothing, and raises nothing."""
    good = photo(tmp_path / "a.jpg", 6).read_bytes()
    assert exif_orientation(tmp_path / "a.jpg") == 6 and exif_orientation(tmp_path / "none.jpg") is None
    for size in (0, 1, 3, 20, 30, 35, 40):
        (tmp_path / "cut.jpg").write_bytes(good[:size])
        assert exif_orientation(tmp_path / "cut.jpg") is None
    at = good.index(b"\x12\x01" if b"II*" in good else b"\x01\x12")
    for change in (2, 8):  # its type, its value
        spoilt = bytearray(good)
        spoilt[at + change : at + change + 2] = b"\x77\x77"
        (tmp_path / "spoilt.jpg").write_bytes(spoilt)
        assert exif_orientation(tmp_path / "spoilt.jpg") is None
    (tmp_path / "text.jpg").write_bytes(b"hello")
    assert exif_orientation(tmp_path / "text.jpg") is None
