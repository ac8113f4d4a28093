"""Weights files: written whole, read with care, never unpickled."""

import json
import struct

import numpy as np
import pytest
import torch
import videos

from redtrack import checkpoint
from redtrack.errors import WeightsError
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import predict_windows


@pytest.fixture(scope="module")
def net() -> RedNet:
    """A small random network."""
    torch.manual_seed(0)
    return RedNet(RedNetConfig()).eval()


@pytest.fixture
def saved(net, tmp_path):
    """Its weights file."""
    path = tmp_path / "net.safetensors"
    checkpoint.save(path, net, "rednet", {"minutes": 3})
    return path


def test_a_saved_network_gives_the_same_points(net, saved):
    """Saved and loaded, the points are the same."""
    crops, lengths = torch.rand(1, 2, 3, 128, 128), torch.tensor([2])
    loaded = checkpoint.load(saved)
    assert (
        np.abs(predict_windows(net, crops, lengths).points - predict_windows(loaded, crops, lengths).points).max()
        < 0.01
    )


def test_half_precision_halves_the_file_and_hardly_moves_a_point(net, saved, tmp_path):
    """Tensors stored in 16 bits are read as float32."""
    path = tmp_path / "half.safetensors"
    checkpoint.save(path, net, "rednet", {}, half=True)
    assert path.stat().st_size < 0.52 * saved.stat().st_size
    crops, lengths = torch.rand(1, 2, 3, 128, 128), torch.tensor([2])
    moved = predict_windows(net, crops, lengths).points - predict_windows(checkpoint.load(path), crops, lengths).points
    assert np.abs(moved).max() < 0.05


def test_describe_reads_the_header_alone(net, saved):
    """Kind, config, card, parameters and digest come without building the network."""
    about = checkpoint.describe(saved)
    assert about["kind"] == "rednet" and about["card"] == {"minutes": 3}
    assert RedNetConfig.from_dict(about["config"]) == net.config
    assert about["digest"] == checkpoint.digest(saved) and len(about["digest"]) == 64
    assert about["parameters"] >= sum(p.numel() for p in net.parameters())


def test_a_missing_file_and_an_unknown_name_are_told(tmp_path):
    """Neither a path nor a shipped name: one sentence, and what is shipped."""
    with pytest.raises(WeightsError, match="no such weights file"):
        checkpoint.load(tmp_path / "nothing.safetensors")
    with pytest.raises(WeightsError, match="no weights of that name.*shipped"):
        checkpoint.load("nothing-known")


def test_weights_of_another_kind_are_refused(saved):
    """A landmark network is no detector; the option that takes the weights is named."""
    with pytest.raises(WeightsError, match="weights of a rednet, not of a detector; .* these as --weights"):
        checkpoint.load(saved, kind="detector")
    with pytest.raises(WeightsError, match="weights of a detector, not of a rednet; .* these as --detector"):
        checkpoint.load("facedet")


def test_a_video_is_no_weights(tmp_path):
    """It is named for what it is, and not for the header that its first bytes would be."""
    with pytest.raises(WeightsError, match="clip.mp4: is a video, not weights; give a .safetensors file"):
        checkpoint.load(videos.clip(tmp_path / "clip.mp4", 2))


def with_header(path, header: dict) -> None:
    """A file with this header and no tensors."""
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04pickled", struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 4) + b"[12]"]
)
def test_what_is_no_safetensors_file_is_refused(tmp_path, content):
    """Empty files, pickles, absurd header lengths and headers that are no object get a sentence."""
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="unreadable weights"):
        checkpoint.load(path)


def test_foreign_and_newer_weights_are_refused(tmp_path):
    """Other people's tensors, and a format version from the future."""
    path = tmp_path / "other.safetensors"
    with_header(path, {"__metadata__": {"format": "pt"}})
    with pytest.raises(WeightsError, match="not weights of redtrack"):
        checkpoint.load(path)
    with_header(
        path, {"__metadata__": {"format": checkpoint.FORMAT, "format_version": "99", "kind": "rednet", "config": "{}"}}
    )
    with pytest.raises(WeightsError, match="newer redtrack.*upgrade"):
        checkpoint.load(path)


def test_a_truncated_file_is_refused(saved):
    """Half a file is no network."""
    whole = saved.read_bytes()
    saved.write_bytes(whole[: len(whole) // 2])
    for read in (checkpoint.load, checkpoint.describe):
        with pytest.raises(WeightsError, match="broken weights: the file is cut off; copy the file again"):
            read(saved)


def test_the_shipped_weights_load():
    """The default network is in the package and says where it comes from."""
    about = checkpoint.describe(checkpoint.DEFAULT["rednet"])
    assert about["kind"] == "rednet" and about["size_bytes"] < 8_000_000 and about["card"]["validation"]
    assert checkpoint.load().config.body == "small"


@pytest.mark.parametrize(
    "change",
    [
        {"config": "{"},
        {"config": "[]"},
        {"config": '{"body": "huge"}'},
        {"config": '{"steps": 3}'},
        {"format_version": "x"},
        {"kind": None},
    ],
    ids=str,
)
def test_a_spoilt_header_is_refused_in_one_sentence(saved, change):
    """Whatever the header says, it is a WeightsError of one line."""
    header, rest = split(saved)
    meta = header["__metadata__"]
    header["__metadata__"] = {key: value for key, value in (meta | change).items() if value is not None}
    join(saved, header, rest)
    with pytest.raises(WeightsError) as refused:
        checkpoint.load(saved)
    assert len(str(refused.value).splitlines()) == 1


def test_tensors_without_type_or_shape_are_refused(saved):
    """So are entries of the header that are not as safetensors has them."""
    for lost in ("dtype", "shape"):
        header, rest = split(saved)
        del next(entry for name, entry in header.items() if name != "__metadata__")[lost]
        spoilt = saved.with_name(f"no-{lost}.safetensors")
        join(spoilt, header, rest)
        with pytest.raises(WeightsError, match="broken weights"):
            checkpoint.load(spoilt)


def test_a_config_larger_than_its_file_is_refused_before_memory_is_taken(saved, monkeypatch):
    """A hostile header cannot ask for more than the file holds."""
    header, rest = split(saved)
    header["__metadata__"]["config"] = json.dumps({"body": "vgg16", "steps": ["det7", "reg68"]})
    join(saved, header, rest)
    with pytest.raises(WeightsError, match=r"a network of \d+ parameters, of which \d+ are there"):
        checkpoint.load(saved)


def split(path):
    """The header and the rest of a safetensors file."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(path, header, rest):
    """Writes a safetensors file."""
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + rest)


@pytest.mark.parametrize("place", ["header", "config", "card"])
def test_json_that_is_nested_too_deep_is_refused(saved, place):
    """A million brackets are no network, and no crash."""
    header, rest = split(saved)
    deep = "[" * 1_000_000
    if place == "header":
        text = (deep + "]" * 1_000_000).encode()
        saved.write_bytes(struct.pack("<Q", len(text)) + text)
    else:
        header["__metadata__"][place] = deep + "]" * 1_000_000
        join(saved, header, rest)
    for call in (checkpoint.describe, checkpoint.load):
        with pytest.raises(WeightsError):
            call(saved)
