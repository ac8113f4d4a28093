"""The detector's second opinion: its squares, its training, and what it does to the scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redtrack.faces.detect import SURE, NetworkDetector, agreed
from redtrack.faces.detector import DetectorConfig, FaceDetector
from redtrack.faces.verifier import CONTEXT, SIZE, Verifier, squares
from redtrack.training.detector.evaluation import with_threshold
from redtrack.training.detector.mining import mine
from redtrack.training.detector.mosaics import Mosaics
from redtrack.training.detector.scenes import Scene, pyramid
from redtrack.training.detector.verifier import (
    Proposal,
    Proposals,
    Squares,
    hide,
    propose,
    square_to_scene,
    train_verifier,
)

TINY = DetectorConfig(stem=4, widths=(4, 4, 4), depths=(1, 1, 1), neck=4, long_side=128)
FACE = np.array([40.0, 30, 79, 85], np.float32)
UPRIGHT = np.array([[1.0, 0, 0], [0, 1.0, 0]])


class Finder(torch.nn.Module):
    """Finds the same boxes in every picture at the size that it is given them, none at a glance."""

    def __init__(self, *rows: tuple[float, ...], opinion: float | None = None, side: int = 160) -> None:
        super().__init__()
        self.config = DetectorConfig(long_side=side, threshold=0.5, weak=0.3)
        self.rows = torch.tensor(rows).reshape(-1, 5)
        self.asked = 0
        self.verifier = None if opinion is None else self.judge
        self.opinion = opinion

    def judge(self, crops: torch.Tensor) -> torch.Tensor:
        self.asked += len(crops)
        return torch.full((len(crops),), float(self.opinion or 0))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.rows if max(pictures.shape[2:]) >= self.config.long_side else self.rows[:0]
        return rows[:, 4].logit().expand(len(pictures), -1), rows[:, :4].expand(len(pictures), -1, 4)


@pytest.fixture
def photo() -> Scene:
    """A grey photo with one red face."""
    picture = torch.full((3, 160, 160), 90, dtype=torch.uint8)
    picture[0, 30:86, 40:80] = 255
    return Scene("a.jpg", pyramid(picture), FACE[None], np.zeros(1, bool))


def redness(square: torch.Tensor) -> np.ndarray:
    """How much redder than green each pixel of (3, S, S) is."""
    return (square[0] - square[1]).clamp(min=0).numpy()


@settings(max_examples=30)
@given(st.floats(20, 70), st.floats(20, 70), st.floats(15, 200), st.floats(15, 200))
def test_a_square_has_its_box_in_the_middle(x: float, y: float, width: float, height: float) -> None:
    """Whatever the box's size: its share of the square is 1 / CONTEXT², black lies outside the picture."""
    picture = torch.zeros(1, 3, 300, 400)
    x0, y0, x1, y1 = (round(v) for v in (x, y, x + width, y + height))
    picture[0, 0, y0 : y1 + 1, x0 : x1 + 1] = 1.0
    red = redness(squares(picture, np.array([[x0, y0, x1, y1]]), [0])[0])
    columns, rows = red.sum(0) / red.sum() @ np.arange(SIZE), red.sum(1) / red.sum() @ np.arange(SIZE)
    assert (columns, rows) == pytest.approx((31.5, 31.5), abs=1.0)
    across, down = x1 - x0 + 1, y1 - y0 + 1
    if max(across / down, down / across) < CONTEXT**2 * 0.9:
        assert red.sum() / SIZE**2 == pytest.approx(1 / CONTEXT**2, rel=0.2)


def test_each_square_is_of_its_own_picture() -> None:
    """No boxes are no squares."""
    pictures = torch.stack([torch.zeros(3, 200, 200), torch.ones(3, 200, 200)])
    found = squares(pictures, np.array([[90, 90, 99, 99], [90, 90, 99, 99], [50, 50, 149, 149]]), [0, 1, 1])
    assert [float(one[:, 20:40, 20:40].mean()) for one in found] == [0, 1, 1]
    assert squares(pictures, np.zeros((0, 4)), []).shape == (0, 3, SIZE, SIZE)


