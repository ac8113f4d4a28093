"""Fewer bits keep the points near those of 32 bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from redtrack import checkpoint
from redtrack.device import Cpu, Precision, hardware
from redtrack.errors import DeviceError, UsageError
from redtrack.fuse import fuse
from redtrack.inference.calls import Threads
from redtrack.inference.crop import cut_crops, detector_crop
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.int8 import ranges_of, to_int8
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import predict_windows
from redtrack.rednet.small import SmallBody
from redtrack.video import Video

CPU, GPU = torch.device("cpu"), torch.device("cuda")
BOX = np.array([[228, 62, 348, 226]], np.float32)  # of the face in the example clip, roughly
MEAN, LIMIT = 0.03, 0.25  # px of the crop: of all points, and of any
INT8_MEAN, INT8_LIMIT = 0.1, 0.9  # the same with 8 bits; jaw points have the longest way
has_int8 = pytest.mark.skipif(not hardware(CPU).multiplies_int8, reason="a CPU without VNNI")


def windows(clip: Path, device: torch.device) -> torch.Tensor:
    """Two windows of the example clip's face: (2, 10, 3, S, S)."""
    frames = np.stack([frame.image for _, frame in zip(range(20), Video(clip).frames(), strict=False)])
    crops = cut_crops(torch.from_numpy(frames).to(device), np.arange(20), detector_crop(BOX.repeat(20, 0), 128, 1.27))
    return crops.unflatten(0, (2, 10))


def points(precision: str, clip: Path, device: torch.device) -> np.ndarray:
    models = Landmarker(None, str(device), Options(), detects=False, precision=precision)
    return models.predict(windows(clip, device), np.array([10, 10]), Options()).points


def test_bfloat16_keeps_the_points_on_a_cpu(clip: Path) -> None:
    """Whether the CPU has the instructions or not."""
    apart = np.abs(points("bf16", clip, CPU) - points("fp32", clip, CPU))
    assert 0 < apart.mean() < MEAN and apart.max() < LIMIT


@has_int8
def test_eight_bits_keep_the_points(clip: Path) -> None:
    """Within a tenth of a pixel on average."""
    apart = np.abs(points("int8", clip, CPU) - points("fp32", clip, CPU))
    assert 0 < apart.mean() < INT8_MEAN and apart.max() < INT8_LIMIT


@has_int8
def test_eight_bits_say_the_same_of_a_picture_whatever_its_batch(clip: Path) -> None:
    """To the last bit, from looks at two pictures as from looks at twenty, by one thread each, as runs have them."""
    models = Landmarker(None, "cpu", Options(), detects=False, precision="int8")
    faces = windows(clip, CPU).flatten(0, 1)[:, None]
    with Threads(models.hardware):
        whole = models.peek(faces, np.ones(20, np.int64), Options()).points
        pairs = [models.peek(two, np.ones(2, np.int64), Options()).points for two in faces.split(2)]
    np.testing.assert_array_equal(np.concatenate(pairs), whole)


@has_int8
@pytest.mark.parametrize("body", ["small", "large"])
def test_a_cascade_has_an_8_bit_body_for_each_step(body: str) -> None:
    """With the values that each was measured with."""
    torch.manual_seed(0)
    net = RedNet(RedNetConfig(body, shared=False)).eval()
    crops = torch.rand(2, 3, 128, 128)
    net.config = replace(net.config, ranges=ranges_of(net, crops))
    assert len(net.config.ranges) == 2 * len(SmallBody().convolutions())
    with torch.inference_mode():
        truth = net.points_of(net.image_steps(crops)[-1])
        to_int8(fuse(net), torch.float32)  # type: ignore[arg-type]
        assert (net.points_of(net.image_steps(crops)[-1]) - truth).abs().max() < INT8_LIMIT


def test_networks_without_an_8_bit_form_are_not_measured() -> None:
    """A variational step decodes without skips."""
    assert ranges_of(RedNet(RedNetConfig(steps=("var68", "reg68"))).eval(), torch.rand(1, 3, 128, 128)) == ()


