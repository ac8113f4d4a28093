"""Decoding on a GPU gives the same frames, and where it cannot be done the processor does it without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from redtrack.errors import DeviceError
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.video import IsolatedVideo, Video, hardware, pictures
from redtrack.video.container import decode_in_parallel, open_container
from redtrack.video.convert import Converter
from redtrack.video.decode_threaded import Disorder, Picture
from redtrack.video.orientation import Orientation

FRAMES = 30


def images(video: Any) -> np.ndarray:
    return np.stack([frame.image.copy() for frame in video.frames(end=FRAMES / 25 - 0.01)])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_processor_decodes(clip: Path) -> None:
    """The driver is missing, which FFmpeg takes for an error."""
    assert hardware.open_on_gpu(clip, "cuda:0") is None
    assert np.array_equal(images(Video(clip, device="cuda:0")), images(Video(clip)))
    assert np.array_equal(images(IsolatedVideo(clip, device="cuda:0")), images(Video(clip)))


def test_a_gpu_decodes_in_one_thread() -> None:
    """With one for each of many cores it would run out of surfaces, and not begin at all."""
    for on_gpu, threads, kind in ((True, 1, "SLICE"), (False, 0, "AUTO")):
        context = SimpleNamespace(is_hwaccel=on_gpu, thread_count=0, width=640, height=360)
        stream: Any = SimpleNamespace(codec_context=context, thread_type="SLICE")
        decode_in_parallel(stream)
        assert (context.thread_count, stream.thread_type) == (threads, kind)


def test_a_gpu_that_fails_at_the_first_frame_is_given_up(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec's profile that the GPU does not know shows when decoding begins."""
    decode = pictures.decode_parallel
    calls: list[int] = []

    def fails_once(reader: Any) -> Iterator[Picture]:
        calls.append(1)
        if len(calls) == 1:
            raise Disorder
        yield from decode(reader)

    monkeypatch.setattr(pictures, "open_on_gpu", lambda path, *_: open_container(path))
    monkeypatch.setattr(pictures, "decode_parallel", fails_once)
    found = images(Video(clip, device="cuda:0"))
    assert len(calls) == 2 and np.array_equal(found, images(Video(clip)))


def test_a_gpu_that_fails_later_leaves_no_gap(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is kept, and the rest is decoded with care."""
    decode = pictures.decode_parallel

    def fails_later(reader: Any) -> Iterator[Picture]:
        for number, picture in enumerate(decode(reader)):
            if number == 7:
                raise Disorder
            yield picture

    monkeypatch.setattr(pictures, "open_on_gpu", lambda path, *_: open_container(path))
    monkeypatch.setattr(pictures, "decode_parallel", fails_later)
    found = images(Video(clip, device="cuda:0"))
    monkeypatch.undo()
    assert np.array_equal(found, images(Video(clip)))


@pytest.mark.parametrize("told", [(2, 0), (1, 1), (6, 2)], ids=["untold", "BT.709", "BT.601, full range"])
def test_a_gpus_planes_become_the_same_picture(told: tuple[int, int], clip: Path) -> None:
    """It gives colours in one plane (nv12), the processor in two (yuv420p)."""
    with open_container(clip) as container:
        here = next(container.decode(video=0))
    here.colorspace, here.color_range = told
    there = here.reformat(format="nv12")
    convert = Converter(clip, (here.width, here.height), Orientation())
    assert there.format.name == "nv12" and np.array_equal(convert(there), convert(here))


def test_the_networks_have_to_be_on_the_gpu_that_decodes() -> None:
    """Otherwise there is no GPU to choose."""
    with pytest.raises(DeviceError, match="not on a GPU"):
        Landmarker(None, "cpu", Options(), decode="cuda")
    assert Landmarker(None, "cpu", Options(), decode="auto").decoder is None


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_frames(clip: Path) -> None:
    """Within the rounding of its decoder."""
    assert hardware.open_on_gpu(clip, "cuda:0") is not None, "the GPU does not decode H.264"
    apart = np.abs(images(Video(clip, device="cuda:0")).astype(int) - images(Video(clip)))
    assert apart.mean() < 1 and np.quantile(apart, 0.999) < 8