def test_two_scores_agree_in_between() -> None:
    """Equal opinions stay, the verifier's word is limited, and certainty is no infinity."""
    assert agreed(np.array([0.3]), np.log(np.array([3 / 7])))[0] == pytest.approx(0.3)
    assert 0.3 < agreed(np.array([0.3]), np.array([1.0]))[0] < agreed(np.array([0.3]), np.array([4.0]))[0] < 0.6
    assert agreed(np.array([0.3]), np.array([4.0])) == agreed(np.array([0.3]), np.array([40.0]))
    assert np.isfinite(agreed(np.array([0.0, 1.0]), np.array([0.0, 0.0]))).all()


FRAMES = torch.zeros(2, 160, 160, 3, dtype=torch.uint8)
SURELY, PERHAPS = (10.0, 10, 50, 60, 0.95), (80.0, 80, 120, 130, 0.45)


@pytest.mark.parametrize(("opinion", "count"), [(3.0, 2), (-3.0, 1)])
def test_boxes_of_middling_score_are_judged_again(opinion: float, count: int) -> None:
    """A doubtful box becomes a face, or goes; a sure one is not asked about; every picture gets its own."""
    net = Finder(SURELY, PERHAPS, opinion=opinion)
    found = NetworkDetector(net).detect(FRAMES)  # type: ignore[arg-type]
    assert [len(rows) for rows in found] == [count, count]
    assert found[0][0, 4] == pytest.approx(0.95, abs=0.01) and found[0][0, 4] >= SURE
    assert (np.diff(found[1][:, 4]) <= 0).all()
    if count == 2:
        assert found[1][1, 4] == pytest.approx(agreed(np.array([0.45]), np.array([3.0]))[0], abs=0.01)


def test_a_large_box_is_not_talked_into_a_face() -> None:
    """A cat's face that fills the picture looks like one to the verifier; its word may only lower such a score."""
    large, frames = (20.0, 20, 290, 290, 0.45), torch.zeros(1, 320, 320, 3, dtype=torch.uint8)
    for opinion, score in ((3.0, 0.45), (-3.0, float(agreed(np.array([0.45]), np.array([-3.0]))[0]))):
        net = Finder(large, opinion=opinion, side=320)
        rows = NetworkDetector(net, weak=0.2).candidates(frames)[0]  # type: ignore[arg-type]
        assert rows[:, 4] == pytest.approx([score], abs=0.01)


def test_without_a_verifier_scores_stay() -> None:
    """Where the network has none, and where it is not wanted."""
    plain = NetworkDetector(Finder(SURELY, PERHAPS)).candidates(FRAMES)  # type: ignore[arg-type]
    unasked = NetworkDetector(Finder(SURELY, PERHAPS, opinion=-9.0), verify=False).candidates(FRAMES)  # type: ignore[arg-type]
    assert np.allclose(plain[0], unasked[0]) and plain[0][1, 4] == pytest.approx(0.45, abs=0.01)


def test_a_network_carries_its_verifier() -> None:
    """In its config and its tensors, not in its forward pass."""
    with_one, without = FaceDetector(DetectorConfig(verifier=4)), FaceDetector(DetectorConfig())
    assert without.verifier is None
    assert {n.split(".")[0] for n in with_one.state_dict()} - {n.split(".")[0] for n in without.state_dict()} == {
        "verifier"
    }
    assert with_one.verifier is not None and with_one.verifier(torch.rand(3, 3, SIZE, SIZE)).shape == (3,)


def test_a_square_of_a_turned_view_is_a_turned_square_of_the_photo(photo: Scene) -> None:
    """The box's centre is the face's, the step follows the view's scale."""
    view = np.array([[0.0, -0.5, 90], [0.5, 0.0, 5]])
    middle = view[:, :2] @ [59.5, 57.5] + view[:, 2]
    half = np.array([14, 10]) / 2
    back = square_to_scene(np.concatenate([middle - half, middle + half]), view)
    centre = back[:, :2] @ np.full(2, (SIZE - 1) / 2) + back[:, 2]
    assert np.allclose(centre, [59.5, 57.5])
    assert np.sqrt(abs(np.linalg.det(back[:, :2]))) == pytest.approx(2 * CONTEXT * np.sqrt(140) / SIZE)


