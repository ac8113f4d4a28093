"""What a GPU would do with this code, watched on one that is made up: nothing meets on two devices, no kernel is asked
for what it does not have, no stream runs ahead of another, and the points are those of the CPU.
"""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pretend_cuda
import pytest
import torch
from pretend_cuda import OnCuda, gpu

from redtrack import bench, checkpoint
from redtrack.device import hardware
from redtrack.device.gpu import _stream_of
from redtrack.faces import NetworkDetector
from redtrack.faces.detector import DetectorConfig
from redtrack.faces.verifier import Verifier
from redtrack.inference.annotate import InMemory, annotate_with
from redtrack.inference.calls import Threads
from redtrack.inference.crop import cut_crops, detector_crop, region_of, sample
from redtrack.inference.engine import Engine
from redtrack.inference.frames import FrameStore
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.inference.tracker import Tracker
from redtrack.points import MEAN_SHAPE
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import predict_windows
from redtrack.training.detector.detector import DetectorTraining
from redtrack.training.detector.verifier import learn
from redtrack.training.landmarks.augment import Augmentation, training_crops
from redtrack.training.landmarks.faces import STORED_SIZE, FaceSet
from redtrack.training.landmarks.image import image_loss, validator
from redtrack.training.landmarks.trials import still_trial, video_validator
from redtrack.training.landmarks.video import ClipSet, video_loss
from redtrack.video import Video

__all__ = ["gpu"]

BOX = np.array([[228, 62, 348, 226]], np.float32)  # of the face in the example clip, roughly
LIMIT = 0.25  # px of the crop, as in test_precision


@pytest.fixture(scope="module")
def frames(clip: Path) -> torch.Tensor:
    """Frames uint8 (10, H, W, 3) of the example clip."""
    return torch.from_numpy(np.stack([frame.image for _, frame in zip(range(10), Video(clip).frames(), strict=False)]))


@pytest.fixture(scope="module")
def windows(frames: torch.Tensor) -> torch.Tensor:
    """Two windows of its face: (2, 5, 3, S, S)."""
    return cut_crops(frames, np.arange(10), detector_crop(BOX.repeat(10, 0), 128)).unflatten(0, (2, 5))


def test_tensors_of_two_devices_do_not_meet(gpu: torch.device) -> None:
    """The made-up device is as strict as a real one: so all that passes below says something."""
    there, here = torch.zeros(3, device=gpu), torch.zeros(3)
    with pytest.raises(AssertionError, match="on the GPU and on the CPU"):
        there + here
    with pytest.raises(RuntimeError, match="numpy"):
        there.numpy()
    with pytest.raises(AssertionError, match=r"uint8 on a GPU"):
        torch.nn.functional.interpolate(torch.zeros(1, 3, 4, 4, dtype=torch.uint8, device=gpu), size=(2, 2),
                                        mode="bilinear", antialias=True)  # fmt: skip
    assert (there + here.to(gpu)).device == gpu and there.cpu().numpy().shape == (3,)


OPTIONS = {
    "both directions": {},
    "one direction": {"direction": "backward"},
    "no recurrence of points": {"recur": False},
    "no LSTM": {"temporal": False},
    "one look": {"spatial_steps": 1},
    "three looks": {"spatial_steps": 3},
}


@pytest.mark.parametrize("how", OPTIONS.values(), ids=OPTIONS)
def test_network_computes_on_the_gpu_what_it_does_on_a_cpu(how: dict, windows: torch.Tensor, gpu: torch.device) -> None:
    lengths = torch.tensor([5, 3])
    here = predict_windows(checkpoint.load(), windows, lengths, **how)
    there = predict_windows(checkpoint.load(device="cuda:0"), windows.to(gpu), lengths, **how)
    for expected, found in zip(here, there, strict=True):
        assert expected.dtype == found.dtype == np.float32 and np.allclose(expected, found, 0, 1e-3, equal_nan=True)


@pytest.mark.parametrize("precision", ["half", "bf16", "fp32"])
def test_precisions_keep_the_points(precision: str, windows: torch.Tensor, gpu: torch.device) -> None:
    """With the types that autocast gives every layer on a GPU."""
    lengths = np.array([5, 5])
    here = Landmarker(None, "cpu", Options(), detects=False, precision="fp32")
    there = Landmarker(None, "cuda:0", Options(), detects=False, precision=precision)
    for look in ("predict", "peek"):
        expected = getattr(here, look)(windows, lengths, Options())
        found = getattr(there, look)(windows.to(gpu), lengths, Options())
        assert np.abs(expected.points - found.points).max() < LIMIT


def test_detector_finds_the_same_faces(frames: torch.Tensor, gpu: torch.device) -> None:
    """In 32 bits; and in bfloat16 within two pixels, on pictures that lie here or there."""
    net = checkpoint.load(kind="detector", fused=False)
    here, there = (NetworkDetector(net, device) for device in ("cpu", gpu))
    here.half = False
    (expected,) = here.detect(frames[:1])
    assert len(expected) == 1 and np.allclose(there.detect(frames[:1].to(gpu))[0], expected, atol=0.5)
    there.half = True
    assert np.allclose(there.detect(frames[:1])[0][:, :4], expected[:, :4], atol=2)


