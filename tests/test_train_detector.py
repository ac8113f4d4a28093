"""Training and measuring the face detector: photos, mosaics, damage, loss, steps, resumption, the measured table."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_faces import write_folders

from redtrack import checkpoint
from redtrack.cli.train_detector import detector as command
from redtrack.errors import FormatError, UsageError, WeightsError
from redtrack.faces.detector import DetectorConfig, FaceDetector, cells
from redtrack.training import detector as training
from redtrack.training import verifier
from redtrack.training.detector_loss import assign, detector_loss, generalised_iou, pair_iou, stack_truth
from redtrack.training.doodles import doodle
from redtrack.training.evaluate_detector import (
    Findings,
    View,
    choose_threshold,
    find,
    match,
    measured_table,
    show,
    table,
)
from redtrack.training.loop import update_average
from redtrack.training.mosaics import Mosaics, lay_over
from redtrack.training.scenes import (
    Labelled,
    Scene,
    cut,
    drawn_scenes,
    faceless_scenes,
    is_validation,
    pyramid,
    read_scenes,
    turn_boxes,
)
from redtrack.training.spoil import compress, cover, smear, spoil

TINY = DetectorConfig(stem=4, widths=(4, 4, 4), depths=(1, 1, 1), neck=4)
UPRIGHT = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def scene(*boxes: tuple[int, int, int, int], size: int = 160, ignore: bool = False, name: str = "a.jpg") -> Scene:
    """A grey photo whose faces are red."""
    picture = torch.full((3, size, size), 90, dtype=torch.uint8)
    for x0, y0, x1, y1 in boxes:
        picture[0, y0 : y1 + 1, x0 : x1 + 1] = 255
    faces = np.array(boxes, np.float32).reshape(-1, 4)
    return Scene(name, pyramid(picture), faces, np.full(len(faces), ignore))


def redness(picture: torch.Tensor) -> np.ndarray:
    """How much redder than green each pixel of (3, H, W) is, 0..1."""
    return (picture[0] - picture[1]).clamp(min=0).numpy()


def write_photos(folder: Path, count: int) -> Path:
    """A data folder of photos with one red face each."""
    image = pytest.importorskip("PIL.Image")
    lines = ["file,width,height,x0,y0,x1,y1,score,ignore"]
    for index in range(count):
        picture = scene((40, 30, 79, 85)).pyramid[0].permute(1, 2, 0).numpy()
        image.fromarray(picture).save(folder / f"p{index}.jpg")
        lines += [f"p{index}.jpg,160,160,40,30,79,85,1.00,0", f"p{index}.jpg,160,160,5,5,15,15,0.30,1"]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_the_validation_photos_are_those_of_the_rule() -> None:
    """CRC of the name divisible by ten, with or without the ending: never trained on whichever is meant."""
    names = [f"photo_{i}.jpg" for i in range(300)]
    kept = {name for name in names if is_validation(name)}
    assert kept >= {name for name in names if zlib.crc32(name.encode()) % 10 == 0}
    assert kept >= {name for name in names if zlib.crc32(name[:-4].encode()) % 10 == 0}
    assert 30 < len(kept) < 90


def test_photos_are_read_with_their_faces_and_split(tmp_path: Path) -> None:
    """Each photo is in one part; uncertain faces are marked."""
    write_photos(tmp_path, 25)
    taught, kept = read_scenes(tmp_path, validation=False), read_scenes(tmp_path, validation=True)
    assert len(taught) + len(kept) == 25
    assert all(is_validation(one.name) for one in kept) and not any(is_validation(one.name) for one in taught)
    assert taught[0].boxes.tolist() == [[40, 30, 79, 85], [5, 5, 15, 15]]
    assert taught[0].ignore.tolist() == [False, True]
    assert (redness(taught[0].pyramid[0].float() / 255)[35:80, 45:75] > 0.4).all()


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    """With the table's path."""
    with pytest.raises(UsageError, match=r"boxes\.csv"):
        read_scenes(tmp_path, validation=False)


