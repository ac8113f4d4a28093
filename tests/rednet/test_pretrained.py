"""An ImageNet state dict fills the encoder of the paper's two bodies, or is refused with a reason."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from redtrack.errors import UsageError, WeightsError
from redtrack.rednet.pretrained import load_pretrained, read_state
from redtrack.rednet.resnet152 import Resnet152Body
from redtrack.rednet.small import SmallBody
from redtrack.rednet.vgg16 import Vgg16Body

VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
RESNET152 = {1: (3, 64), 2: (8, 128), 3: (36, 256), 4: (3, 512)}
State = dict[str, Tensor]


def imagenet_vgg16(norm: bool, widths: tuple[int | str, ...] = VGG16) -> nn.Module:
    """The convolutional part of torchvision's `vgg16` or `vgg16_bn` with random weights and statistics."""
    layers: list[nn.Module] = []
    c_in = 3
    for width in widths:
        if width == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        conv = nn.Conv2d(c_in, int(width), 3, padding=1)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.normal_(conv.bias, std=0.1)
        layers += [conv, *([nn.BatchNorm2d(int(width))] if norm else []), nn.ReLU()]
        c_in = int(width)
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            for tensor, low in ((layer.weight, 0.5), (layer.bias, -0.2), (layer.running_mean, -0.2)):
                nn.init.uniform_(tensor, low, low + 1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return nn.ModuleDict({"features": nn.Sequential(*layers)}).eval()


def layer_state(conv: str, norm: str, shape: tuple[int, ...], value: float) -> State:
    """One convolution and its normalisation, each filled with one number: views, so that files stay small."""
    parts = {f"{conv}.weight": shape} | {f"{norm}.{p}": shape[:1] for p in ("weight", "bias", "running_mean")}
    parts[f"{norm}.running_var"] = shape[:1]
    state = {name: torch.full((), value + 0.1 * i).expand(s) for i, (name, s) in enumerate(parts.items())}
    return state | {f"{norm}.num_batches_tracked": torch.tensor(1)}


def imagenet_resnet(depths: dict[int, tuple[int, int]] = RESNET152) -> State:
    """A state dict with the names and shapes of torchvision's `resnet152`."""
    state = layer_state("conv1", "bn1", (64, 3, 7, 7), 1.0)
    c_in = 64
    for stage, (n, width) in depths.items():
        for i in range(n):
            at = f"layer{stage}.{i}"
            shapes = ((width, c_in, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1))
            for k, shape in enumerate(shapes, start=1):
                state |= layer_state(f"{at}.conv{k}", f"{at}.bn{k}", shape, 1000 * stage + 10 * i + k)
            if i == 0:
                down = f"{at}.downsample"
                state |= layer_state(f"{down}.0", f"{down}.1", (4 * width, c_in, 1, 1), 1000 * stage + 500)
            c_in = 4 * width
    return state | {"fc.weight": torch.zeros(()).expand(1000, 2048), "fc.bias": torch.zeros(1000)}


@pytest.fixture(scope="module")
def vgg16_state() -> State:
    return dict(imagenet_vgg16(norm=False).state_dict())


@pytest.fixture(scope="module")
def vgg16() -> Vgg16Body:
    return Vgg16Body().eval()


@pytest.fixture(scope="module")
def resnet152() -> Resnet152Body:
    return Resnet152Body().eval()


@pytest.mark.parametrize("norm", [False, True], ids=["vgg16", "vgg16_bn"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_vgg16s_encoder_gives_what_imagenets_vgg16_gives(
    tmp_path: Path, vgg16: Vgg16Body, norm: bool, suffix: str
) -> None:
    """With and without normalisation, from both kinds of file, whatever the feedback maps hold."""
    torch.manual_seed(0)
    twin, path = imagenet_vgg16(norm), tmp_path / f"vgg16{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(twin.state_dict(), path)
    load_pretrained(vgg16, path)
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        e, _ = vgg16.encode(x, torch.rand(1, 7, 32, 32))
        torch.testing.assert_close(e, twin["features"](x), rtol=1e-3, atol=1e-3)


def test_the_feedback_channels_start_at_zero(tmp_path: Path, vgg16: Vgg16Body, vgg16_state: State) -> None:
    torch.save(vgg16_state, tmp_path / "vgg16.pth")
    load_pretrained(vgg16, tmp_path / "vgg16.pth")
    first = vgg16.encoder["A0"][0][0].weight
    assert torch.equal(first[:, :3], vgg16_state["features.0.weight"])
    assert not first[:, 3:].any()


def test_the_report_names_what_was_filled_left_and_unused(tmp_path: Path, vgg16: Vgg16Body, vgg16_state: State) -> None:
    """The encoder is filled, the decoder left, the classifier unused; counters appear nowhere."""
    classifier = {"classifier.0.weight": torch.zeros(1), "classifier.0.bias": torch.zeros(1)}
    torch.save(vgg16_state | classifier, tmp_path / "vgg16.pth")
    filled, left, unused = load_pretrained(vgg16, tmp_path / "vgg16.pth")
    assert len(filled) == 13 * 5
    assert all(name.startswith("encoder.") for name in filled)
    assert len(left) == 11 * 5
    assert all(name.startswith("decoder.") for name in left)
    assert unused == ("classifier.0.bias", "classifier.0.weight")


def test_every_layer_of_resnet152_finds_its_place(tmp_path: Path, resnet152: Resnet152Body) -> None:
    """Each tensor of the file holds its own number; the encoder holds them all, at the unit of the same index."""
    torch.save(imagenet_resnet(), tmp_path / "resnet152.pth")
    filled, left, unused = load_pretrained(resnet152, tmp_path / "resnet152.pth")
    ours = resnet152.state_dict()
    assert ours["encoder.C0.0.weight"][:, :3].unique().tolist() == [1.0]
    assert not ours["encoder.C0.0.weight"][:, 3:].any()
    for stage, (n, _) in RESNET152.items():
        for i in range(n):
            for k, layer in enumerate(("conv1", "conv2", "conv3"), start=1):
                at, value = f"encoder.C{stage}.{i}.{layer}", 1000 * stage + 10 * i + k
                got = [ours[f"{at}.{part}"].mean().item() for part in ("0.weight", "1.weight", "1.running_var")]
                assert got == pytest.approx([value, value + 0.1, value + 0.4])
        assert ours[f"encoder.C{stage}.0.shortcut.0.weight"].mean().item() == pytest.approx(1000 * stage + 500)
    assert len(filled) == (151 + 4) * 5
    assert {name.split(".")[0] for name in left} == {"skips", "decoder"}
    assert unused == ("fc.bias", "fc.weight")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    ],
    ids=["state_dict", "model", "module."],
)
def test_a_checkpoints_wrapping_is_taken_off(tmp_path: Path, wrap: Callable[[State], object]) -> None:
    torch.save(wrap({"conv1.weight": torch.ones(2)}), tmp_path / "checkpoint.pth")
    assert read_state(tmp_path / "checkpoint.pth").keys() == {"conv1.weight"}


def test_half_precision_is_read_as_the_bodys_precision(tmp_path: Path, vgg16: Vgg16Body, vgg16_state: State) -> None:
    save_file({name: tensor.half() for name, tensor in vgg16_state.items()}, tmp_path / "half.safetensors")
    load_pretrained(vgg16, tmp_path / "half.safetensors")
    last = vgg16.encoder["A4"][2][0].weight
    assert last.dtype == torch.float32
    assert torch.equal(last, vgg16_state["features.28.weight"].half().float())


def deeper(state: State) -> State:
    return dict(imagenet_vgg16(False, (64, 64, 64, "M", *VGG16[3:])).state_dict())


def wider(state: State) -> State:
    return state | {"features.2.weight": torch.zeros(65, 64, 3, 3), "features.2.bias": torch.zeros(65)}


def without_a_bias(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if name != "features.5.bias"}


def not_a_number(state: State) -> State:
    return state | {"features.7.weight": state["features.7.weight"] * float("nan")}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (deeper, "it has 14 convolutions under 'features', VGG-16 has 13"),
        (wider, "encoder.A0.1.0.weight is (64, 64, 3, 3), the file has (65, 64, 3, 3) for it"),
        (without_a_bias, "it lacks a bias or a normalisation of 128 channels for encoder.A1.0"),
        (not_a_number, "its values for encoder.A1.1.0.weight are not all numbers"),
        (lambda state: {}, "it has 0 convolutions"),
    ],
)
def test_another_network_is_refused_and_nothing_is_filled(
    tmp_path: Path, vgg16: Vgg16Body, vgg16_state: State, spoil: Callable[[State], State], reason: str
) -> None:
    torch.save(spoil(vgg16_state), tmp_path / "other.pth")
    before = {name: tensor.clone() for name, tensor in vgg16.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_pretrained(vgg16, tmp_path / "other.pth")
    assert reason in str(caught.value)
    assert str(tmp_path / "other.pth") in str(caught.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in vgg16.state_dict().items())


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (imagenet_resnet(RESNET152 | {3: (23, 256)}), "it has 23 units in layer3, ResNet-152 has 36"),
        ({k: v for k, v in imagenet_resnet().items() if "layer4.2.conv3" not in k}, "no convolution for"),
        (
            {k: v for k, v in imagenet_resnet().items() if "layer2.5.bn1" not in k},
            "lacks a bias or a normalisation of 128",
        ),
    ],
    ids=["resnet101", "a convolution missing", "a normalisation missing"],
)
def test_another_resnet_is_refused(tmp_path: Path, resnet152: Resnet152Body, state: State, reason: str) -> None:
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=reason):
        load_pretrained(resnet152, tmp_path / "other.pth")


@pytest.mark.parametrize("name", ["noise.pth", "noise.safetensors", "empty.pth", "empty.safetensors"])
def test_a_file_that_is_no_weights_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no tensors here\n" * 99 if "noise" in name else b"")
    with pytest.raises(WeightsError, match="cannot be read as tensors"):
        read_state(tmp_path / name)


class Trap:
    """Unpickled, it would run code."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (eval, ("1 / 0",))


def test_a_pickle_that_runs_code_is_refused_before_it_runs(tmp_path: Path) -> None:
    (tmp_path / "trap.pth").write_bytes(pickle.dumps({"conv1.weight": Trap()}, protocol=2))
    with pytest.raises(WeightsError, match="cannot be read as tensors .UnpicklingError"):
        read_state(tmp_path / "trap.pth")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="holds a list, not a state dict"):
        read_state(tmp_path / "list.pth")


def test_a_missing_file_is_refused(tmp_path: Path, vgg16: Vgg16Body) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_pretrained(vgg16, tmp_path / "none.pth")


def test_the_small_body_has_no_imagenet_twin(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ImageNet twin"):
        load_pretrained(SmallBody(), tmp_path / "vgg16.pth")
