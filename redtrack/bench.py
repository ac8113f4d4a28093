"""How fast each part of the work is on this machine, each alone and all together, on one video.

Every part gets the same frames and boxes; its frames/s say what the whole job could do if nothing else took time.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.annotate import annotate
from redtrack.annotate.crop import cut_crops, detector_crop
from redtrack.annotate.models import Models, load_models
from redtrack.annotate.options import Options
from redtrack.annotate.room import crops_at_once
from redtrack.formats.writer import write_hdf5
from redtrack.tracks import Tracks
from redtrack.video import Video, write_video

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Part", "Report", "bench", "made_up_clip"]

MOST_FRAMES = 300  # frames that a part alone is measured on; the whole job has all
GEMM = 1024  # side of the matrices whose product tells what the machine can do at best


@dataclass(frozen=True)
class Part:
    """One part of the work: frames it handled, seconds it took."""

    name: str
    frames: int
    seconds: float

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class Report:
    """What was measured: the parts, `whole` last, and under which conditions."""

    parts: tuple[Part, ...]
    about: dict[str, Any]

    def share(self, part: Part) -> float:
        """The part's seconds a frame over those of the whole job. They overlap: shares may add up to more than 1."""
        return self.parts[-1].rate / part.rate

    def verdict(self) -> str:
        """What limits the whole job, in a sentence."""
        slowest = min(self.parts[:-1], key=lambda part: part.rate)
        whole = self.parts[-1]
        return (
            f"The {slowest.name} limits: alone it does {slowest.rate:.0f} frames/s, "
            f"and the whole job {whole.rate:.0f}, {100 * whole.rate / slowest.rate:.0f} % of it."
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        parts = [{**asdict(p), "frames_per_second": p.rate, "share": self.share(p)} for p in self.parts]
        return {"parts": parts, "verdict": self.verdict(), **self.about}


def bench(
    video: Path | None, weights: str | Path | None = None, device: str = "auto", batch: int | None = None, **chosen: Any
) -> Report:
    """Measures decoding, detecting, cropping, the network, writing and the whole job.

    video: None is a made-up clip of 640 x 360 with one box. chosen: options as of `redtrack.annotate`.
    Raises RedtrackError for what cannot be read or run.
    """
    with TemporaryDirectory() as folder:
        if video is None:
            video, boxes = made_up_clip(Path(folder))
            chosen["boxes"] = boxes
        options = Options(**chosen)
        models = load_models(weights, device, Options())  # with a detector, whatever the boxes
        batch = batch or crops_at_once(models, options)
        decoding, frames = measure_decoding(video)
        annotate(video, weights=weights, device=device, batch=batch, **{**chosen, "end": 0.2})  # warm
        whole, tracks = measure_whole(video, weights, device, batch, chosen)
        parts = (
            decoding,
            measure_detecting(models, frames, options),
            *measure_looking(models, frames, tracks, batch, options),
            measure_writing(tracks, Path(folder) / "tracks.h5"),
            whole,
        )
        return Report(parts, describe(video, models, tracks, batch, options))


@contextmanager
def stopwatch(models: Models | None = None) -> Iterator[Callable[[], float]]:
    """Gives a function that tells the seconds since, once the device has done all that was asked of it."""
    began = time.perf_counter()

    def seconds() -> float:
        if models is not None and models.device.type == "cuda":
            import torch

            torch.cuda.synchronize(models.device)
        return time.perf_counter() - began

    yield seconds


def measure_decoding(path: Path) -> tuple[Part, np.ndarray]:
    """Decodes everything; keeps the first frames, uint8 (n, H, W, 3)."""
    kept: list[np.ndarray] = []
    count = 0
    with stopwatch() as seconds, Video(path) as video:
        for frame in video.frames():
            count += 1
            if len(kept) < MOST_FRAMES:
                kept.append(frame.image)
        part = Part("decoder", count, seconds())
    return part, np.stack(kept)


def measure_whole(
    path: Path, weights: str | Path | None, device: str, batch: int, chosen: dict[str, Any]
) -> tuple[Part, Tracks]:
    """The whole job, without the networks' loading: that of a run over no frames is taken off."""
    with stopwatch() as seconds:
        annotate(path, weights=weights, device=device, batch=batch, **{**chosen, "end": 1e-9})
        loading = seconds()
    with stopwatch() as seconds:
        tracks = annotate(path, weights=weights, device=device, batch=batch, **chosen)
        return Part("whole job", len(tracks.times), max(seconds() - loading, 1e-9)), tracks


def measure_detecting(models: Models, frames: np.ndarray, options: Options) -> Part:
    """The detector on every K-th frame, as frames of video."""
    import torch

    assert models.detector is not None, "a detector was loaded"
    keys = torch.from_numpy(frames[:: options.detect_every]).to(models.device)
    models.detector.detect(keys[:1])
    with stopwatch(models) as seconds:
        models.detector.detect(keys)
        return Part("detector", len(frames), seconds())


def measure_looking(
    models: Models, frames: np.ndarray, tracks: Tracks, batch: int, options: Options
) -> tuple[Part, Part]:
    """Cutting the crops of every row, and the network on them, in batches; as frames of video.

    Without a row, one crop in the middle of each frame stands for a face.
    """
    import torch

    rows = np.flatnonzero(tracks.frame < len(frames))
    at, boxes = tracks.frame[rows], tracks.boxes[rows]
    if not len(rows):
        height, width = frames.shape[1:3]
        at = np.arange(len(frames))
        middle = np.array([width / 3, height / 3, width * 2 / 3, height * 2 / 3], np.float32)
        boxes = np.repeat(middle[None], len(at), 0)
    held = torch.from_numpy(frames).to(models.device)
    length = options.window
    most = max(length, batch // length * length)
    cropping = looking = 0.0
    for start in range(-most, len(at), most):  # the first batch is not counted: it warms
        some = slice(max(start, 0), max(start, 0) + most)
        with stopwatch(models) as seconds:
            crops = cut_crops(held, at[some], detector_crop(boxes[some], models.crop_size))
            cropping += seconds() * (start >= 0)
        with stopwatch(models) as seconds:
            models.predict(*as_windows(crops, length), options)
            looking += seconds() * (start >= 0)
    return Part("cropping", len(frames), cropping), Part("network", len(frames), looking)


def as_windows(crops: Tensor, length: int) -> tuple[Tensor, np.ndarray]:
    """Crops (B, 3, S, S) as windows (N, T, 3, S, S), the last one padded, and their lengths (N,)."""
    n = -(-len(crops) // length)
    padded = crops.new_zeros(n * length, *crops.shape[1:])
    padded[: len(crops)] = crops
    lengths = np.full(n, length)
    lengths[-1] = len(crops) - (n - 1) * length
    return padded.unflatten(0, (n, length)), lengths


def measure_writing(tracks: Tracks, path: Path) -> Part:
    """All rows to a native file."""
    with stopwatch() as seconds:
        write_hdf5(tracks, path)
        return Part("writer", len(tracks.times), seconds())


def gemm_rate(models: Models) -> float:
    """GFLOP/s of a product of two square matrices in float32: what the machine can do at best."""
    import torch

    a = torch.rand(GEMM, GEMM, device=models.device)
    a @ a
    with stopwatch(models) as seconds:
        for _ in range(10):
            a @ a
        return 10 * 2 * GEMM**3 / seconds() / 1e9


def describe(video: Path, models: Models, tracks: Tracks, batch: int, options: Options) -> dict[str, Any]:
    """The conditions that the figures hold for."""
    import av
    import torch

    import redtrack

    device = "CPU" if models.device.type == "cpu" else torch.cuda.get_device_name(models.device)
    return {
        "video": video.name,
        "width": tracks.info["width"],
        "height": tracks.info["height"],
        "frames": len(tracks.times),
        "faces_per_frame": len(tracks.frame) / max(1, len(tracks.times)),
        "device": device,
        "threads": torch.get_num_threads(),
        "gemm_gflops": gemm_rate(models),
        "precision": str(next(models.net.parameters()).dtype).removeprefix("torch."),
        "batch": batch,
        "options": options.to_dict(),
        "weights": models.about["weights"],
        "versions": {
            "redtrack": redtrack.__version__,
            "torch": torch.__version__,
            "av": av.__version__,
            "python": platform.python_version(),
        },
    }


def made_up_clip(folder: Path, frames: int = 200) -> tuple[Path, Path]:
    """Writes a clip of moving stripes, 640 x 360, and a boxes file with one face on each frame; returns both."""
    rows, columns = np.mgrid[:360, :640].astype(np.float32)

    def images() -> Iterator[np.ndarray]:
        for k in range(frames):
            wave = 127 + 120 * np.sin(rows / 17 + k / 9) * np.cos(columns / 23 - k / 7)
            yield np.repeat(wave[..., None], 3, 2).astype(np.uint8)

    clip, boxes = folder / "made_up.mp4", folder / "boxes.csv"
    write_video(clip, images(), np.arange(frames) / 25)
    lines = [f"{k},{200 + k / 4:.1f},80,{360 + k / 4:.1f},290" for k in range(frames)]
    boxes.write_text("frame,x0,y0,x1,y1\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return clip, boxes