@pytest.mark.parametrize("table", ["file,x,y\na.jpg,1,2\n", "file,x0,y0,x1,y1,ignore\na.jpg,1,2,3,wide,0\n"])
def test_a_table_without_faces_is_refused(tmp_path: Path, table: str) -> None:
    """The line is named; a table of no photo at all trains nothing."""
    (tmp_path / "boxes.csv").write_text(table)
    with pytest.raises(FormatError, match="line 2"):
        read_scenes(tmp_path, validation=False)
    (tmp_path / "boxes.csv").write_text(table.splitlines()[0])
    with pytest.raises(UsageError, match="no photo"):
        training.train_detector(tmp_path, tmp_path / "run", 9, config=TINY, report=lambda _: None)


def test_turned_boxes_are_between_ellipse_and_rectangle() -> None:
    """Moves, scales and quarter turns are exact; in between the corners of a face are rounded."""
    box = np.array([[10, 20, 50, 80]], np.float32)
    assert np.allclose(turn_boxes(box, np.array([[2, 0, 5], [0, 2, -3]])), [[25, 37, 105, 157]])
    assert np.allclose(turn_boxes(box, np.array([[0, -1.0, 0], [1, 0, 0]])), [[-80, 10, -20, 50]])
    c = np.sqrt(0.5)
    width = np.diff(turn_boxes(box, np.array([[c, -c, 0], [c, c, 0]]))[0, 0::2])[0]
    assert 2 * c * np.hypot(20, 30) < width < 2 * c * (20 + 30)


