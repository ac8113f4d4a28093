"""Whether this machine is fit: each part that a run needs is tried; what is wrong comes with what to do about it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from redtrack.errors import RedtrackError, counted

__all__ = ["BAD", "OK", "WARNING", "Finding", "examine"]

OK, WARNING, BAD = "ok", "warning", "bad"
ENOUGH_MEMORY = 2_000_000_000  # bytes, below which a warning is given
ENOUGH_DISK = 1_000_000_000
EXTRAS = {  # what each extra of the package is for, and brings
    "plot": ("plot", ("matplotlib",)),
    "edit": ("review --edit", ("starlette", "uvicorn")),
    "pandas": ("data frames and xarray", ("pandas", "xarray")),
    "parquet": ("Parquet", ("pyarrow",)),
    "deeplabcut": ("DeepLabCut's HDF5", ("pandas", "tables")),
    "nwb": ("NWB", ("pynwb", "ndx-pose")),
    "ray": ("runs on a Ray cluster", ("ray",)),
}


@dataclass(frozen=True)
class Finding:
    """What was found about one part: how it is (ok, warning or bad), what it is, and what to do about it."""

    part: str
    state: str
    text: str
    remedy: str | None = None


def examine(folder: Path) -> Iterator[Finding]:
    """Yields what is found about each part, as it is found. folder: where results would be written."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": _versions,
        "torch": _torch,
        "devices": _devices,
        "FFmpeg": _ffmpeg,
        "weights": _weights,
        "output": lambda: _output(folder),
        "extras": _extras,
    }
    for part, check in checks.items():
        try:
            yield from check()
        except Exception as error:
            words = str(error) if isinstance(error, RedtrackError) else f"{type(error).__name__}: {error}"
            remedy = getattr(error, "remedy", None) or "reinstall redtrack and what it needs, or report this"
            yield Finding(part, BAD, words, None if isinstance(error, RedtrackError) else remedy)


def _versions() -> Iterator[Finding]:
    import redtrack

    python = platform.python_version()
    yield Finding("versions", OK, f"redtrack {redtrack.__version__}, Python {python}, {platform.platform(terse=True)}")
    names = ("numpy", "h5py", "av", "torch", "safetensors", "click", "rich")
    yield Finding("versions", OK, ", ".join(f"{name} {metadata.version(name)}" for name in names))


def _torch() -> Iterator[Finding]:
    import torch

    threads = torch.get_num_threads()
    values = torch.nn.functional.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3))
    works = bool((values == 27).all())  # noqa: PLR2004 - 3 x 3 x 3 ones
    state, remedy = (OK, None) if works else (BAD, "install another build of torch: its convolutions are wrong")
    yield Finding("torch", state, f"torch {torch.__version__} computes on {counted(threads, 'CPU thread')}", remedy)


def _devices() -> Iterator[Finding]:
    import torch

    from redtrack.device import Cpu
    from redtrack.machine import cores, free_memory, jobs_for

    memory = free_memory()
    text = counted(cores(), "core") + ("" if memory is None else f", {memory / 1e9:.1f} GB of memory free")
    if memory is not None and memory < ENOUGH_MEMORY:
        yield Finding("CPU", WARNING, text, "end other programs, or add memory")
    else:
        yield Finding("CPU", OK, f"{text}; --jobs auto is {jobs_for(cores(), memory)}")
    cpu = Cpu(torch.device("cpu"))
    has = {"8 bits (VNNI)": cpu.multiplies_int8, "bfloat16": cpu.is_faster_in_bfloat16}
    words = " and ".join(name for name, there in has.items() if there)
    name = cpu.precision("auto", ranged=True).name
    said = f"the CPU multiplies {words}" if words else "the CPU multiplies neither 8 bits (VNNI) nor bfloat16"
    yield Finding("precision", OK, f"{said}: {name} is the default on it")
    if not torch.cuda.is_available():
        built = torch.version.cuda is not None
        why = "no GPU that this build of torch can use" if built else "this build of torch is for CPUs"
        yield Finding("GPU", OK, f"none: {why}", None)
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = f"cuda:{index} {torch.cuda.get_device_name(index)}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
        yield Finding("GPU", OK if free > ENOUGH_MEMORY else WARNING, name)


def _ffmpeg() -> Iterator[Finding]:
    import av
    import numpy as np

    from redtrack.video import open_video, write_video

    libraries = {name: ".".join(map(str, av.library_versions[name])) for name in ("libavcodec", "libavformat")}
    versions = ", ".join(f"{name} {version}" for name, version in libraries.items())
    missing = [codec for codec in ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg") if codec not in av.codecs_available]
    if missing:
        yield Finding("FFmpeg", WARNING, f"{versions}: no decoder for {', '.join(missing)}", "install PyAV's own wheel")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "try.mp4"
        pictures = [np.full((64, 96, 3), 40 * k, np.uint8) for k in range(4)]
        write_video(path, iter(pictures), rate=25)
        frames = sum(1 for _ in open_video(path).frames())
    state = OK if frames == len(pictures) else BAD
    yield Finding("FFmpeg", state, f"{versions}: encoded 4 frames and decoded {frames} in a process of its own")


def _weights() -> Iterator[Finding]:
    from redtrack import checkpoint

    for kind, name in checkpoint.DEFAULT.items():
        about = checkpoint.describe(name)
        checkpoint.load(name, kind)
        text = f"{name}: {about['parameters'] / 1e6:.2f} million parameters, SHA-256 {about['digest'][:12]}…"
        yield Finding("weights", OK, text)


def _output(folder: Path) -> Iterator[Finding]:
    from redtrack.run.folder import prepare_folder
    from redtrack.run.lock import Lock

    existed = folder.exists()
    prepare_folder(folder)
    try:
        with Lock(folder / "redtrack-doctor.h5") as first, Lock(folder / "redtrack-doctor.h5") as second:
            locks = first.take() and not second.take()
        place = os.statvfs(folder) if hasattr(os, "statvfs") else None
    finally:
        if not existed:
            folder.rmdir()
    free = None if place is None else place.f_bavail * place.f_frsize
    text = "can be written to" + ("" if free is None else f", {free / 1e9:.1f} GB free")
    if free is not None and free < ENOUGH_DISK:
        yield Finding("output", WARNING, f"{folder}: {text}", "free some space or choose another folder")
    elif not locks:
        remedy = "do not start two runs on this folder at once" if sys.platform != "win32" else None
        yield Finding("output", WARNING, f"{folder}: {text}; it knows no locks", remedy)
    else:
        yield Finding("output", OK, f"{folder}: {text}; locks work")


def _extras() -> Iterator[Finding]:
    def named(is_there: bool) -> str:
        chosen = {name: use for name, (use, needed) in EXTRAS.items() if all(map(_version, needed)) == is_there}
        return ", ".join(f"{name} ({use})" for name, use in chosen.items()) or "none"

    yield Finding("extras", OK, f"installed: {named(True)}")
    yield Finding("extras", OK, f"not installed: {named(False)}, as by pip install 'redtrack[nwb]'")


def _version(package: str) -> str | None:
    """Returns the version of a package, None where it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
