"""Fewer bits keep the points: within a tenth of a pixel of those with 32 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from redtrack.device import Precision, arithmetic, hardware
from redtrack.errors import DeviceError
from redtrack.inference.crop import cut_crops, detector_crop
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.rednet.predict import predict_windows
from redtrack.video import Video

CPU, GPU = torch.device("cpu"), torch.device("cuda")
BOX = np.array([[228, 62, 348, 226]], np.float32)  # of the face in the example clip, roughly
MEAN, LIMIT = 0.03, 0.25  # px of the crop: of all points, and of any


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
    """16 bits on a GPU, and on a CPU that multiplies bfloat16."""
    monkeypatch.setattr(type(hardware(CPU)), "is_faster_in_bfloat16", name == "bf16")
    assert hardware(CPU).precision("auto") == Precision(name, name)
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
    with arithmetic("bf16", CPU):
        assert layer(x).dtype is torch.bfloat16
    with arithmetic("fp32", CPU):
        assert layer(x).dtype is torch.float32
    assert layer(x).dtype is torch.float32