def test_a_tile_in_place_is_the_photo() -> None:
    """Sampling at whole pixels changes nothing."""
    one = scene((40, 30, 79, 85))
    tile = cut(one, UPRIGHT, 160, 160)
    assert torch.allclose(tile.picture * 255, one.pyramid[0].float(), atol=0.01)
    assert tile.boxes.tolist() == [[40, 30, 79, 85]]


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 2.0), st.floats(-40, 40), st.booleans(), st.floats(-20, 20), st.floats(-20, 20))
def test_a_face_is_where_its_box_says(scale: float, degrees: float, flip: bool, x: float, y: float) -> None:
    """After any turn, scale, flip and shift, levels of the pyramid included: its centre of redness."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.diag([-1 if flip else 1, 1])
    move = np.array([100 + x, 100 + y]) - linear @ [59.5, 57.5]
    tile = cut(scene((40, 30, 79, 85)), np.concatenate([linear, move[:, None]], axis=1), 200, 200)
    red = redness(tile.picture)
    middle = np.array([(red.sum(0) @ np.arange(200)), (red.sum(1) @ np.arange(200))]) / red.sum()
    assert np.allclose(middle, (tile.boxes[0, :2] + tile.boxes[0, 2:]) / 2, atol=0.35)
    if abs(degrees) < 1e-6:
        assert abs(red.sum() / red.max() / (40 * 56 * scale**2) - 1) < 0.1


def test_faces_cut_off_or_tiny_are_neither_taught_nor_punished() -> None:
    """A face that is out of the tile is no face at all."""
    faces = scene((40, 30, 79, 85), (120, 120, 139, 145))
    shifted = cut(faces, np.array([[1.0, 0, -70], [0, 1.0, 0]]), 100, 100)
    assert (shifted.boxes.tolist(), shifted.ignore.tolist()) == ([[0, 30, 9, 85]], [True])
    tiny = cut(faces, UPRIGHT * 0.2, 40, 40)
    assert tiny.ignore.tolist() == [False, True]


def test_faces_under_another_tile_go() -> None:
    """Wholly hidden ones; half-hidden ones are ignored."""
    below = cut(scene((10, 10, 40, 50), (60, 60, 90, 99), (110, 110, 150, 150)), UPRIGHT, 160, 160)
    mask = torch.zeros(160, 160, dtype=torch.bool)
    mask[:80, :80] = True
    above = Labelled(torch.zeros(3, 160, 160), np.zeros((0, 4), np.float32), np.zeros(0, bool))
    both = lay_over(below, above, mask)
    assert both.boxes[:, 0].tolist() == [60, 110]
    assert both.ignore.tolist() == [True, False]
    assert both.picture[:, :80, :80].sum() == 0


def test_mosaics_show_their_faces() -> None:
    """Every sure face is red in the middle, inside the picture; the same seed draws the same."""
    photos = [scene((40, 30, 79, 85)), scene((20, 20, 49, 60), (90, 80, 139, 149))]
    draws = [Mosaics(photos, drawn_scenes(2), seed=5) for _ in range(2)]
    seen = 0
    for _ in range(12):
        one, same = (mosaics.draw(128) for mosaics in draws)
        assert torch.equal(one.picture, same.picture) and np.array_equal(one.boxes, same.boxes)
        assert one.picture.shape == (3, 128, 128) and one.picture.min() >= 0 and one.picture.max() <= 1
        assert (one.boxes >= 0).all() and (one.boxes <= 128).all()
        middles = ((one.boxes[:, :2] + one.boxes[:, 2:]) / 2)[~one.ignore].astype(int).clip(0, 127)
        red = redness(one.picture)[middles[:, 1], middles[:, 0]]
        seen += len(red)
        assert (red > 0.2).mean() > 0.8 if len(red) else True
    assert seen > 12


def test_pictures_without_faces_come_with_scikit_image() -> None:
    """Grey ones and transparent ones too, all as colour pictures."""
    pytest.importorskip("skimage")
    found = faceless_scenes()
    assert len(found) >= 15
    assert all(one.pyramid[0].shape[0] == 3 and len(one.boxes) == 0 for one in found)
    assert not any(one.name.startswith(("astronaut", "camera", "lfw")) for one in found)


def test_drawn_pictures_have_no_faces_and_differ() -> None:
    """They are seeded pictures."""
    one, other = drawn_scenes(2, seed=1)
    assert len(one.boxes) == len(other.boxes) == 0
    assert not torch.equal(one.pyramid[0], other.pyramid[0])
    assert np.array_equal(doodle(np.random.default_rng(3), 64), doodle(np.random.default_rng(3), 64))


def test_damage_keeps_pictures_pictures() -> None:
    """Shape and range stay, the same seed spoils the same, and something happens."""
    pictures = torch.rand(8, 3, 64, 64)
    spoilt = [spoil(pictures.clone(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert spoilt[0].shape == pictures.shape
    assert spoilt[0].min() >= 0 and spoilt[0].max() <= 1
    assert torch.equal(spoilt[0], spoilt[1]) and not torch.equal(spoilt[0], spoilt[2])


def test_compression_and_smear_leave_what_is_flat() -> None:
    """A smooth picture survives both."""
    flat = torch.full((2, 3, 32, 32), 0.5)
    generator = torch.Generator().manual_seed(0)
    assert torch.allclose(smear(flat, generator), flat, atol=1e-5)
    assert torch.allclose(compress(flat, generator), flat, atol=0.02)


def test_things_in_front_hide_less_than_half_of_a_face() -> None:
    """And nothing outside it."""
    box, shares = np.array([[10, 8, 40, 50]], np.float32), []
    for seed in range(6):
        pictures = torch.full((6, 3, 64, 64), -1.0)
        pictures[1:] = 0.3
        cover(pictures, [box], np.random.default_rng(seed), rate=1.0)
        changed = pictures[0, 0] != -1
        shares.append(float(changed.float().sum() / (31 * 43)))
        changed[8:51, 10:41] = False
        assert not changed.any()
    assert 0.1 < max(shares) < 0.55


def truth(*boxes: tuple[float, ...], ignore: bool = False):  # noqa: ANN201
    """The faces of a batch of one."""
    faces = np.array(boxes, np.float32).reshape(-1, 4)
    return stack_truth([faces], [np.full(len(faces), ignore)])


def test_boxes_overlap_as_they_should() -> None:
    """IoU and generalised IoU of the same, half-shifted and distant boxes."""
    box = torch.tensor([0.0, 0, 10, 10])
    others = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [30, 0, 40, 10]])
    assert torch.allclose(pair_iou(box, others), torch.tensor([1, 1 / 3, 0]))
    assert torch.allclose(generalised_iou(box, others), torch.tensor([1, 1 / 3, -0.5]))


def test_cells_in_the_middle_of_a_face_stand_for_it() -> None:
    """On the levels that suit its size, with a target of the overlap that the best one reaches."""
    centres, strides = cells(128, 128)
    faces = truth((40, 40, 72, 80), (90, 10, 106, 30))
    boxes = faces.boxes[0, :1].expand(len(centres), 4).clone()
    boxes[centres[:, 0] > 80] = faces.boxes[0, 1]
    target, owner = assign(torch.full((1, len(centres)), 0.3), boxes[None], centres, strides, faces)
    chosen = target[0] > 0
    assert 2 <= chosen.sum() <= 40 and target.max() == pytest.approx(1.0)
    assert (strides[chosen] <= 16).all(), "no face of 36 px on the coarsest level"
    near = torch.where(owner[0][chosen, None] == 0, torch.tensor([56.0, 60]), torch.tensor([98.0, 20]))
    assert ((centres[chosen] - near).abs() <= 13).all()


def test_a_perfect_answer_costs_nothing() -> None:
    """And a wrong one does."""
    centres, strides = cells(64, 64)
    faces = truth((16, 16, 48, 56))
    boxes = faces.boxes[:, 0, None].expand(1, len(centres), 4).clone().requires_grad_()
    target, _ = assign(torch.full((1, len(centres)), 0.5), boxes.detach(), centres, strides, faces)
    right = torch.where(target > 0.5, 12.0, -12.0)
    good = detector_loss(right, boxes, centres, strides, faces)["total"]
    bad = detector_loss(-right, boxes + 20, centres, strides, faces)["total"]
    assert good < 0.1 < 1 < bad


def test_ignored_faces_teach_nothing() -> None:
    """Whatever the score inside them, the loss is that of the rest."""
    centres, strides = cells(64, 64)
    boxes = torch.zeros(1, len(centres), 4) + torch.tensor([0.0, 0, 8, 8])
    inside = ((centres > 12) & (centres < 52)).all(1)
    doubtful = truth((10, 10, 54, 54), ignore=True)
    losses = [
        detector_loss(torch.where(inside, value, -9.0)[None], boxes, centres, strides, doubtful)
        for value in (-9.0, 9.0)
    ]
    assert losses[0]["total"] == losses[1]["total"] < 0.01
    taught = detector_loss(torch.where(inside, 9.0, -9.0)[None], boxes, centres, strides, truth())
    assert taught["total"] > 1


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training on pictures of 64 px, four at a time, at full rate from the start, without ready-made pictures."""
    monkeypatch.setattr(training, "WARM_UP", 1)
    monkeypatch.setattr(training, "faceless_scenes", list)
    monkeypatch.setattr(training, "drawn_scenes", lambda count, seed: drawn_scenes(1, seed))
    monkeypatch.setattr(training, "SIZES", (64,))
    monkeypatch.setattr(training, "PIXELS", 4 * 64 * 64)


