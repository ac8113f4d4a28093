"""Weights files: a network's config and tensors in safetensors, nothing pickled.

The header's metadata holds `format` ("redtrack-weights"), `format_version`, `writer`, `kind` ("rednet", "detector" or
"dense"; "shape" is `redtrack.shape3d.basis`'s), `config` and `card` (both JSON). Tensors may be stored in half
precision; they are read as float32.
"""

from __future__ import annotations

import hashlib
import json
import math
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.errors import WeightsError, absent

if TYPE_CHECKING:
    from torch import nn

    from redtrack.rednet.config import RedNetConfig

FORMAT = "redtrack-weights"
FORMAT_VERSION = 1
COPY = "copy the file again"
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, AssertionError)  # what a wrong config raises
DEFAULT = {"rednet": "rednet-small", "detector": "facedet"}
_OPTIONS = {"rednet": "--weights", "detector": "--detector"}  # of `redtrack annotate`, that take each kind
FOLDERS = (Path(__file__).parent / "weights", Path(__file__).parent.parent / "weights")  # in a wheel, in a checkout


def find(name: str | Path) -> Path:
    """Returns the file of a shipped network's name, or of a path; raises WeightsError where there is none."""
    path = Path(name)
    if path.suffix == ".safetensors" or path.exists():
        if not path.is_file():
            raise WeightsError(*absent(path, "no such weights file"))
        return path
    there = shipped()
    if str(name) not in there:
        names = ", ".join(sorted(there)) or "none"
        near = "".join(f"did you mean {other}? " for other in get_close_matches(str(name), there, n=1))
        raise WeightsError("no weights of that name", path=name, remedy=f"{near}shipped are: {names}; or give a path")
    return there[str(name)]


def shipped() -> dict[str, Path]:
    """Returns the files of the shipped networks by their names."""
    return {p.stem: p for folder in reversed(FOLDERS) for p in sorted(folder.glob("*.safetensors"))}


def describe(path: str | Path) -> dict[str, Any]:
    """Returns what a weights file says of itself: kind, config, card, versions, parameters. Reads the header only.

    Raises WeightsError for anything that is not a weights file of redtrack.
    """
    path = find(path)
    header = _header(path)
    try:
        return _described(path, header)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"broken weights (their header: {error!r})", path=path, remedy=COPY) from error


def _described(path: Path, header: dict[str, Any]) -> dict[str, Any]:
    meta = header.pop("__metadata__", {})
    if meta.get("format") != FORMAT:
        raise WeightsError("not weights of redtrack", path=path, remedy="use a file that `redtrack train` wrote")
    if int(meta.get("format_version", 0)) > FORMAT_VERSION:
        raise WeightsError("weights of a newer redtrack", path=path, remedy="upgrade redtrack")
    sizes = [math.prod(t["shape"]) for t in header.values() if t["dtype"].startswith(("F", "BF"))]
    return {
        "kind": meta["kind"],
        "config": json.loads(meta["config"]),
        "card": json.loads(meta.get("card", "{}")),
        "format_version": int(meta["format_version"]),
        "writer": meta.get("writer", ""),
        "tensors": len(header),
        "parameters": sum(sizes),
        "size_bytes": path.stat().st_size,
        "digest": digest(path),
    }


