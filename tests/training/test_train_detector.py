"""Training the face detector and its verifier: steps, resumption, the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from labelled_faces import write_folders
from photos import TINY, scene, write_photos

from redtrack import checkpoint
from redtrack.cli.train_detector import detector as command
from redtrack.errors import UsageError, WeightsError
from redtrack.faces.detector import FaceDetector
from redtrack.training.detector import detector as training
from redtrack.training.detector import verifier
from redtrack.training.detector.mosaics import Mosaics
from redtrack.training.detector.scenes import drawn_scenes
from redtrack.training.loop import update_average


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
    for name, value in {"LEAST": 0.0, "BATCH": 8, "FACELESS_VIEWS": 1}.items():
        monkeypatch.setattr(verifier, name, value)
    torch.manual_seed(0)
    bare = FaceDetector(replace(TINY, long_side=64)).eval()
    made = verifier.with_verifier(bare, write_photos(tmp_path, 3), 9, report=lambda _: None, width=4, views=1, steps=1)
    assert bare.verifier is None and made.verifier is not None and made.config.verifier == 4
    checkpoint.save(tmp_path / "it.safetensors", made, "detector", {})
    assert checkpoint.load(tmp_path / "it.safetensors", kind="detector").config == made.config
    again = verifier.with_verifier(
        bare, tmp_path, 9, report=lambda _: None, width=8, views=1, steps=1, start=made.verifier
    )
    assert again.config.verifier == 4, "it goes on from the one that it is given"


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
    twice = [*given.split(), "--faces", str(faces), "--verifier", "0"]
    done = CliRunner().invoke(command, twice, catch_exceptions=False)
    assert done.exit_code == 0 and "12 cut-out faces" in done.stderr and "photos held out" in done.stderr
    assert done.stdout.split() == [f"{tmp_path}/run/weights.safetensors"]
    files = tmp_path / "start.safetensors", done.stdout.strip()
    before, after = (checkpoint.load(path, "detector", fused=False) for path in files)
    assert any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_several_processes_do_not_train_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchrun's would write over each other: they are refused before anything is written."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="without torchrun"):
        training.train_detector(tmp_path, tmp_path / "run", minutes=1)
    assert not (tmp_path / "run").exists()


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