@pytest.mark.usefixtures("small_batches")
def test_training_runs_saves_and_resumes(tmp_path: Path) -> None:
    """The second run goes on where the first stopped; the result is a network in eval mode."""
    data, said = write_photos(tmp_path, 12), []
    net = training.train_detector(data, tmp_path / "run", 9, config=TINY, report=said.append, steps=2)
    assert net.config == TINY and not net.training
    first = training.DetectorTraining.resume(tmp_path / "run" / "training.pt")
    assert first.step == 2 and first.seconds > 0
    assert said[0].endswith("photos, 1 without faces, 0 cut-out faces, from step 0")
    again = training.train_detector(data, tmp_path / "run", 9, resume=True, report=said.append, steps=3)
    second = training.DetectorTraining.resume(tmp_path / "run" / "training.pt")
    assert second.step == 3 and second.net.config == TINY
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), second.average.parameters(), strict=True))
    assert not list((tmp_path / "run").glob("*.part"))
    with pytest.raises(UsageError, match="holds a run"):
        training.train_detector(data, tmp_path / "run", 9, config=TINY, steps=1)


@pytest.mark.usefixtures("small_batches")
def test_an_interrupted_training_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was learnt before Ctrl-C can be resumed."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "MINE_EVERY", 2)
    monkeypatch.setattr(training, "look_again", stop)
    with pytest.raises(KeyboardInterrupt):
        training.train_detector(write_photos(tmp_path, 12), tmp_path / "run", 9, config=TINY, report=lambda _: None)
    assert training.DetectorTraining.resume(tmp_path / "run" / "training.pt").step == 2


