"""Training: data in, weights out, stops in time, resumes to the same numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from dotted_faces import dotted_faces
from labelled_faces import write_folders
from torch import nn

from redtrack import checkpoint
from redtrack.cli.train import train as train_command
from redtrack.errors import DeviceError, RedtrackError, UsageError
from redtrack.formats.pts import read_points
from redtrack.training import loop
from redtrack.training.landmarks import image, trials
from redtrack.training.landmarks.faces import FaceSet, held_out, join, labelled_pictures, read_faces
from redtrack.training.landmarks.label import store
from redtrack.training.landmarks.relabel import relabel
from redtrack.training.loop import Run, Schedule
from redtrack.training.plot import plot_log
from redtrack.video import read_picture

EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.mp4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A 300-W folder `faces` and an identity folder `people`, of dotted faces."""
    return write_folders(tmp_path_factory.mktemp("data"))


def run_command(*words) -> str:
    """Output of `redtrack train WORDS`, which must succeed."""
    result = CliRunner().invoke(train_command, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*words) -> RedtrackError:
    """What `redtrack train WORDS` is refused with."""
    refused = CliRunner().invoke(train_command, [str(w) for w in words]).exception
    assert isinstance(refused, RedtrackError), refused
    return refused


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """A run folder of three steps of the image stage."""
    out = tmp_path_factory.mktemp("runs") / "image"
    printed = run_command("image", "--data", folder / "faces", "-o", out, "--steps", 3, "--batch", 2, "--quiet")
    assert printed.strip() == str(out / "weights.safetensors")
    return out


@pytest.mark.parametrize(
    "words, chosen",
    [
        (["image", "--augment", "paper"], lambda recipe: recipe.augment == "paper"),
        (["image", "--body", "vgg16"], lambda recipe: recipe.config.body == "vgg16"),
        (["image", "--tasks", "det68,reg68"], lambda recipe: recipe.config.steps == ("det68", "reg68")),
        (["image", "--cascade"], lambda recipe: not recipe.config.shared),
        (["image", "--z0", "mean"], lambda recipe: recipe.config.z0 == "mean"),
        (["image", "--pretrained", __file__], lambda recipe: recipe.pretrained == Path(__file__)),
        (["image", "--optimizer", "sgd"], lambda recipe: recipe.schedule.optimizer == "sgd"),
        (["image", "--rate", "0.25"], lambda recipe: recipe.schedule.rate == 0.25),
        (["image", "--minutes", "7"], lambda recipe: recipe.schedule.minutes == 7),
        (["image", "--seed", "5"], lambda recipe: recipe.seed == 5),
        (["video", "--no-freeze"], lambda recipe: not recipe.freeze),
        (["video", "--frames", "4"], lambda recipe: recipe.frames == 4),
    ],
)
def test_options_of_the_command_reach_the_stage(folder, tmp_path, monkeypatch, words, chosen):
    """And are not what the stage would do anyway."""
    asked = []
    stage = "redtrack.training.landmarks.stages.run_stage"
    monkeypatch.setattr(stage, lambda recipe: asked.append(recipe) or recipe.out)
    for more in ([], words[1:]):
        run_command(words[0], "--data", folder / "faces", "-o", tmp_path / "out", *more)
    assert [chosen(recipe) for recipe in asked] == [False, True]


def test_the_stage_runs_on_as_many_threads_as_are_asked_for(folder, tmp_path, monkeypatch):
    threads = []
    monkeypatch.setattr("torch.set_num_threads", threads.append)
    monkeypatch.setattr("redtrack.training.landmarks.stages.run_stage", lambda recipe: recipe.out)
    for more in ([], ["--threads", 3]):
        run_command("image", "--data", folder / "faces", "-o", tmp_path / "out", *more)
    assert threads == [3]


def test_reading_keeps_points_on_their_pixels_and_the_split_apart(folder):
    """Faces are cut with room around them; held-out names are in the second set alone."""
    inside, outside = read_faces(folder / "faces")
    assert len(inside) == 6 and len(outside) == 2
    assert not any(held_out(n.removesuffix(".png")) for n in inside.names)
    assert all(held_out(n.removesuffix(".png")) for n in outside.names)
    x, y = inside.points[0, 30].round().astype(int)
    assert inside.images[0, 0, y, x] > 150