def test_mistakes_are_missed_faces_and_false_boxes(photo: Scene) -> None:
    """And mosaics show them more often."""
    wrong = Finder((100.0, 100, 140, 150, 0.9))
    mistakes = mine(wrong, [photo])  # type: ignore[arg-type]
    assert [box.tolist() for _, box in mistakes.faces] == [FACE.tolist()]
    assert [box.round().tolist() for _, box in mistakes.others] == [[100, 100, 140, 150]]
    right = mine(Finder((*FACE, 0.9)), [photo])  # type: ignore[arg-type]
    assert (right.faces, right.others) == ([], [])
    mosaics = Mosaics([photo], [])
    mosaics.hard = [[], mistakes.others]
    corners = sum(np.array_equal(mosaics.place()[1], mistakes.others[0][1]) for _ in range(40))
    assert 8 < corners < 32


def test_proposals_are_told_apart_by_the_labels(photo: Scene) -> None:
    """Found faces by how surely, missed ones too, and boxes elsewhere; boxes half on a face are left out."""
    net = Finder((*FACE, 0.9), (100.0, 100, 140, 150, 0.5), (57.0, 30, 96, 85, 0.55))
    found = propose(net, [photo], views=1)  # type: ignore[arg-type]
    assert [len(found.sure), len(found.unsure), len(found.likely)] == [1, 0, 1]
    missed = propose(Finder((100.0, 100, 140, 150, 0.2)), [photo], views=1)  # type: ignore[arg-type]
    assert [len(missed.sure), len(missed.unsure), len(missed.others)] == [0, 1, 1]


def test_a_verifier_learns_to_tell(photo: Scene) -> None:
    """Red from grey, in a few steps; the same seed draws the same squares."""
    face = Proposal(photo, square_to_scene(FACE, UPRIGHT), 0.5)
    other = Proposal(photo, square_to_scene(np.array([100.0, 100, 140, 150]), UPRIGHT), 0.5)
    proposals = Proposals([], [face], [], [other])
    one, same = (Squares(proposals, seed=3).draw(6) for _ in range(2))
    assert torch.equal(one[0], same[0]) and one[0].shape == (6, 3, SIZE, SIZE) and one[0].min() >= 0
    said: list[str] = []
    net = train_verifier(Verifier(4), proposals, minutes=5, report=said.append, steps=25)
    assert isinstance(net, Verifier) and not net.training
    pictures, labels = Squares(proposals, seed=9).draw(32)
    with torch.no_grad():
        logits = net(pictures)
    assert logits[labels > 0].mean() > logits[labels == 0].mean()


def test_half_of_the_squares_are_partly_hidden() -> None:
    """Black from one side, up to a third of the square; or a rectangle of one colour inside."""
    random, black, plain = np.random.default_rng(0), 0, 0
    for _ in range(200):
        square = hide(torch.full((3, SIZE, SIZE), 2.0), random)
        hidden = (square != 2).all(0).numpy()
        height, width = hidden.any(1).sum(), hidden.any(0).sum()
        assert hidden.sum() == height * width and square[:, hidden].unique().numel() <= 3
        black += bool(hidden.any() and (square[:, hidden] == 0).all() and SIZE in (height, width))
        plain += bool(hidden.any() and max(height, width) < 0.4 * SIZE)
        assert min(height, width) <= SIZE // 3 or max(height, width) <= 0.4 * SIZE
    assert 35 < black < 65 and 35 < plain < 65


def test_the_threshold_is_the_lowest_without_too_many_false_boxes(photo: Scene) -> None:
    """Chosen on photos held out; the score for going on with a known face is in proportion."""
    net = Finder((*FACE, 0.9), (100.0, 100, 140, 150, 0.505))
    chosen = with_threshold(net, [photo])  # type: ignore[arg-type]
    assert (chosen.config.threshold, chosen.config.weak) == (0.51, 0.36)
    assert net.config.threshold == 0.5