@pytest.mark.usefixtures("small_batches")
def test_training_goes_on_from_a_network_and_its_mistakes(tmp_path: Path) -> None:
    """The photos are searched at once for what it gets wrong; a verifier that it had is gone; it stays as it was."""
    torch.manual_seed(0)
    start, said = FaceDetector(replace(TINY, verifier=4)).requires_grad_(False), []  # as weights are loaded
    before = [p.clone() for p in start.parameters()]
    data = write_photos(tmp_path, 12)
    net = training.train_detector(data, tmp_path / "run", 9, report=said.append, steps=1, start=start, rate=1e-3)
    assert net.config == TINY and net.verifier is None
    assert said[1].split()[1:4] == ["faces", "hardly", "seen,"] and int(said[1].split()[0]) > 0
    assert all(torch.equal(a, b) for a, b in zip(before, start.parameters(), strict=True))


@pytest.mark.usefixtures("small_batches")
def test_a_detector_gets_its_verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy that can be saved and loaded."""
    monkeypatch.setattr(verifier, "faceless_scenes", lambda: drawn_scenes(1))
    monkeypatch.setattr(verifier, "LEAST", 0.0)
    torch.manual_seed(0)
    bare = FaceDetector(replace(TINY, long_side=64)).eval()
    made = verifier.with_verifier(bare, write_photos(tmp_path, 12), 9, report=lambda _: None, width=4, views=1, steps=1)
    assert bare.verifier is None and made.verifier is not None and made.config.verifier == 4
    checkpoint.save(tmp_path / "it.safetensors", made, "detector", {})
    assert checkpoint.load(tmp_path / "it.safetensors", kind="detector").config == made.config


def test_a_detector_that_proposes_nothing_gets_no_verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has hardly been trained: its training is not lost for it, and a sentence says so."""
    monkeypatch.setattr(verifier, "faceless_scenes", lambda: drawn_scenes(1))
    said: list[str] = []
    made = verifier.with_verifier(FaceDetector(TINY).eval(), write_photos(tmp_path, 12), 9, report=said.append, views=1)
    assert made.verifier is None and said[-1] == "nothing to tell apart: there will be no verifier"


@pytest.mark.usefixtures("small_batches")
def test_the_command_trains_from_weights_of_a_file_with_cut_out_faces(tmp_path: Path) -> None:
    """It learns, chooses the threshold on the photos held out, and prints where its weights are."""
    checkpoint.save(tmp_path / "start.safetensors", FaceDetector(TINY), "detector", {})
    data, faces = write_photos(tmp_path, 25), write_folders(tmp_path / "labelled") / "faces"
    given = f"--data {data} --faces {faces} --start {tmp_path}/start.safetensors -o {tmp_path}/run --minutes 0.03"
    done = CliRunner().invoke(command, [*given.split(), "--verifier", "0"], catch_exceptions=False)
    assert done.exit_code == 0 and "6 cut-out faces" in done.stderr and "photos held out" in done.stderr
    assert done.stdout.split() == [f"{tmp_path}/run/weights.safetensors"]
    files = tmp_path / "start.safetensors", done.stdout.strip()
    before, after = (checkpoint.load(path, "detector", fused=False) for path in files)
    assert any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    """Else the path is named."""
    with pytest.raises(WeightsError, match=r"training\.pt"):
        training.DetectorTraining.resume(tmp_path / "training.pt")


@pytest.mark.usefixtures("small_batches")
def test_the_loss_falls() -> None:
    """Forty steps teach a tiny network something about red rectangles."""
    torch.manual_seed(0)
    made = training.DetectorTraining(TINY)
    drawn = training.batches(Mosaics([scene((40, 30, 79, 85))], []), seed=0)
    losses = [made.learn(*next(drawn), 1e-2)["total"] for _ in range(40)]
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:10])
    assert made.step == 40


