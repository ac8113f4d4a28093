"""A start from ImageNet: the encoder of `vgg16` or `resnet152` filled from a state dict that the user has.

Section 5.1: "f_enc was initialized using pre-trained weights of VGG-16 or ResNet-152". Nothing is downloaded.
The names are torchvision's, which timm shares: `vgg16` and `vgg16_bn` (features.0.weight ...), `resnet152`
(layer1.0.conv1.weight ...); .safetensors or anything that `torch.load(weights_only=True)` reads. The picture
is normalised as those networks had it (`model.PIXEL_MEAN`, `PIXEL_STD`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.errors import UsageError, WeightsError
from redtrack.rednet import resnet152, vgg16
from redtrack.rednet.layers import C_IN

NORM = ("weight", "bias", "running_mean", "running_var")
REMEDY = "give the vgg16, vgg16_bn or resnet152 of torchvision or timm, whichever the network's body is"


class Loaded(NamedTuple):
    """The body's names that `load_pretrained` filled and left, the file's names that it had no place for."""

    filled: tuple[str, ...]
    left: tuple[str, ...]
    unused: tuple[str, ...]


class _Misfit(Exception):
    """Why a state dict is not the wanted network's."""


def load_pretrained(body: nn.Module, path: str | os.PathLike[str]) -> Loaded:
    """Fills the body's encoder from an ImageNet file, all of it or, after a WeightsError, none of it.

    The first convolution sees the seven feedback maps too: their weights start at zero. Decoder and skip
    modules keep their start. In evaluation vgg16's encoder is then ImageNet's own; resnet152's is near it, as
    the paper's strides lie elsewhere. `num_batches_tracked` counts in no list.
    """
    if isinstance(body, vgg16.Vgg16Body):
        names = _vgg16_names
    elif isinstance(body, resnet152.Resnet152Body):
        names = _resnet152_names
    else:
        raise UsageError("this body has no ImageNet twin", remedy="take the body vgg16 or resnet152")
    state = read_state(path)
    try:
        theirs = names(state)
        filling = _fold_biases({our: state.get(their) for our, their in theirs.items()})
        _fit(filling, body.state_dict())
    except _Misfit as error:
        raise WeightsError(f"is no start for {type(body).__name__}: {error}", path, REMEDY) from error
    body.load_state_dict(filling, strict=False)
    left = body.state_dict().keys() - filling.keys()
    unused = state.keys() - set(theirs.values())
    return Loaded(tuple(sorted(filling)), _without_counts(left), _without_counts(unused))


def _without_counts(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if not name.endswith("num_batches_tracked")))