def test_verifier_is_asked_on_the_gpu(frames: torch.Tensor, gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all boxes, be they sure."""
    from redtrack.faces import detect

    monkeypatch.setattr(detect, "SURE", 2.0)
    net = checkpoint.load(kind="detector", fused=False)
    asked = []
    there = NetworkDetector(net, gpu)
    judge = there._judge
    monkeypatch.setattr(there, "_judge", lambda crops: asked.append(crops) or judge(crops))
    assert len(there.detect(frames[:2].to(gpu))) == 2
    assert isinstance(asked[0], OnCuda) and len(asked[0]) >= 2


@pytest.mark.parametrize("side", [120, 700], ids=["small", "averaged"])
def test_crops_are_cut_where_the_frames_lie(side: int, frames: torch.Tensor, gpu: torch.device) -> None:
    """From the store as from a stack of frames; large faces are averaged first."""
    large = frames.repeat_interleave(2, 1).repeat_interleave(2, 2)
    crop = detector_crop(np.array([[200, 40, 200 + side, 40 + side]], np.float32).repeat(4, 0), 128)
    store = FrameStore()
    for first in (0, 5):
        store.add(first, large[first : first + 5].to(gpu))
    region = region_of(crop, *store.size())
    there = sample(store.region(3, 4, region), region, crop)
    again = cut_crops(large.to(gpu), np.arange(3, 7), crop)
    here = cut_crops(large, np.arange(3, 7), crop)
    assert there.device == gpu and store.nbytes == large.nbytes
    assert torch.equal(there.cpu(), again.cpu()) and (there.cpu() - here).abs().max() < 2 / 255


def test_a_whole_run_on_the_gpu_gives_the_rows_of_the_cpu(clip: Path, gpu: torch.device) -> None:
    """Decoding, detector, crops, second looks, the network in a stream of its own, rows."""
    options = Options(end=0.5)
    expected = annotate_with(Landmarker(None, "cpu", options, precision="fp32"), clip, options)
    models = Landmarker(None, "cuda:0", options)
    found = annotate_with(models, clip, options)
    assert models.precision.name == "half"
    assert np.array_equal(found.frame, expected.frame) and np.array_equal(found.face, expected.face)
    assert np.abs(found.points - expected.points).mean() < 0.3, "px of the frame"


def test_runs_share_the_networks_stream(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch keeps what memory a stream has used for that stream: with a new one, each run would begin without."""
    made: list[object] = []
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: made.append(device) or pretend_cuda.Stream(device))
    _stream_of.cache_clear()
    for _ in range(2):
        with Threads(hardware(gpu)) as threads:
            assert threads.submit(pow, 3, 2).result() == 9
    assert made == [gpu]