def test_people_are_split_by_person(folder):
    """No person is on both sides, and every one has a class of their own."""
    inside, outside = read_faces(folder / "people", 0.3)
    assert {n.split("/")[0] for n in inside.names}.isdisjoint(n.split("/")[0] for n in outside.names)
    assert len(set(inside.identity)) == 2 and (inside.weight == np.float32(0.3)).all()


def test_joined_sets_keep_people_apart(folder):
    """Classes of the second set start after those of the first; faces without a person have none."""
    people, _ = read_faces(folder / "people")
    faces, _ = read_faces(folder / "faces")
    both = join([people, faces, people])
    assert both.identity[2:8].max() == -1 and set(both.identity[:2]).isdisjoint(both.identity[8:])


def test_a_folder_without_labels_is_told(tmp_path):
    """No .pts, no training."""
    with pytest.raises(UsageError, match="no pictures with .pts"):
        labelled_pictures(tmp_path)


def test_a_run_leaves_weights_log_and_checkpoint(trained):
    """What `train` promises is in its folder, and the weights say where they come from."""
    assert (trained / "checkpoint.pt").exists()
    log = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 3 and log[-1]["error"] > 0
    card = checkpoint.describe(trained / "weights.safetensors")["card"]
    assert card["stage"] == "image" and card["steps"] == 3 and card["validation"]["error"] > 0


def test_a_used_folder_is_not_overwritten(folder, trained):
    """Without --resume a second run is refused."""
    with pytest.raises(UsageError, match="holds a run.*--resume"):
        run_command("image", "--data", folder / "faces", "-o", trained, "--steps", 3, "--quiet")


def test_only_the_run_itself_is_resumed(folder, trained, tmp_path):
    """A checkpoint of another network, or one that is broken, is told and left as it is."""
    given = ["image", "--data", folder / "faces", "--resume", "--steps", 4, "-q", "-o"]
    before = (trained / "checkpoint.pt").read_bytes()
    assert "another shape" in str(refusal(*given, trained, "--cascade"))
    assert (trained / "checkpoint.pt").read_bytes() == before
    (tmp_path / "checkpoint.pt").write_bytes(b"broken")
    assert "no checkpoint that can be read" in str(refusal(*given, tmp_path))


def test_what_cannot_be_trained_on_is_told(folder, tmp_path):
    """Pictures that are all held out, points of another scheme, a device that is not there."""
    names = [path.stem for path in (folder / "faces").glob("*.pts")]
    out, kept = (next(name for name in names if held_out(name) == held) for held in (True, False))
    for name in (out, kept):
        for ending in (".png", ".pts"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / (name + ending)).symlink_to(folder / "faces" / (name + ending))
    common = ["-o", tmp_path / "run", "--steps", 1, "--batch", 2, "-q"]
    assert "held out" in str(refusal("image", "--data", tmp_path / out, *common))
    run_command("image", "--data", tmp_path / kept, *common)  # one picture, and none to validate on
    (tmp_path / kept / f"{kept}.pts").unlink()
    (tmp_path / kept / f"{kept}.pts").write_text("n_points: 2\n{\n1 1\n2 2\n}\n")
    assert "2 points, not 68" in str(refusal("image", "--data", tmp_path / kept, *common))
    assert isinstance(refusal("image", "--data", folder / "faces", "--device", "gpu", *common), DeviceError)
    assert "the pictures themselves" in str(refusal("relabel", "--data", tmp_path / out, "-o", tmp_path / out))


def test_identity_stage_learns_people_and_ships_none(folder, trained, tmp_path):
    """Stage 2 starts from stage 1 and has a class for each person."""
    run_command("identity", "--data", folder / "people", "--data", f"{folder / 'faces'}=0.5", "-o", tmp_path / "id",
                "--start", trained / "weights.safetensors", "--steps", 2, "--batch", 2, "--quiet")  # fmt: skip
    assert checkpoint.describe(tmp_path / "id" / "weights.safetensors")["config"]["identities"] == 2


def test_identity_stage_wants_people(folder, trained, tmp_path):
    """Faces without names cannot teach names."""
    with pytest.raises(UsageError, match="no identities"):
        run_command("identity", "--data", folder / "faces", "-o", tmp_path, "--start", trained / "weights.safetensors")