def test_the_average_follows_the_network() -> None:
    """Closely at first; its normalisation too."""
    made = training.DetectorTraining(TINY)
    with torch.no_grad():
        for value in made.net.parameters():
            value.fill_(1.0)
    made.step = 1
    before = [p.clone() for p in made.average.parameters()]
    update_average(made.average, made.net, 0.999, made.step)
    for old, new in zip(before, made.average.parameters(), strict=True):
        assert torch.allclose(new, old + (1 - old) * (1 - 2 / 11), atol=1e-5)


class Fixed:
    """A detector that finds the same in every picture."""

    def __init__(self, *rows: tuple[float, ...]) -> None:
        self.rows = np.array(rows, np.float32).reshape(-1, 5)

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        return [self.rows for _ in frames]


def test_found_faces_and_false_boxes_are_counted() -> None:
    """Best boxes choose first, each face is found once, doubtful faces count neither way."""
    view = View(torch.zeros(99, 99, 3), np.array([[0, 0, 30, 40], [50, 50, 80, 90]]), np.array([[0, 60, 20, 80]]))
    rows = np.array([[0, 0, 30, 38, 0.8], [2, 0, 30, 40, 0.9], [2, 62, 18, 78, 0.7], [60, 0, 90, 40, 0.6]], np.float32)
    hits, false = match(rows, view)
    assert np.allclose(hits, [0.9, 0])
    assert np.allclose(false, [0.8, 0.6]), "a second box on a face is false"


def test_recall_and_false_boxes_depend_on_the_threshold() -> None:
    """Recall by size too, and the lowest threshold with few false boxes."""
    found = Findings(50, np.array([30, 60, 200]), np.array([0.4, 0.7, 0]), np.array([0.305, 0.5, 0.2]))
    assert found.recall(0.35) == pytest.approx(2 / 3)
    assert (found.recall(0.35, 0, 50), found.recall(0.5, 0, 50)) == (1, 0)
    assert np.isnan(found.recall(0.5, 500))
    assert (found.false_per_100(0.1), found.false_per_100(0.45)) == (6, 2)
    assert choose_threshold(found, most_false=2) == pytest.approx(0.31)


@pytest.mark.parametrize(("scale", "degrees"), [(1, 0), (0.5, 0), (1, 30), (0.25, -30)])
def test_views_show_the_whole_photo_and_its_faces(scale: float, degrees: float) -> None:
    """Turned and scaled photos keep their faces inside; small ones do not count."""
    view = show(scene((40, 30, 79, 85), (5, 5, 19, 19)), scale, degrees)
    assert (len(view.faces), len(view.doubtful)) == (1, 1)
    x, y = ((view.faces[0, :2] + view.faces[0, 2:]) / 2).round().astype(int)
    assert view.picture[y, x, 0] > 200 and view.picture[y, x, 1] < 120
    assert min(view.picture.shape[:2]) >= 160 * scale - 1


def test_the_table_says_what_was_measured() -> None:
    """One line a view."""
    views = [show(scene((40, 30, 79, 85)), 1, 0)]
    right, wrong = find(Fixed((40, 30, 79, 85, 0.9)), views), find(Fixed((90, 90, 99, 99, 0.9)), views)
    lines = table({"1x": right, "other": wrong}, 0.5).splitlines()
    assert lines[1].split()[:3] == ["1x", "1", "1.0000"]
    assert lines[2].split()[2] == "0.0000" and lines[2].split()[-1] == "100.00"


def test_a_weights_file_is_measured_on_the_validation_photos(tmp_path: Path) -> None:
    """At its own threshold and size, in five views."""
    write_photos(tmp_path, 25)
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(path, FaceDetector(TINY), "detector", {})
    lines = measured_table(tmp_path, path).splitlines()
    count = len(read_scenes(tmp_path, validation=True))
    assert lines[0] == f"{count} photos, long side 640, threshold 0.5"
    assert [line.split()[0] for line in lines[2:]] == ["1x", "0.5x", "0.25x", "turned", "turned", "crowds"]
