"""How fast each part of the work is on this machine, each alone and all together, on one video.

Every part gets the same frames and boxes; its frames/s say what the whole job could do if nothing else took time.
"""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.formats.writer import write_hdf5
from redtrack.inference.annotate import annotate_with
from redtrack.inference.calls import Threads
from redtrack.inference.frames import CHUNK
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.inference.profile import Profile
from redtrack.inference.tracker import TOGETHER
from redtrack.points import MEAN_SHAPE, SEVEN
from redtrack.render.face import made_up_clip
from redtrack.tracks import Tracks
from redtrack.video import open_video
from redtrack.video.decoder_process import POOL

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.faces import FaceBoxes

__all__ = ["Part", "Report", "bench"]

MOST_FRAMES = 300  # frames that a part alone is measured on; the whole job has all
WARM = 3.0  # seconds of the video that are done before anything is timed: by then the memory is there
HOUR_RATE = 25  # frames/s of the video of which an hour is reckoned
GEMM = 1024  # side of the matrices whose product tells what the machine can do at best


@dataclass(frozen=True)
class Part:
    """One part of the work: frames it handled, seconds it took, and seconds of the processors' time that it used.

    The latter are what a busy machine does not change; all cores and the decoder's process are in them.
    """

    name: str
    frames: int
    seconds: float
    processors: float = 0.0

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class Report:
    """What was measured: the parts, `whole` last, and under which conditions."""

    parts: tuple[Part, ...]
    about: dict[str, Any]
    profile: Profile = field(default_factory=Profile)

    @property
    def done(self) -> list[Part]:
        """The parts that the whole job had to do: where there is no face, nothing is cropped and looked at."""
        faces = self.about.get("faces_per_frame", 1) > 0
        return [part for part in self.parts[:-1] if faces or part.name not in ("cropping", "network")]

    def share(self, part: Part) -> float:
        """The part's time a frame over that of the whole job: on a CPU that of the processors, for which all compete;
        on a GPU by the clock, where they overlap, so that shares may add up to more than 1. 0 where there was no face.
        """
        whole = self.parts[-1]
        if part not in (*self.done, whole):
            return 0.0
        if self.about.get("device") == "CPU" and whole.processors:
            return (part.processors / part.frames) / (whole.processors / whole.frames)
        return whole.rate / part.rate

    def verdict(self) -> str:
        """What limits the whole job, in a sentence."""
        slowest, whole = min(self.done, key=lambda part: part.rate), self.parts[-1]
        return (
            f"The {slowest.name} limits: alone it does {slowest.rate:.0f} frames/s, "
            f"and the whole job {whole.rate:.0f}, {100 * whole.rate / slowest.rate:.0f} % of it."
        )

    @property
    def seconds_an_hour(self) -> float:
        """Time by the clock that the whole job takes for an hour of such video at `HOUR_RATE` frames/s."""
        return 3600 * HOUR_RATE / self.parts[-1].rate

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        parts = [{**asdict(p), "frames_per_second": p.rate, "share": self.share(p)} for p in self.parts]
        spent = {"time_of_whole_job": self.profile.shares(), "profile": self.profile.sentence()}
        hour = {"seconds_an_hour": self.seconds_an_hour, "frames_a_second_of_that_hour": HOUR_RATE}
        return {"parts": parts, "verdict": self.verdict(), **hour, **spent, **self.about}


def bench(
    video: Path | None,
    weights: str | Path | None = None,
    device: str = "auto",
    batch: int | None = None,
    precision: str = "auto",
    decode: str = "auto",
    **chosen: Any,
) -> Report:
    """Measures decoding, detecting, cropping, the network, writing and the whole job, start-up left out.

    video: None is a made-up clip of 640 x 360 with one face. chosen: options as of `redtrack.annotate`.
    Raises RedtrackError for what cannot be read or run.
    """
    with TemporaryDirectory() as folder:
        if video is None:
            video, boxes = made_up_clip(Path(folder))
            chosen["boxes"] = boxes
        options = Options(**chosen)
        # With a detector, whatever the boxes.
        models = Landmarker(weights, device, replace(options, boxes=None), True, precision, decode)
        batch = batch or models.crops_at_once(options)
        annotate_with(models, video, replace(options, end=options.end or (options.start or 0.0) + WARM), batch)
        whole, tracks, profile = measure_whole(models, video, options, batch)
        decoding, frames = measure_decoding(video, models.decoder)
        detecting, faces = measure_detecting(models, frames, options)
        parts = (
            decoding,
            detecting,
            *measure_looking(models, frames, faces, batch, options),
            measure_writing(tracks, Path(folder) / "tracks.h5"),
            whole,
        )
        about = describe(video, models, tracks, batch, options) | {"faces_per_frame": len(faces.frame) / len(frames)}
        return Report(parts, about, profile)


class Stopwatch:
    """Runs from its making on; `part` tells what was done since, once the device has done all that was asked of it."""

    def __init__(self, models: Landmarker | None = None) -> None:
        self._models = models
        self._began, self._used = time.perf_counter(), processor_seconds()

    def part(self, name: str, frames: int) -> Part:
        """Returns the part that ends now."""
        if self._models is not None:
            self._models.hardware.finish()
        return Part(name, frames, time.perf_counter() - self._began, processor_seconds() - self._used)