def test_video_stage_adds_the_lstm_and_freezes_the_rest(folder, trained, tmp_path, monkeypatch):
    """Stage 3 trains the temporal part alone, and its weights have one."""
    monkeypatch.setattr("redtrack.training.landmarks.stages.TRIALS", 2)
    run_command("video", "--data", folder / "faces", "-o", tmp_path / "v", "--frames", 4, "--batch", 2,
                "--start", trained / "weights.safetensors", "--steps", 2, "--quiet")  # fmt: skip
    before = checkpoint.load(trained / "weights.safetensors", fused=False).state_dict()
    after = checkpoint.load(tmp_path / "v" / "weights.safetensors", fused=False)
    assert after.config.temporal
    card = checkpoint.describe(tmp_path / "v" / "weights.safetensors")["card"]
    assert card["stage"] == "video" and card["before"]["stage"] == "image"
    assert all(torch.equal(before[k], v) for k, v in after.state_dict().items() if k in before)


def test_clips_held_out_must_be_there(folder, trained, tmp_path, monkeypatch):
    """A wrong name is told; clips shorter than what is tried on are left out of the validation."""
    monkeypatch.setattr("redtrack.training.landmarks.stages.TRIALS", 2)
    store(EXAMPLE, dict.fromkeys(range(6), dotted_faces(1)[1][0]), tmp_path / "clips" / "astronaut")
    given = ["video", "--data", folder / "faces", "--clips", tmp_path / "clips", "-o", tmp_path / "run", "--steps", 1,
             "--batch", 2, "--frames", 4, "--start", trained / "weights.safetensors", "-q", "--hold-out"]  # fmt: skip
    assert "astronomer is none of the clips" in str(refusal(*given, "astronomer"))
    run_command(*given, "astronaut")


def test_video_stage_wants_a_start(folder, tmp_path):
    """An untrained encoder has nothing to smooth."""
    with pytest.raises(UsageError, match="starts from trained weights"):
        run_command("video", "--data", folder / "faces", "-o", tmp_path, "--quiet")


def tiny_run(folder, steps: int) -> tuple[Run, list[float]]:
    """A run of a small linear network; returns it and its losses."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    run = Run(net, Schedule(steps=steps, rate=0.01, warmup=2), folder)
    losses = []

    def batch_loss(model, rng):
        x = torch.from_numpy(rng.standard_normal((16, 4)).astype(np.float32))
        loss = (model(x)[:, 0] - x.sum(1)).square().mean()
        losses.append(float(loss.detach()))
        return loss, {}

    run.batch_loss = batch_loss  # type: ignore[attr-defined]
    return run, losses


def test_resumed_training_goes_on_to_the_same_numbers(tmp_path):
    """Six steps, stopped after three and resumed, have the losses of six at once."""
    whole, expected = tiny_run(tmp_path / "whole", 6)
    loop.train(whole, whole.batch_loss, lambda net: {"error": 1.0}, show=False)
    first, losses = tiny_run(tmp_path / "parts", 6)
    for _ in range(3):
        loop.one_step(first, first.batch_loss, first.progress())
    first.save()
    second, more = tiny_run(tmp_path / "parts", 6)
    assert second.resume() and second.step == 3
    loop.train(second, second.batch_loss, lambda net: {"error": 1.0}, show=False)
    assert np.allclose(losses + more, expected, rtol=1e-6)


def test_training_stops_in_time(tmp_path):
    """A budget of minutes ends the run, whatever the steps."""
    run, losses = tiny_run(tmp_path, 10**6)
    run.schedule = Schedule(minutes=0.01)
    loop.train(run, run.batch_loss, lambda net: {"error": 1.0}, show=False)
    assert losses and 0.6 <= run.seconds < 5


def test_training_learns(tmp_path):
    """The loss of a solvable task falls."""
    run, losses = tiny_run(tmp_path, 300)
    loop.train(run, run.batch_loss, lambda net: {"error": 1.0}, show=False)
    assert np.mean(losses[-20:]) < 0.3 * np.mean(losses[:20])


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_both_optimisers_can_be_had(name):
    """The paper's momentum of 0.9 and AdamW; norms and biases do not decay."""
    optimizer = loop.make_optimizer(nn.Linear(2, 2), Schedule(optimizer=name))
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.02, 0.0]
    assert name == "adamw" or optimizer.param_groups[0]["momentum"] == 0.9