def test_weights_that_were_not_measured_for_8_bits_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are asked for; by default they run with 16 or 32."""
    monkeypatch.setattr(Cpu, "multiplies_int8", True)
    checkpoint.save(tmp_path / "w.safetensors", RedNet(RedNetConfig()), "rednet", {})
    with pytest.raises(UsageError, match="not been measured"):
        Landmarker(tmp_path / "w.safetensors", "cpu", Options(), False, "int8")
    assert Landmarker(tmp_path / "w.safetensors", "cpu", Options(), False).precision.name != "int8"


def test_half_precision_has_room_for_what_the_network_computes(clip: Path) -> None:
    """No layer's output comes within a hundredth of the largest number of 16 bits, be the picture a face or noise."""
    net, largest = Landmarker(None, "cpu", Options(), detects=False, precision="fp32").net, [0.0]

    def note(_: torch.nn.Module, __: object, out: object) -> None:
        if isinstance(out, torch.Tensor):
            largest.append(float(out.abs().max()))

    for module in net.modules():
        module.register_forward_hook(note)
    face = windows(clip, CPU)
    for pictures in (face, torch.zeros_like(face), torch.rand(face.shape).round()):
        predict_windows(net, pictures, torch.tensor([10, 10]))
    assert 10 < max(largest) < torch.finfo(torch.float16).max / 100


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["half", "bf16", "fp32"])
def test_precisions_keep_the_points_on_a_gpu(clip: Path, precision: str) -> None:
    """On a GPU they are those of a CPU."""
    assert np.abs(points(precision, clip, GPU) - points("fp32", clip, CPU)).max() < LIMIT


@pytest.mark.parametrize("name", ["fp32", "bf16"])
def test_auto_is_what_is_fastest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 bits on a GPU; on a CPU 8 where it multiplies them and the network allows, 16 where it has bfloat16."""
    monkeypatch.setattr(Cpu, "is_faster_in_bfloat16", name == "bf16")
    monkeypatch.setattr(Cpu, "multiplies_int8", True)
    assert hardware(CPU).precision("auto") == Precision(name, name)
    assert hardware(CPU).precision("auto", ranged=True) == Precision("int8", name)
    assert hardware(GPU).precision("auto", ranged=True) == Precision("half", "half")
    monkeypatch.setattr(Cpu, "multiplies_int8", False)
    assert hardware(CPU).precision("auto", ranged=True) == Precision(name, name)
    for device, message in ((CPU, "VNNI"), (GPU, "for CPUs")):
        with pytest.raises(DeviceError, match=message):
            hardware(device).precision("int8")
    assert hardware(GPU).precision("auto") == Precision("half", "half")
    assert hardware(CPU).precision("fp32") == Precision("fp32", "fp32")
    with pytest.raises(DeviceError, match="needs a GPU"):
        hardware(CPU).precision("half")


def test_bfloat16_is_for_gpus_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others would make it up, or raise in the middle of the first call."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    with pytest.raises(DeviceError, match="bfloat16"):
        hardware(GPU).precision("bf16")
    assert hardware(GPU).precision("auto") == Precision("half", "half")


def test_the_result_says_with_how_many_bits_it_was_made() -> None:
    """And the detector is told too."""
    for name in ("fp32", "bf16"):
        models: Landmarker = Landmarker(None, "cpu", Options(), precision=name)
        assert models.about["precision"] == name
        assert models.detector.half == (name == "bf16")  # type: ignore[union-attr]


def test_arithmetic_sets_the_type_of_products() -> None:
    """Inside its context, and not after."""
    layer, x = torch.nn.Linear(4, 4), torch.ones(1, 4)
    with hardware(CPU).precision("bf16").context(CPU):
        assert layer(x).dtype is torch.bfloat16
    with hardware(CPU).precision("fp32").context(CPU):
        assert layer(x).dtype is torch.float32
    assert layer(x).dtype is torch.float32
