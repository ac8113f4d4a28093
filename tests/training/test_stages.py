"""The stages as commands: data in, weights out; what is asked for is done, and what cannot be is told."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from dotted_faces import dotted_faces
from labelled_faces import write_folders
from train_command import refusal, run_command

from redtrack import checkpoint
from redtrack.cli.train import train as train_command
from redtrack.errors import DeviceError, RedtrackError, UsageError
from redtrack.rednet.small import SmallBody
from redtrack.training import loop
from redtrack.training.landmarks.faces import held_out
from redtrack.training.landmarks.label import store
from redtrack.training.landmarks.recipe import Recipe
from redtrack.training.plot import plot_log
from redtrack.video import read_picture

EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.mp4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A 300-W folder `faces` and an identity folder `people`, of dotted faces."""
    return write_folders(tmp_path_factory.mktemp("data"))


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
        (["image", "--weight-decay", "0.1"], lambda recipe: recipe.schedule.decay == 0.1),
        (["image", "--schedule", "step"], lambda recipe: recipe.schedule.shape == "step"),
        (["image", "--warmup", "3"], lambda recipe: recipe.schedule.warmup == 3),
        (["image", "--accumulate", "4"], lambda recipe: recipe.schedule.accumulate == 4),
        (["image", "--validate-every", "9"], lambda recipe: recipe.schedule.validate_every == 9),
        (["image", "--neighbour", "0.1"], lambda recipe: recipe.neighbour == 0.1),
        (["image", "--teacher-share", "0.3"], lambda recipe: recipe.teacher_share == 0.3),
        (["image", "--axis", "0.01"], lambda recipe: recipe.axis_for(Path("x"), 0.5) == 0.01),
        (["video", "--no-freeze"], lambda recipe: recipe.schedule.rate == 1e-4),
        (["image", "--steps", "9"], lambda recipe: recipe.schedule.minutes is None),
        (["image", "--minutes", "7"], lambda recipe: recipe.schedule.minutes == 7),
        (["image", "--seed", "5"], lambda recipe: recipe.seed == 5),
        (["video", "--no-freeze"], lambda recipe: not recipe.freeze),
        (["video", "--frames", "4"], lambda recipe: recipe.frames == 4),
        (["recurrence", "--count", "9"], lambda recipe: recipe.count == 9),
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


def test_weights_know_how_large_their_values_get(trained):
    """One number for each convolution that 8-bit arithmetic does, for this stage's own weights."""
    ranges = checkpoint.rednet_config(trained / "weights.safetensors").ranges
    assert len(ranges) == len(SmallBody().convolutions()) and min(ranges) > 0


def test_a_run_leaves_weights_log_and_checkpoint(trained):
    """What `train` promises is in its folder, and the weights say where they come from."""
    assert (trained / "checkpoint.pt").exists()
    log = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 3 and log[-1]["error"] > 0
    card = checkpoint.describe(trained / "weights.safetensors")["card"]
    assert card["stage"] == "image" and card["steps"] == 3 and card["validation"]["error"] > 0


def test_the_card_and_the_checkpoint_hold_the_recipe(folder, trained):
    """All that was asked for, folders by their names only; the best network so far lies beside the last."""
    card = checkpoint.describe(trained / "best.safetensors")["card"]
    recipe = card["recipe"]
    assert recipe["data"] == {"faces": 1.0} and recipe["schedule"]["steps"] == 3 and recipe["batch"] == 2
    state = loop.read_checkpoint(trained / "checkpoint.pt")
    assert json.loads(state["recipe"]) == recipe
    assert state["best"] == pytest.approx(card["validation"]["error"], abs=1e-3)
    assert str(folder) not in json.dumps(card)


def test_the_paper_has_its_recipe(folder, tmp_path, monkeypatch):
    """One option brings SGD, its decay, its steps and its crops; what is given besides still counts."""
    asked = []
    stage = "redtrack.training.landmarks.stages.run_stage"
    monkeypatch.setattr(stage, lambda recipe: asked.append(recipe) or recipe.out)
    for name in ("image", "video"):
        run_command(name, "--recipe", "paper", "--data", folder / "faces", "-o", tmp_path / "out", "--warmup", 7)
    for recipe in asked:
        plan = recipe.schedule
        assert (plan.optimizer, plan.rate, plan.shape, plan.decay, plan.warmup) == ("sgd", 0.01, "step", 5e-4, 7)
    assert asked[0].augment == "paper" and asked[0].neighbour == 0 and not asked[1].freeze


@pytest.mark.parametrize(
    "words, said",
    [
        (["--body", "vgg16"], "network of --start has --body small, not --body vgg16; leave out --body, or --start"),
        (["--tasks", "reg68"], "has --tasks det7,reg68, not --tasks reg68"),
        (["--cascade"], "has one body for all steps, not a body for each step"),
        (["--z0", "mean"], "has --z0 zeros, not --z0 mean"),
        (["--pretrained", __file__], "--pretrained starts from ImageNet, --start from other weights"),
    ],
)
def test_a_start_is_not_contradicted(folder, trained, tmp_path, words, said):
    """Options that the weights of --start would overrule are refused; the same values are not."""
    given = ["image", "--data", folder / "faces", "--start", trained / "best.safetensors", "-o", tmp_path / "out", "-q"]
    assert said in str(refusal(*given, *words))


