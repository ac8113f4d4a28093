"""Measures over time: known faces give known numbers."""

import numpy as np
import pytest
from turned_faces import HEAD, turned, with_lids

from redtrack.measures import ANGLES, MEASURES, measures, uncertainties
from redtrack.points import MEAN_SHAPE, MIRROR
from redtrack.pose import FURTHEST

FACE = MEAN_SHAPE.astype(np.float64)[None] * 100
LENGTHS = [name for name in MEASURES if name not in ANGLES]


def measured(head: np.ndarray, roll: float = 0, yaw: float = 0, pitch: float = 0) -> dict[str, float]:
    """Returns the measures of a head (68, 3) turned by angles in degrees."""
    return {name: float(values[0]) for name, values in measures(turned(roll, yaw, pitch, head)[None]).items()}


def talking() -> np.ndarray:
    """Returns (68, 3), a head with an open mouth, a smile on its left side and a raised right brow."""
    head = HEAD.copy()
    head[[55, 56, 57, 58, 59, 65, 66, 67], 1] += 0.12
    head[[54, 64], :2] += [0.05, -0.05]
    head[17:22, 1] -= 0.06
    return head


def test_mean_face_looks_ahead() -> None:
    """The average face is upright and symmetric: no roll, no yaw, little pitch, right equal to left."""
    found = {name: values[0] for name, values in measures(FACE).items()}
    assert list(found) == list(MEASURES)
    assert abs(found["roll"]) < 0.1 and abs(found["yaw"]) < 0.1 and abs(found["pitch"]) < 10
    for part in ("eye_opening", "brow_height", "lip_corner_pull"):
        assert found[f"right_{part}"] == pytest.approx(found[f"left_{part}"], rel=0.02)
    assert abs(found["eye_asymmetry"]) < 0.005 and found["asymmetry"] < 0.005


@pytest.mark.parametrize("turn", [(0, 25, 0), (0, -25, 0), (0, 0, 25), (0, 0, -25), (20, 20, 15)])
def test_a_turn_of_the_head_changes_no_length(turn: tuple[float, float, float]) -> None:
    """Eyes, mouth, brows and asymmetry of one expression stay within 3 % or 0.06, whichever way the head turns.

    Drawn without the depth that a smile and an open jaw have on people, which the fit expects.
    """
    before, after = measured(talking()), measured(talking(), *turn)
    for name in LENGTHS:
        assert after[name] == pytest.approx(before[name], rel=0.03, abs=0.06), name


def test_a_turn_changes_openings_of_people_who_differ_from_the_model_by_less_than_a_tenth() -> None:
    """Median of 100 heads, 25 degrees to either side, each with depths of its own."""
    draw = np.random.default_rng(0)
    changes = []
    for head in talking() + draw.normal(0, 0.02, (100, *HEAD.shape)):
        before = measured(head)
        for yaw in (-25, 25):
            after = measured(head, yaw=yaw)
            names = ("right_eye_opening", "left_eye_opening", "mouth_opening")
            changes.append([abs(after[name] / before[name] - 1) for name in names])
    assert (np.median(changes, axis=0) < 0.1).all()


def test_lengths_do_not_depend_on_size_place_or_roll() -> None:
    """A face twice the size, moved and turned in the picture has the same openings and heights."""
    angle = np.radians(25)
    roll = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before, after = measures(FACE), measures(FACE @ roll.T * 2 + [500, -80])
    for name in MEASURES:
        change = 25 if name == "roll" else 0
        assert after[name] == pytest.approx(before[name] + change, abs=1e-4)


def test_mirrored_face_swaps_sides() -> None:
    """A wink with the right eye is one with the left eye in the mirror; signed asymmetries change their sign."""
    wink = measured(with_lids(0, "right"))
    mirrored = measured(with_lids(0, "right")[MIRROR] * [-1, 1, 1])
    assert wink["right_eye_opening"] == pytest.approx(0, abs=0.01) == mirrored["left_eye_opening"]
    assert wink["left_eye_opening"] == pytest.approx(mirrored["right_eye_opening"], abs=0.001)
    assert wink["eye_asymmetry"] == pytest.approx(-mirrored["eye_asymmetry"], abs=0.001) and wink["eye_asymmetry"] > 0.2
    assert wink["asymmetry"] == pytest.approx(mirrored["asymmetry"], abs=0.001)


def test_mouth_opening_is_the_gap_between_the_lips() -> None:
    """A gap of a tenth of the eye distance is 0.1."""
    head = HEAD.copy()
    head[[65, 66, 67]] = head[[63, 62, 61]] + [0, 0.1, 0]
    assert measured(head)["mouth_opening"] == pytest.approx(0.1, abs=0.002)


def test_a_corner_of_the_lips_that_is_drawn_up_and_out_is_pulled() -> None:
    """On its own side alone; a part of it is taken for a turn of the head, of which mouth corners are signs too."""
    head = HEAD.copy()
    head[54] += [0.06, -0.06, 0]
    before, after = measured(HEAD), measured(head)
    assert after["left_lip_corner_pull"] - before["left_lip_corner_pull"] == pytest.approx(0.077, abs=0.01)
    assert after["right_lip_corner_pull"] == pytest.approx(before["right_lip_corner_pull"], abs=0.01)
    assert after["lip_corner_asymmetry"] == pytest.approx(0.077, abs=0.01)


def test_brows_that_are_raised_or_drawn_together_show() -> None:
    """A raised left brow is higher by what it was raised; a frown brings the inner ends together."""
    raised, frown = HEAD.copy(), HEAD.copy()
    raised[22:27, 1] -= 0.05
    frown[21, 0], frown[22, 0] = -0.1, 0.1
    assert measured(raised)["brow_asymmetry"] == pytest.approx(0.05, abs=0.002)
    assert measured(frown)["brow_gap"] == pytest.approx(0.2, abs=0.01) and measured(HEAD)["brow_gap"] > 0.26


def test_no_extent_is_no_measure() -> None:
    """Points that all fall together give NaN, and no warning; the other rows are not touched."""
    found = measures(np.concatenate([np.zeros((1, 68, 2)), FACE]))
    assert all(np.isnan(values[0]) and np.isfinite(values[1]) for values in found.values())
    assert all(len(values) == 0 for values in measures(np.zeros((0, 68, 2))).values())


def test_a_profile_has_angles_and_no_lengths() -> None:
    found = measured(HEAD, yaw=FURTHEST + 5)
    assert found["yaw"] == pytest.approx(FURTHEST + 5, abs=0.2)
    assert all(np.isnan(found[name]) for name in LENGTHS)


def test_uncertainty_is_the_spread_of_the_measure_of_points_that_err_so() -> None:
    """The standard deviation over 4,000 faces whose points err by a known covariance, within a tenth."""
    draw = np.random.default_rng(0)
    face = turned(5, 20, 5, talking())
    errors = draw.multivariate_normal([0, 0], [[0.3, 0.1], [0.1, 0.5]], (4000, 68))
    errors[:, [i for i in range(36) if i not in range(17, 27)]] = 0  # so that the pose hardly errs
    covariance = np.tile([0.3, 0.1, 0.5], (1, 68, 1))
    told = uncertainties(face[None], covariance)
    found = measures(face + errors)
    assert list(told) == [f"{name}_sd" for name in LENGTHS]
    for name in ("right_eye_opening", "left_eye_opening", "mouth_opening", "brow_gap", "eye_asymmetry"):
        assert told[f"{name}_sd"][0] == pytest.approx(found[name].std(), rel=0.1), name
    assert np.isnan(uncertainties(face[None], covariance * np.nan)["brow_gap_sd"]).all()
