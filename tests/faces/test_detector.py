"""The face detector: its network, its pictures, its boxes, and what the shipped weights find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redtrack import checkpoint
from redtrack.faces.detect import GLANCE, NetworkDetector, reduce, suppress, unit
from redtrack.faces.detector import DetectorConfig, FaceDetector, cells
from redtrack.geometry import box_iou

TINY = DetectorConfig(stem=4, widths=(4, 4, 4), depths=(1, 1, 1), neck=4, long_side=64)
ASTRONAUT = np.array([175, 58, 276, 191])  # by hand: forehead to chin, cheek to cheek
shipped = pytest.mark.skipif(
    not (Path(__file__).parents[2] / "weights" / "facedet.safetensors").is_file(), reason="no shipped weights"
)


class OneBox(torch.nn.Module):
    """A network that finds one box, given in px of a frame of (height, width), in every picture."""

    def __init__(self, box: tuple[float, ...], frame: tuple[int, int], long_side: int) -> None:
        super().__init__()
        self.config = DetectorConfig(long_side=long_side)
        self.box = (torch.tensor(box) + 0.5) * long_side / max(frame) - 0.5

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        glance = max(pictures.shape[2:]) < 0.6 * self.config.long_side
        box = (self.box + 0.5) / GLANCE - 0.5 if glance else self.box
        return torch.full((len(pictures), 1), 3.0), box.expand(len(pictures), 1, 4)


class Crowd(torch.nn.Module):
    """Sees the boxes of a square frame of 640 px that are 12 px or more in the picture that it is given."""

    def __init__(self, *sides: float) -> None:
        super().__init__()
        self.config = DetectorConfig(long_side=160)
        self.sides = sides  # of boxes in a row
        self.seen: list[int] = []

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.seen.append(pictures.shape[3])
        scale = pictures.shape[3] / 640
        left = np.cumsum((0, *self.sides[:-1]))
        boxes = [(x, 10, x + side, 10 + side) for x, side in zip(left, self.sides, strict=True) if side * scale >= 12]
        rows = (torch.tensor(boxes).reshape(-1, 4).float() + 0.5) * scale - 0.5
        return torch.full((len(pictures), len(rows)), 3.0), rows.expand(len(pictures), -1, 4)


@pytest.fixture(scope="module")
def tiny() -> FaceDetector:
    """An untrained network whose normalisations are not the identity."""
    torch.manual_seed(0)
    net = FaceDetector(TINY)
    for _ in range(3):
        net(torch.rand(4, 3, 64, 64))
    return net.eval()


@pytest.fixture(scope="module")
def astronaut() -> torch.Tensor:
    """scikit-image's portrait, uint8 (512, 512, 3); not among the pictures that the detector learned from."""
    data = pytest.importorskip("skimage.data")
    return torch.from_numpy(data.astronaut())


@pytest.fixture(scope="module")
def detector() -> NetworkDetector:
    """The shipped detector."""
    return NetworkDetector(checkpoint.load(kind="detector"))


def test_one_score_and_one_box_a_cell(tiny: FaceDetector) -> None:
    """Three levels of strides 8, 16 and 32."""
    scores, boxes = tiny(torch.rand(2, 3, 64, 96))
    count = 8 * 12 + 4 * 6 + 2 * 3
    assert (scores.shape, boxes.shape) == ((2, count), (2, count, 4))
    assert len(cells(64, 96)[0]) == count


def test_cells_are_where_their_pixels_are() -> None:
    """The first cell of stride 8 is centred on pixels 0 to 7."""
    centres, strides = cells(64, 64)
    assert centres[0].tolist() == [3.5, 3.5]
    assert centres[1].tolist() == [11.5, 3.5], "x runs first"
    assert centres[-1].tolist() == [47.5, 47.5]
    assert strides.unique().tolist() == [8, 16, 32]


def test_boxes_surround_their_cells(tiny: FaceDetector) -> None:
    """All four distances are positive by construction."""
    _, boxes = tiny(torch.rand(1, 3, 64, 64))
    centres, _ = cells(64, 64)
    assert (boxes[0, :, :2] < centres).all() and (boxes[0, :, 2:] > centres).all()


def test_pictures_that_do_not_fit_the_strides_are_refused(tiny: FaceDetector) -> None:
    """A contract between parts, so an assertion."""
    with pytest.raises(AssertionError, match="100 x 64"):
        tiny(torch.rand(1, 3, 64, 100))


def test_config_survives_json() -> None:
    """Lists become tuples again."""
    assert DetectorConfig(widths=[1, 2, 3], depths=[1, 1, 1]) == DetectorConfig(widths=(1, 2, 3), depths=(1, 1, 1))  # type: ignore[arg-type]