def test_fp32_is_not_rounded_by_the_gpu(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch lets convolutions of 32 bits multiply 19 of them (TF32) unless told otherwise."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    for precision, rounds in (("half", True), ("fp32", False)):
        Landmarker(None, "cuda:0", Options(), detects=False, precision=precision)
        assert torch.backends.cudnn.allow_tf32 is rounds


def test_what_a_call_had_computed_is_gone_before_it_is_halved(
    clip: Path, gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a call that met the end of the memory; its error would otherwise keep its tensors for the smaller one.

    A second call of the same size, under way by then, does not halve the batch again.
    """
    made: list[weakref.ref[OnCuda]] = []
    kept: list[int] = []
    compute = pretend_cuda.compute

    def with_little_room(func: Any, args: Any, kwargs: Any) -> Any:
        out = compute(func, args, kwargs)
        in_call = isinstance(out, OnCuda) and out.stream == "network"
        if in_call and out.ndim == 4 and len(out) > 10 and out.shape[1] >= 48 and out.shape[2] >= 8:  # not a weight
            made.append(weakref.ref(out))
            if out.shape[1] == 192:  # the network's innermost
                raise torch.OutOfMemoryError("CUDA out of memory")
        return out

    options, said = Options(end=0.7, direction="forward"), []
    models = Landmarker(None, "cuda:0", options, precision="bf16")
    expected = annotate_with(models, clip, options, batch=10)
    rows = InMemory()
    tracker = Tracker(clip, models, options, rows)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: kept.append(sum(ref() is not None for ref in made)))
    monkeypatch.setattr(pretend_cuda, "compute", with_little_room)
    list(Engine(models, options, 20, tell=said.append).run([tracker]))
    assert made and set(kept) == {0} and len(said) == 1 and "out of memory" in said[0]
    assert np.array_equal(rows.tracks().points, expected.points)


def on_pretence(net: torch.nn.Module) -> torch.nn.Module:
    """The network in training on the made-up device, which has no gradients."""
    return net.train().requires_grad_(False).to(pretend_cuda.CUDA)


@pytest.fixture
def labelled(windows: torch.Tensor) -> FaceSet:
    """Six faces, of three people."""
    images = (torch.rand(6, 3, STORED_SIZE, STORED_SIZE) * 255).to(torch.uint8)
    points = (MEAN_SHAPE[None].repeat(6, 0) * 0.5 + 0.25).astype(np.float32) * STORED_SIZE
    identity = np.array([0, 0, 1, 1, 2, 2])
    return FaceSet(images, points, np.ones(6, np.float32), identity, list("abcdef"), ["x"] * 6, np.zeros(6, np.float32))


@pytest.mark.parametrize("half", [False, True])
def test_losses_of_pictures_and_people(half: bool, labelled: FaceSet, gpu: torch.device) -> None:
    """Of detection, regression, coordinates and identity; and of validation."""
    net = on_pretence(RedNet(RedNetConfig(identities=3)))
    loss = image_loss(labelled, np.full(6, 1 / 6), batch=4, half=half, device="cuda:0")
    total, parts = loss(net, np.random.default_rng(0))
    assert total.device == gpu and bool(total.isfinite())
    assert {"detection", "regression", "coordinate", "identity"} <= set(parts)
    assert validator(labelled)(net)["error"] > 0


def test_faces_are_changed_on_the_gpu_that_they_lie_on(labelled: FaceSet, gpu: torch.device) -> None:
    """From the mirror to the noise nothing is brought back; the loss of a batch is as finite as ever."""
    how = Augmentation(1, 0.1, 0.05, 1, 1, 1, 1, 1, 1, 1)
    there = labelled.to("cuda:0")
    made = training_crops(there.images, there.points, 64, how, np.random.default_rng(0))
    assert made.crops.device == made.points.device == made.clean.device == gpu
    loss = image_loss(there, np.full(6, 1 / 6), how, batch=2, neighbour=1.0, device="cuda:0")
    total, _ = loss(on_pretence(RedNet(RedNetConfig())), np.random.default_rng(0))
    assert total.device == gpu and bool(total.isfinite())
    clips = video_loss(ClipSet(there), frames=3, batch=1, device="cuda:0")
    total, _ = clips(on_pretence(RedNet(RedNetConfig(temporal=True))), np.random.default_rng(0))
    assert bool(total.isfinite())


@pytest.mark.parametrize("half", [False, True])
def test_loss_of_clips(half: bool, labelled: FaceSet, gpu: torch.device) -> None:
    """Both ways in time, and the trials that it is validated on."""
    net = on_pretence(RedNet(RedNetConfig(temporal=True)))
    total, parts = video_loss(ClipSet(labelled), frames=3, batch=2, half=half, device="cuda:0")(
        net, np.random.default_rng(0)
    )
    assert total.device == gpu and bool(total.isfinite())
    assert set(parts) == {"coordinate", "regression", "unsteady", "opening"}
    trial = still_trial(labelled, 1, 6, net.config.size, occluded=False)
    assert video_validator([trial])(net)["stills_error"] > 0


def test_steps_of_the_detector_and_its_verifier(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the gradient."""
    monkeypatch.setattr(torch.Tensor, "backward", lambda self: None)
    training = DetectorTraining(DetectorConfig(), "cuda:0")
    training.net.requires_grad_(False)
    boxes = [np.array([[30, 30, 90, 100]], np.float32), np.zeros((0, 4), np.float32)]
    losses = training.learn(torch.rand(2, 3, 128, 128), boxes, [np.array([False]), np.zeros(0, bool)], 1e-3)
    assert losses["total"] > 0
    net = on_pretence(Verifier())
    optimiser = torch.optim.AdamW(net.parameters())
    assert learn(net, optimiser, torch.rand(4, 3, 64, 64), torch.tensor([0.0, 1, 1, 0]), "cuda:0") > 0


@pytest.mark.slow
@pytest.mark.parametrize("body", ["vgg16", "resnet152"])
def test_paper_bodies_compute_there(body: str, gpu: torch.device) -> None:
    """Their pooling indices and skips, too."""
    net = RedNet(RedNetConfig(body=body, temporal=True)).requires_grad_(False).eval()
    crops, lengths = torch.rand(1, 2, 3, 256, 256), torch.tensor([2])
    here = predict_windows(net, crops, lengths, "forward").points
    there = predict_windows(net.to(gpu), crops.to(gpu), lengths, "forward").points
    assert np.allclose(here, there, atol=1e-2)


def test_bench_measures_every_part(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on the device, and says which that is."""
    monkeypatch.setattr(bench, "MOST_FRAMES", 12)
    report = bench.bench(None, device="cuda:0", end=0.5, precision="bf16")
    assert [part.name for part in report.parts] == [
        "decoder", "detector", "cropping", "network", "writer", "whole job"]  # fmt: skip
    assert report.about["device"] == "a made-up GPU" and report.about["precision"] == "bf16"