def test_the_rate_warms_up_and_falls():
    """From little to all to a hundredth."""
    schedule = Schedule(rate=1.0, warmup=10)
    assert schedule.rate_at(0, 0.0) == pytest.approx(0.1)
    assert schedule.rate_at(50, 0.0) == 1.0
    assert schedule.rate_at(50, 1.0) == pytest.approx(0.01)


def test_log_plots_as_a_picture(trained):
    """`redtrack train plot` writes log.png."""
    pytest.importorskip("matplotlib")
    assert run_command("plot", trained).strip() == str(plot_log(trained))
    assert (trained / "log.png").read_bytes().startswith(b"\x89PNG")
    height, width = (picture := read_picture(trained / "log.png")).shape[:2]
    middle = picture[height // 4 : height * 3 // 4, width // 5 : width * 2 // 5].astype(int)
    assert np.ptp(middle, axis=-1).max() > 100  # the one line of the log is seen


def test_no_log_no_plot(tmp_path):
    """A folder that is no run is told."""
    pytest.importorskip("matplotlib")
    with pytest.raises(RedtrackError, match="no training log"):
        plot_log(tmp_path)


def test_relabelling_moves_labels_and_drops_those_it_cannot_believe(folder):
    """An untrained network agrees with no label: every face it relabels loses its weight, the others keep theirs."""
    faces, _ = read_faces(folder / "faces")
    from redtrack.rednet.config import RedNetConfig
    from redtrack.rednet.model import RedNet

    torch.manual_seed(0)
    new = relabel(RedNet(RedNetConfig()).eval(), faces, np.array([0, 2]), looks=1)
    assert (new.weight[[0, 2]] == 0).all() and (new.weight[[1, 3]] == 1).all()
    assert np.array_equal(new.points[1], faces.points[1]) and not np.array_equal(new.points[0], faces.points[0])


def test_relabelled_folder_has_the_networks_points(folder, tmp_path, monkeypatch):
    """Pictures are copied with the network's points, in the picture's own pixels; held-out ones are not."""
    predict = "redtrack.training.landmarks.relabel.predict_faces"
    monkeypatch.setattr(predict, lambda net, faces, **how: faces.points + 1.0)
    said = run_command("relabel", "--data", folder / "faces", "-o", tmp_path / "new")
    assert said.startswith("6 of 8 faces")
    name = next(iter(sorted((tmp_path / "new").glob("*.pts")))).name
    moved = read_points(tmp_path / "new" / name) - read_points(folder / "faces" / name)
    assert np.allclose(moved, moved[0], atol=0.01) and 0.3 < moved[0, 0] < 3
    assert (tmp_path / "new" / name).with_suffix(".png").exists()


def test_errors_are_in_percent_of_the_eye_distance():
    """A shift of a tenth of the outer eye corners' distance is an error of 10."""
    _, points = dotted_faces(2)
    shifted = points + np.array([0.1 * image.eye_distance(points)[0], 0])
    assert np.allclose(image.face_errors(shifted, points), 10, atol=1e-3)


def test_a_still_trial_measures_jitter_against_exact_truth(folder):
    """The truth itself has neither error nor jitter; the trial's frames differ."""
    faces, _ = read_faces(folder / "faces")
    trial = trials.still_trial(faces, 2, 5, 128, occluded=True)
    assert trial.crops.shape == (2, 5, 3, 128, 128) and trial.truth.shape == (2, 5, 68, 2)
    assert not torch.equal(trial.crops[0, 0], trial.crops[0, 4])


def test_face_sets_can_be_cut(folder):
    """A subset keeps everything of its faces together."""
    faces, _ = read_faces(folder / "faces")
    some = faces.subset(np.array([3, 1]))
    assert isinstance(some, FaceSet) and some.names == [faces.names[3], faces.names[1]]
    assert torch.equal(some.images[0], faces.images[3])


def test_the_identity_head_learns_faster_than_the_rest():
    """It starts from nothing beside trained layers: ten times their rate."""
    from redtrack.rednet.config import RedNetConfig
    from redtrack.rednet.model import RedNet

    net = RedNet(RedNetConfig(identities=3))
    groups = loop.make_optimizer(net, Schedule()).param_groups
    fast = {id(p) for g in groups if g["scale"] == 10 for p in g["params"]}
    assert fast == {id(p) for p in net.identity.parameters()}