def test_folding_normalisation_changes_nothing_but_the_speed(tiny: FaceDetector) -> None:
    """Nor the network that is folded; folding twice is folding once."""
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        fused = NetworkDetector(tiny).net
        plain, quick, twice = tiny(pictures), fused(pictures), NetworkDetector(fused).net(pictures)
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in tiny.modules())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())
    assert torch.allclose(plain[1], quick[1], atol=1e-3) and torch.equal(quick[1], twice[1])


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (480, 640), (33, 47), (1, 1), (2160, 3840)])
def test_pictures_of_any_size_are_reduced_to_the_long_side(size: tuple[int, int]) -> None:
    """The other side follows, rounded; the scale of each side is what was really done."""
    height, width = size
    frames, ratio = reduce(torch.full((2, height, width, 3), 255, dtype=torch.uint8), 128)
    tall, wide = max(1, round(128 * height / max(size))), max(1, round(128 * width / max(size)))
    assert frames.shape == (2, tall, wide, 3)
    assert np.allclose(ratio * [width, height], [wide, tall])
    pictures = unit(frames)
    assert pictures.shape == (2, 3, -(-tall // 32) * 32, -(-wide // 32) * 32)
    assert (pictures[:, :, :tall, :wide] == 1).all() and pictures.sum() == 2 * 3 * tall * wide


def test_faces_that_fill_the_picture_are_left_to_the_glance() -> None:
    """Each of the two looks gives the sizes that it is good at, and both together every size."""
    for share in (0.1, 0.3, 0.45, 0.6, 0.9):
        net = OneBox((0, 0, 500 * share, 500 * share), (512, 512), 512)
        rows = NetworkDetector(net).detect(torch.zeros(1, 512, 512, 3, dtype=torch.uint8))[0]  # type: ignore[arg-type]
        assert len(rows) == 1, f"a face of {500 * share} px"
        assert np.allclose(rows[0, :4], [0, 0, 500 * share, 500 * share], atol=0.1)


def test_where_small_faces_are_seen_smaller_ones_are_looked_for() -> None:
    """At twice the size, and again, up to the frame's own; each face once. A large face alone is no reason to."""
    frames = torch.zeros(1, 640, 640, 3, dtype=torch.uint8)
    crowd, alone = (NetworkDetector(Crowd(*sides)) for sides in ((100, 60, 36, 20), (300, 36, 20)))  # type: ignore[arg-type]
    found = crowd.detect(frames)[0]
    assert sorted((found[:, 2] - found[:, 0]).round()) == [20, 36, 60, 100]
    assert (max(crowd.net.seen), len(alone.detect(frames)[0]), max(alone.net.seen)) == (640, 1, 160)  # type: ignore[arg-type]
    at_once = NetworkDetector(Crowd(100, 60, 36, 20), long_side=640).detect(frames)[0]  # type: ignore[arg-type]
    assert np.allclose(sorted(at_once.tolist()), sorted(found.tolist()), atol=0.5)


def test_parts_of_a_face_are_not_faces() -> None:
    """A much weaker box inside a better one goes; one nearly as good stays (a child before a parent)."""
    face, part, child = [0, 0, 100, 130, 0.9], [30, 80, 70, 120, 0.5], [30, 80, 70, 120, 0.85]
    assert len(suppress(np.array([face, part], np.float32))) == 1
    assert len(suppress(np.array([face, child], np.float32))) == 2


@settings(max_examples=25)
@given(st.integers(20, 900), st.integers(20, 900), st.integers(64, 700))
def test_boxes_come_back_in_frame_pixels(height: int, width: int, long_side: int) -> None:
    """Through reduction and back, half-pixel shifts included, whatever the sizes."""
    box = (0.2 * width, 0.3 * height, 0.7 * width, 0.8 * height)
    net = OneBox(box, (height, width), long_side)
    rows = NetworkDetector(net).detect(torch.zeros(1, height, width, 3, dtype=torch.uint8))[0]  # type: ignore[arg-type]
    rounding = max(height, width) / long_side / min(height, width) * max(height, width)  # the shorter side's
    assert np.allclose(rows[0, :4], box, atol=0.02 + 0.51 * rounding * GLANCE)


def test_boxes_are_clipped_to_the_frame() -> None:
    """And a box wholly outside is none."""
    net = OneBox((-20, -10, 50, 400), (100, 200), 200)
    rows = NetworkDetector(net).detect(torch.zeros(1, 100, 200, 3, dtype=torch.uint8))[0]  # type: ignore[arg-type]
    assert np.allclose(rows[0, :4], [0, 0, 50, 99], atol=0.01)
    net = OneBox((-50, 10, -5, 40), (100, 200), 200)
    assert len(NetworkDetector(net).detect(torch.zeros(1, 100, 200, 3, dtype=torch.uint8))[0]) == 0  # type: ignore[arg-type]


def test_one_face_keeps_one_box() -> None:
    """Boxes that overlap become one, averaged by score; others stay, best first."""
    rows = np.array(
        [[0, 0, 100, 100, 0.5], [4, 0, 104, 100, 0.5], [50, 0, 150, 100, 0.4], [300, 0, 400, 100, 0.9]], np.float32
    )
    kept = suppress(rows)
    assert np.allclose(kept, [[300, 0, 400, 100, 0.9], [2, 0, 102, 100, 0.5], [50, 0, 150, 100, 0.4]])
    assert suppress(np.zeros((0, 5), np.float32)).shape == (0, 5)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_suppression_leaves_no_two_boxes_of_one_face(seed: int, count: int) -> None:
    """Kept boxes overlap less than the limit before averaging moves them; scores fall; none is made up."""
    random = np.random.default_rng(seed)
    low = random.uniform(0, 100, (count, 2))
    rows = np.concatenate([low, low + random.uniform(1, 60, (count, 2)), random.random((count, 1))], axis=1)
    kept = suppress(rows.astype(np.float32))
    assert (np.diff(kept[:, 4]) <= 0).all()
    assert np.isin(kept[:, 4], rows[:, 4].astype(np.float32)).all()
    assert (box_iou(kept[:, :4], kept[:, :4]) - np.eye(len(kept)) < 0.85).all()


@pytest.mark.cuda
@shipped
def test_the_gpu_finds_what_the_cpu_finds(astronaut: torch.Tensor) -> None:
    """The same boxes within a pixel, both in 32 bits."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    net = checkpoint.load(kind="detector")
    both = [NetworkDetector(net, device) for device in ("cpu", "cuda")]
    for detector in both:
        detector.half = False
    here, there = (detector.detect(astronaut[None])[0] for detector in both)
    assert np.allclose(here, there, atol=1)


@shipped
def test_the_shipped_detector_finds_a_face_where_it_is(detector: NetworkDetector, astronaut: torch.Tensor) -> None:
    """One face, tight."""
    rows = detector.detect(astronaut[None])[0]
    assert len(rows) == 1
    assert box_iou(rows[:, :4], ASTRONAUT[None].astype(float))[0, 0] > 0.7


@shipped
@pytest.mark.parametrize("change", ["half", "quarter", "grey", "dark", "mirrored", "small in a large picture"])
def test_the_shipped_detector_finds_it_changed_too(
    detector: NetworkDetector, astronaut: torch.Tensor, change: str
) -> None:
    """Smaller, without colour, dim, mirrored."""
    picture, box = astronaut.clone(), ASTRONAUT.astype(float)
    if change in ("half", "quarter"):
        factor = 2 if change == "half" else 4
        picture = picture[::factor, ::factor].contiguous()
        box = box / factor
    elif change == "grey":
        picture = picture.float().mean(2, keepdim=True).to(torch.uint8).expand(-1, -1, 3).contiguous()
    elif change == "dark":
        picture = picture // 4
    elif change == "mirrored":
        picture, box = picture.flip(1), (511 - box)[[2, 1, 0, 3]] * [1, -1, 1, -1] + [0, 511, 0, 511]
    else:
        large = torch.zeros(1080, 1920, 3, dtype=torch.uint8)
        large[300:812, 700:1212] = picture
        picture, box = large, box + [700, 300, 700, 300]
    rows = detector.detect(picture[None])[0]
    assert len(rows) == 1
    assert box_iou(rows[:, :4], box[None])[0, 0] > 0.6


@shipped
def test_batched_equals_one_by_one(detector: NetworkDetector, astronaut: torch.Tensor) -> None:
    """A picture's boxes do not depend on its neighbours, nor on the size of the batch."""
    frames = torch.stack([astronaut, astronaut.flip(1), torch.zeros_like(astronaut), astronaut // 2] * 3)
    together = detector.detect(frames)
    for frame, rows in zip(frames, together, strict=True):
        alone = detector.detect(frame[None])[0]
        assert np.allclose(rows, alone, atol=1e-2)
    assert [len(rows) for rows in together[:4]] == [1, 1, 0, 1]


@shipped
@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "gravel"])
def test_the_shipped_detector_finds_no_face_where_none_is(detector: NetworkDetector, name: str) -> None:
    """Still life, a cat, machines: pictures of its training, so this guards the file rather than the training."""
    data = pytest.importorskip("skimage.data")
    picture = torch.from_numpy(getattr(data, name)())
    picture = picture if picture.ndim == 3 else picture[..., None].expand(-1, -1, 3).contiguous()
    assert len(detector.detect(picture[None])[0]) == 0


@shipped
def test_the_shipped_file_is_small_and_says_what_it_is() -> None:
    """At most 2 MB, with a card."""
    about = checkpoint.describe("facedet")
    assert about["kind"] == "detector"
    assert about["size_bytes"] <= 2_000_000
    assert {"data", "licence", "recall"} <= set(about["card"])