def processor_seconds() -> float:
    """Returns the processors' time that this process and its decoders have used; the latter where Linux tells it."""
    total = time.process_time()
    for decoder in POOL.idle():
        with suppress(OSError):
            fields = Path(f"/proc/{decoder.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def measure_decoding(path: Path, device: str | None = None) -> tuple[Part, np.ndarray]:
    """Decodes everything, as the whole job does; then again the first frames, uint8 (n, H, W, 3), to keep them."""
    video = open_video(path, device=device)
    watch = Stopwatch()
    count = sum(1 for _ in video.frames())
    return watch.part("decoder", count), np.stack([frame.image.copy() for frame in islice(video.frames(), MOST_FRAMES)])


def measure_whole(models: Landmarker, path: Path, options: Options, batch: int) -> tuple[Part, Tracks, Profile]:
    """The whole job, and where its time went."""
    profile = Profile()
    watch = Stopwatch()
    tracks = annotate_with(models, path, options, batch, profile=profile)
    return watch.part("whole job", len(tracks.times)), tracks, profile


def measure_detecting(models: Landmarker, frames: np.ndarray, options: Options) -> tuple[Part, FaceBoxes]:
    """Following the faces through the frames in one thread, as the job does; also returns the boxes that the job crops,
    those among them in which the network then sees no face: the user's own, if there are such."""
    import torch

    held = torch.from_numpy(frames).to(models.device)
    assert models.detector is not None, "a detector was loaded"
    models.detector.detect(held[:1])
    with Threads(models.hardware):
        watch = Stopwatch(models)
        found = follow(models, held, replace(options, boxes=None))
        part = watch.part("detector", len(frames))
    return part, found if options.boxes is None else follow(models, held, options)


def follow(models: Landmarker, frames: Tensor, options: Options) -> FaceBoxes:
    """Returns the boxes of all faces of frames uint8 (n, H, W, 3), a few chunks at a time."""
    from redtrack.faces import FaceBoxes

    following = models.follower(options)
    parts = [following.push(some, np.zeros(len(some), bool)) for some in frames.split(CHUNK * TOGETHER)]
    parts.append(following.finish())
    names = [column.name for column in fields(FaceBoxes)[:-1]]
    columns: list[Any] = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    return FaceBoxes(*columns)


def measure_looking(
    models: Landmarker, frames: np.ndarray, faces: FaceBoxes, batch: int, options: Options
) -> tuple[Part, Part]:
    """Cutting the crops of every box, and the network on them, in batches and threads as the engine has them.

    Without a box, one crop in the middle of each frame stands for a face."""
    import torch

    rows = np.argsort(faces.face, kind="stable")  # a window is one face's
    at, boxes = faces.frame[rows], faces.boxes[rows]
    if not len(rows):
        (height, width), at = frames.shape[1:3], np.arange(len(frames))
        middle = np.array([width / 3, height / 3, width * 2 / 3, height * 2 / 3], np.float32)
        boxes = np.repeat(middle[None], len(at), 0)
    held, length = torch.from_numpy(frames).to(models.device), options.window
    most = max(length, batch // length * length)
    batches = [slice(start, start + most) for start in range(0, len(at), most)]

    def cut(some: slice) -> tuple[Tensor, np.ndarray]:
        """A batch, window by window, as the engine cuts it: the frames of all at once would not fit."""
        return models.windows(held, at[some], boxes[some], length)

    def look(crops: Tensor, lengths: np.ndarray) -> object:
        """What the network does with windows whose seven points are known, as they are in the job."""
        seven = np.broadcast_to(seven_in_crops(models), (*crops.shape[:2], len(SEVEN), 2))
        return models.predict(crops, lengths, options, seven)

    look(*cut(batches[0]))  # warms
    with Threads(models.hardware) as threads:
        watch = Stopwatch(models)
        crops = [cut(some) for some in batches]
        cropping = watch.part("cropping", len(frames))
        watch = Stopwatch(models)
        for found in [threads.submit(look, *windows) for windows in crops]:
            found.result()
    return cropping, watch.part("network", len(frames))


def seven_in_crops(models: Landmarker) -> np.ndarray:
    """The seven points (7, 2) of the mean face in crop pixels."""
    points: np.ndarray = ((MEAN_SHAPE[list(SEVEN)] - 0.5) / models.crop_scale + 0.5) * models.crop_size
    return points


def measure_writing(tracks: Tracks, path: Path) -> Part:
    """All rows to a native file."""
    watch = Stopwatch()
    write_hdf5(tracks, path)
    return watch.part("writer", len(tracks.times))


def gemm_rate(models: Landmarker) -> float:
    """GFLOP/s of a product of two square matrices in float32: what the machine can do at best."""
    import torch

    a = torch.rand(GEMM, GEMM, device=models.device)
    a @ a  # warms
    watch = Stopwatch(models)
    for _ in range(10):
        a @ a
    return 10 * 2 * GEMM**3 / watch.part("product", 10).seconds / 1e9


def describe(video: Path, models: Landmarker, tracks: Tracks, batch: int, options: Options) -> dict[str, Any]:
    """The conditions that the figures hold for."""
    import av
    import torch

    import redtrack

    return {
        "video": video.name,
        "width": tracks.info["width"],
        "height": tracks.info["height"],
        "frames": len(tracks.times),
        "device": models.hardware.name,
        "threads": torch.get_num_threads(),
        "gemm_gflops": gemm_rate(models),
        "precision": models.precision.name,
        "decode": models.decoder or "cpu",
        "batch": batch,
        "options": options.to_dict(),
        "weights": models.about["weights"],
        "versions": {library.__name__: library.__version__ for library in (redtrack, torch, av)}
        | {"python": platform.python_version()},
    }