def read_state(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU, out of their wrappings "state_dict", "model", "module."."""
    if not Path(path).is_file():
        raise WeightsError("no such file", path)
    try:
        state: Any = _read(Path(path))
    except Exception as error:  # the readers raise whatever the bytes lead them to
        raise WeightsError(f"cannot be read as tensors ({type(error).__name__})", path, REMEDY) from error
    while isinstance(state, Mapping) and (inner := state.get("state_dict", state.get("model"))) is not None:
        state = inner
    if not isinstance(state, Mapping):
        raise WeightsError(f"holds a {type(state).__name__}, not a state dict", path, REMEDY)
    return {str(k).removeprefix("module."): v for k, v in state.items() if isinstance(v, Tensor)}


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _layer(ours: str, conv: str, norm: str) -> dict[str, str]:
    """The names of one convolution, with or without a bias, and of its normalisation."""
    pairs = {f"{ours}.0.weight": f"{conv}.weight", f"{ours}.0.bias": f"{conv}.bias"}
    return pairs | {f"{ours}.1.{part}": f"{norm}.{part}" for part in NORM}


def _vgg16_names(state: Mapping[str, Tensor]) -> dict[str, str]:
    """The body's names -> the file's: `features` numbers its layers, the convolutions are the 4-d weights."""
    ours = [f"encoder.{name}.{i}" for name, filters in vgg16.ENCODER.items() for i in range(len(filters))]
    split = [key.split(".") for key, value in state.items() if value.ndim == 4]
    theirs = sorted(int(key[1]) for key in split if key[0] == "features" and key[1].isdigit())
    if len(theirs) != len(ours):
        raise _Misfit(f"it has {len(theirs)} convolutions under 'features', VGG-16 has {len(ours)}")
    names: dict[str, str] = {}
    for our, n in zip(ours, theirs, strict=True):
        names |= _layer(our, f"features.{n}", f"features.{n + 1}")
    return names


def _resnet152_names(state: Mapping[str, Tensor]) -> dict[str, str]:
    """The body's names -> the file's, where each unit of C1 to C4 is a unit of layer1 to layer4."""
    names = _layer("encoder.C0", "conv1", "bn1")
    for stage, (name, (n, _)) in enumerate(resnet152.ENCODER.items(), start=1):
        depth = len({key.split(".")[1] for key in state if key.startswith(f"layer{stage}.")})
        if depth != n:
            raise _Misfit(f"it has {depth} units in layer{stage}, ResNet-152 has {n}")
        for i in range(n):
            our, their = f"encoder.{name}.{i}", f"layer{stage}.{i}"
            for k in (1, 2, 3):
                names |= _layer(f"{our}.conv{k}", f"{their}.conv{k}", f"{their}.bn{k}")
        down = f"layer{stage}.0.downsample"
        names |= _layer(f"encoder.{name}.0.shortcut", f"{down}.0", f"{down}.1")
    return names


def _fold_biases(found: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
    """The tensors that the body has, whose convolutions have no bias.

    A bias before a normalisation is the running mean less the bias. Without a normalisation in the file ours
    starts as the identity, so that the network in evaluation is ImageNet's to the last digits.
    """
    filling: dict[str, Tensor] = {}
    for name, weight in found.items():
        if not name.endswith(".0.weight"):
            continue
        if weight is None or weight.ndim != 4:
            raise _Misfit(f"it has no convolution for {name}")
        layer = name.removesuffix(".0.weight")
        bias = found[f"{layer}.0.bias"]
        norm = [f"{layer}.1.{part}" for part in NORM]
        filling[name] = weight
        filling |= zip(norm, _norm([found[part] for part in norm], bias, len(weight), layer), strict=True)
    return filling


def _norm(norm: list[Tensor | None], bias: Tensor | None, width: int, layer: str) -> list[Tensor]:
    """Weight, bias, running mean and variance of a layer, the convolution's bias in them."""
    zeros = torch.zeros(width)
    if all(part is None for part in norm) and bias is not None:
        norm = [zeros + 1, zeros, zeros, zeros + 1]
    bias = zeros if bias is None else bias
    parts = [part.float() for part in (*norm, bias) if part is not None and part.shape == zeros.shape]
    if len(parts) != len(NORM) + 1:
        raise _Misfit(f"it lacks a bias or a normalisation of {width} channels for {layer}")
    scale, shift, mean, variance, bias = parts
    return [scale, shift, mean - bias, variance]


def _fit(filling: dict[str, Tensor], body: Mapping[str, Tensor]) -> None:
    """Widens the first convolution for the feedback maps; refuses wrong shapes and what is no number."""
    first = next(iter(filling))
    if filling[first].shape[1] == 3:
        filling[first] = F.pad(filling[first], (0, 0, 0, 0, 0, C_IN - 3))  # (64, 3, k, k) -> (64, 10, k, k)
    for name, value in filling.items():
        wanted, given = tuple(body[name].shape), tuple(value.shape)
        if wanted != given:
            raise _Misfit(f"{name} is {wanted}, the file has {given} for it")
        if not value.isfinite().all():
            raise _Misfit(f"its values for {name} are not all numbers")