def _header(path: Path) -> dict[str, Any]:
    """Returns the JSON header of a safetensors file."""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(10_000_000, path.stat().st_size):
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("a header that is no object")
        ends = (tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__")
        if path.stat().st_size < 8 + length + max(ends, default=0):
            raise WeightsError("broken weights: the file is cut off", path, COPY)
    except (OSError, ValueError, RecursionError, LookupError, TypeError) as error:
        from redtrack.video.signatures import is_video

        what = "is a video, not weights" if is_video(path) else f"unreadable weights ({error})"
        raise WeightsError(what, path, "give a .safetensors file that `redtrack train` wrote") from error
    return header


@lru_cache(maxsize=32)
def _digest(path: Path, _size: int, _modified: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(path: str | Path) -> str:
    """Returns the SHA-256 of a weights file, in hex."""
    path = find(path)
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


def load(name: str | Path | None = None, kind: str = "rednet", device: str = "cpu", *, fused: bool = True) -> nn.Module:
    """Returns the network of a weights file, in eval mode on the device.

    name: a shipped network's name or a path; None is the default of that kind. fused folds the batch norms into the
    convolutions, for inference.
    Raises WeightsError for a missing or unreadable file, another kind, or tensors that do not fit the config.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from redtrack.fuse import fuse

    path = find(name or DEFAULT[kind])
    about = _of_kind(path, kind)
    try:
        tensors = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
        _check_size(kind, about)
        net = build(kind, about["config"])
        net.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, *_BROKEN) as error:
        raise _broken(path, error) from error
    net = net.eval().requires_grad_(False)
    if fused:
        fuse(net)
    return net.to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]


def rednet_config(path: Path) -> RedNetConfig:
    """Returns what makes the landmark network of a weights file, without loading torch. Raises WeightsError."""
    from redtrack.rednet.config import RedNetConfig

    about = _of_kind(path, "rednet")
    try:
        return RedNetConfig.from_dict(about["config"])
    except _BROKEN as error:
        raise _broken(path, error) from error


def axis_of(name: str | Path) -> float:
    """How far the points of a weights file lie off the faces' middle, as its card says; 0 where it does not."""
    return float(describe(name)["card"].get("axis") or 0.0)


def _of_kind(path: Path, kind: str) -> dict[str, Any]:
    """Returns what a weights file says of itself; raises WeightsError for another kind."""
    about = describe(path)
    if (there := about["kind"]) != kind:
        remedy = f"give {kind} weights" + (f", and these as {_OPTIONS[there]}" if there in _OPTIONS else "")
        raise WeightsError(f"weights of a {there}, not of a {kind}", path, remedy)
    return about


def _broken(path: Path, error: Exception) -> WeightsError:
    first = (str(error).strip() or repr(error)).splitlines()[0]
    return WeightsError(f"broken weights ({first})", path=path, remedy=COPY)


def _check_size(kind: str, about: dict[str, Any]) -> None:
    """Raises ValueError where the config asks for a larger network than the file holds, before any memory is taken."""
    import torch

    with torch.device("meta"):
        asked = sum(parameter.numel() for parameter in build(kind, about["config"]).parameters())
    if asked > about["parameters"]:
        raise ValueError(f"a network of {asked} parameters, of which {about['parameters']} are there")


def build(kind: str, config: dict[str, Any]) -> nn.Module:
    """Returns an untrained network of a kind, rednet, dense or detector, from its config; ValueError for another."""
    if kind == "rednet":
        from redtrack.rednet.config import RedNetConfig
        from redtrack.rednet.model import RedNet

        return RedNet(RedNetConfig.from_dict(config))
    if kind == "detector":
        from redtrack.faces.detector import DetectorConfig, FaceDetector

        return FaceDetector(DetectorConfig(**config))
    if kind == "dense":
        from redtrack.rednet.dense import DenseConfig, DenseHead

        return DenseHead(DenseConfig(**config))
    raise ValueError(f"a network of an unknown kind, {kind!r}")


def save(path: str | Path, net: nn.Module, kind: str, card: dict[str, Any], *, half: bool = False) -> None:
    """Writes a network with its config and card; half stores the tensors in 16 bits. Whole or not at all."""
    from dataclasses import asdict

    from safetensors.torch import save_file

    import redtrack

    config: Any = net.config
    values = config.to_dict() if hasattr(config, "to_dict") else asdict(config)
    meta = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "writer": f"redtrack {getattr(redtrack, '__version__', '')}".strip(),
        "kind": kind,
        "config": json.dumps(values),
        "card": json.dumps(card),
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    if half:
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    path = Path(path)
    new = path.with_name(path.name + ".new")
    save_file(tensors, new, metadata=meta)
    new.chmod(0o644)  # safetensors makes it private
    new.replace(path)