def test_a_start_is_named_and_the_run_says_where_it_begins_and_ends(folder, tmp_path):
    """A shipped network by its name; four lines before and four after tell faces, held out, error before and after."""
    given = ["image", "--data", folder / "faces", "--start", "rednet-small", "--body", "small", "-o", tmp_path / "out"]
    said = CliRunner().invoke(train_command, [str(w) for w in (*given, "--steps", 1, "--batch", 2)]).stderr
    for line in (
        r"read: 6 faces \(6 faces\)",
        r"held out: 2 faces \(2 faces\)",
        r"image stage of rednet-small \(.* million parameters\): adamw, rate 0.0015 cosine, batches of 2, 1 step",
        r"error before: [\d.]+ % of the eye distance",
        r"trained: 1 step in 0.\d minutes",
        r"error after: [\d.]+ % of the eye distance; before [\d.]+ % of the eye distance",
        r"best: [\d.]+ % of the eye distance at step 1",
        r"to use it: redtrack annotate VIDEO -o OUT --weights .*best.safetensors",
    ):
        assert re.search(rf"{line}$", said, re.MULTILINE), (line, said)


def test_a_recipe_names_files_and_not_where_they_lie(tmp_path):
    """Weights travel with it: a start and a teacher by their names only."""
    start, teacher = tmp_path / "mine.safetensors", str(tmp_path / "better.safetensors")
    told = Recipe("image", ((tmp_path / "faces", 1.0),), tmp_path, start=start, teacher=teacher).describe()
    assert (told["start"], told["teacher"], told["data"]) == ("mine.safetensors", "better.safetensors", {"faces": 1.0})
    assert Recipe("image", (), tmp_path, start="rednet-small").describe()["start"] == "rednet-small"
    assert str(tmp_path) not in str(told)


def test_a_resumed_run_says_from_where_and_what_changed(folder, trained, tmp_path):
    """The step, options that are not those it began with, and the last error."""
    copied = shutil.copytree(trained, tmp_path / "run")
    given = ["image", "--data", folder / "faces", "-o", copied, "--resume", "--steps", 4, "--batch", 3]
    said = CliRunner().invoke(train_command, [str(w) for w in given]).stderr
    assert "; resumed at step 3 with other options: steps 3 to 4, batch 2 to 3\n" in said
    assert f"error before: {loop.read_checkpoint(trained / 'checkpoint.pt')['log'][-1]['error']:.2f} %" in said


@pytest.mark.parametrize(
    "words, said",
    [
        (["--axis", "other=0.01"], "--axis other is none of the folders of data"),
        (["--teacher-share", "0.5"], "--teacher-share without a teacher; name a network by --teacher"),
    ],
)
def test_options_without_effect_are_refused(folder, tmp_path, words, said):
    """What would be ignored is told."""
    assert said in str(refusal("image", "--data", folder / "faces", "-o", tmp_path / "out", *words))


def test_data_must_be_named(tmp_path, trained):
    """By one option or another."""
    assert "no training data; name a folder" in str(refusal("image", "-o", tmp_path / "out"))
    given = ["video", "-o", tmp_path / "out", "--start", trained / "best.safetensors"]
    assert "no training data; name a folder" in str(refusal(*given))


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
    common[1] = tmp_path / "again"
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
    monkeypatch.setattr("redtrack.training.landmarks.stages.TRIALS", 1)
    run_command("video", "--data", folder / "faces", "-o", tmp_path / "v", "--frames", 3, "--batch", 1,
                "--start", trained / "weights.safetensors", "--steps", 1, "--quiet")  # fmt: skip
    before = checkpoint.load(trained / "weights.safetensors", fused=False).state_dict()
    after = checkpoint.load(tmp_path / "v" / "weights.safetensors", fused=False)
    assert after.config.temporal
    card = checkpoint.describe(tmp_path / "v" / "weights.safetensors")["card"]
    assert card["stage"] == "video" and card["before"]["stage"] == "image"
    assert all(torch.equal(before[k], v) for k, v in after.state_dict().items() if k in before)


def test_clips_held_out_must_be_there(folder, trained, tmp_path):
    """A wrong name is told."""
    store(EXAMPLE, dict.fromkeys(range(8), dotted_faces(1)[1][0]), tmp_path / "clips" / "astronaut")
    given = ["video", "--clips", tmp_path / "clips", "-o", tmp_path / "run", "--frames", 4, "-q", "--hold-out"]
    start = ["--start", trained / "weights.safetensors"]
    assert "astronomer is none of the labelled videos" in str(refusal(*given, "astronomer", *start))


def test_clips_too_short_for_the_frames_are_told(folder, trained, tmp_path):
    """Where all are; a few are only counted."""
    store(EXAMPLE, dict.fromkeys(range(6), dotted_faces(1)[1][0]), tmp_path / "clips" / "astronaut")
    given = ["--clips", tmp_path / "clips", "-o", tmp_path / "run", "-q", "--start", trained / "weights.safetensors"]
    refused = str(refusal("video", "--data", folder / "faces", *given, "--frames", 4))
    assert "no clip has 8 labelled frames in a row, two windows of 4; lower --frames" in refused


def test_video_stage_wants_a_start(folder, tmp_path):
    """An untrained encoder has nothing to smooth."""
    with pytest.raises(UsageError, match="starts from trained weights"):
        run_command("video", "--data", folder / "faces", "-o", tmp_path, "--quiet")


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
