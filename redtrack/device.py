"""What differs between a CPU and a GPU: their names, precision, memory and threads. Nothing else asks which one it is.

`hardware(device)` has the differences of a torch device. Another kind of device is another subclass of `Hardware`, in
`KINDS`.

By default a GPU computes with 16 bits. A CPU computes with 8 where it multiplies those (VNNI) and the network has been
measured for it (`rednet.int8`), with 16 where it multiplies bfloat16, else with 32. A result says what it was made
with, and `tests/test_precision.py` by how much that moves points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from redtrack.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = [
    "PRECISIONS", "Cpu", "DeviceGone", "Gpu", "Hardware", "Precision",
    "find_device", "hardware", "is_gone",
]  # fmt: skip

PRECISIONS = ("auto", "fp32", "bf16", "half", "int8")
_TYPES = {"fp32": "float32", "bf16": "bfloat16", "half": "float16"}

# A CPU's caches like small calls: `benchmarks/network.py --threads 1` is faster with `--batch 8` than with 80, and each
# core has calls of its own. One window a call also leaves nothing to be padded.
CPU_CROPS = 10
CPU_HOLD = 1 << 29  # bytes of frames that may wait
CPU_CACHE = 1 << 21  # bytes of float32 pictures that are sampled together: about what the caches near a core hold
# A call's hundreds of kernels take milliseconds to ask for, whatever their size; this many crops should keep a GPU busy
# that long. More would wait for more frames: until the first call nothing is done but decoding, and what follows from a
# call comes in one lump, for which the decoder waits. Reckoned, not timed: `benchmarks/gpu_table.py --batch` will tell.
GPU_CROPS = 320
GPU_SHARE = 0.25  # of the free memory, for a call and for the frames that wait

T = TypeVar("T")


class DeviceGone(Exception):
    """A GPU failed: nothing more can be done on it in this process, so no further video is to be tried."""


def is_gone(error: Exception) -> bool:
    """Returns whether an error says that the device has failed: CUDA answers every later call with the same error."""
    return type(error).__name__ == "AcceleratorError" or str(error).startswith("CUDA error")  # torch 2.8; before it


def find_device(name: str) -> torch.device:
    """Returns the device of a name; `auto` is the first GPU, else the CPU. Raises DeviceError where it is not there."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}", remedy="use auto, cpu, cuda or cuda:N") from error
    if device.type not in KINDS:
        raise DeviceError(f"{name!r} is not supported", remedy="use auto, cpu, cuda or cuda:N")
    hardware(device).check()
    return device


@dataclass(frozen=True)
class Precision:
    """Names of what the body of the landmark network is computed with, and what is around it, the detector included."""

    name: str = "fp32"
    around: str = "fp32"

    @property
    def dtype(self) -> torch.dtype:
        """What is around the body."""
        import torch

        dtype: torch.dtype = getattr(torch, _TYPES[self.around])
        return dtype

    def context(self, device: torch.device) -> AbstractContextManager[Any]:
        """Returns the context in which networks compute so; the maps' last layer stays at 32 bits."""
        import torch

        return nullcontext() if self.around == "fp32" else torch.autocast(device.type, self.dtype)


class Hardware:
    """A device. `resizes_bytes`: whether torch resizes bytes on it; `computes_alone`: whether a thread of the network's
    is to compute without the help of others.
    """

    resizes_bytes = False
    computes_alone = False

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @property
    def name(self) -> str:
        """What a person calls it."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises DeviceError where it cannot be used."""

    def precision(self, name: str, *, ranged: bool = False) -> Precision:
        """Returns what one of `PRECISIONS` means; raises DeviceError where it cannot be had.

        ranged: whether the network has been measured for 8 bits.
        """
        raise NotImplementedError

    @property
    def computes_bfloat16(self) -> bool:
        """Whether it has bfloat16, at whatever pace."""
        raise NotImplementedError

    @property
    def is_faster_in_bfloat16(self) -> bool:
        """Whether bfloat16 gains time."""
        raise NotImplementedError

    def prepare(self, precision: Precision) -> None:
        """Makes the process ready for this precision."""

    def decoder(self, choice: str) -> str | None:
        """Returns the device that decodes videos, None for the CPU; choice is auto, cpu or cuda. Raises DeviceError."""
        raise NotImplementedError

    def crops_at_once(self, window: int, look: Callable[[], object]) -> int:
        """Returns how many crops a call of the network takes; `look` is a call with one window of so many crops."""
        raise NotImplementedError

    @property
    def hold_bytes(self) -> int:
        """The memory that frames may take while they wait; beyond it a smaller batch runs."""
        raise NotImplementedError

    def sampled_together(self, count: int, nbytes: float) -> int:
        """Returns how many of `count` pictures, each of so many bytes, are sampled in one go."""
        return count

    @property
    def threads(self) -> int:
        """How many threads call the network, each with calls of its own."""
        return 1

    def in_turn(self, call: Callable[[], T]) -> Callable[[], T]:
        """Returns the call as a thread of the network's makes it: after all that was asked of the device so far."""
        return call

    def finish(self) -> None:
        """Waits until the device has done all that was asked of it."""

    @contextmanager
    def fits(self) -> Iterator[None]:
        """Makes a DeviceError of a device that is full before anything has begun."""
        import torch

        try:
            yield
        except torch.OutOfMemoryError as error:
            remedy = "free it, or use --device cpu"
            raise DeviceError(f"{self.device} has no memory for the networks", remedy=remedy) from error


class Cpu(Hardware):
    """Cores that share memory. Each makes calls of its own: cores that share one call wait for each other, and the more
    so the busier the machine is.
    """

    resizes_bytes = True
    computes_alone = True
    computes_bfloat16 = True

    @property
    def name(self) -> str:
        return "CPU"

    def precision(self, name: str, *, ranged: bool = False) -> Precision:
        if name == "half":
            raise DeviceError("half precision needs a GPU", remedy="use --precision bf16, or auto")
        if name == "int8" and not self.multiplies_int8:
            raise DeviceError("this CPU does not multiply 8 bits (VNNI)", remedy="use --precision auto")
        if name in ("fp32", "bf16"):
            return Precision(name, name)
        around = "bf16" if self.is_faster_in_bfloat16 else "fp32"
        is_int8 = name == "int8" or (ranged and self.multiplies_int8)
        return Precision("int8" if is_int8 else around, around)

    @property
    def multiplies_int8(self) -> bool:
        """Whether it has the instructions (VNNI), without which sums overflow, and torch the convolutions."""
        import torch

        told = getattr(torch.cpu, "_is_vnni_supported", None)
        convolution = getattr(torch.ops.onednn, "qconv2d_pointwise", None)
        return bool(told and told() and convolution is not None and "binary" in convolution.overloads())

    @property
    def is_faster_in_bfloat16(self) -> bool:
        """Whether it multiplies bfloat16; where it does not, bfloat16 is three times slower than 32 bits."""
        import torch

        told = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(told and told())

    def decoder(self, choice: str) -> str | None:
        if choice == "cuda":
            raise DeviceError("the networks are not on a GPU that could decode", remedy="use --decode cpu")
        return None

    def crops_at_once(self, window: int, look: Callable[[], object]) -> int:
        return CPU_CROPS

    @property
    def hold_bytes(self) -> int:
        return CPU_HOLD

    def sampled_together(self, count: int, nbytes: float) -> int:
        """So many that they stay in the cache."""
        return max(1, int(CPU_CACHE // nbytes))

    @property
    def threads(self) -> int:
        """As many as torch was going to use, or what OMP_NUM_THREADS says."""
        import torch

        return torch.get_num_threads()


class Gpu(Hardware):
    """A CUDA device, with memory and streams of its own."""

    @property
    def name(self) -> str:
        import torch

        return torch.cuda.get_device_name(self.device)

    def check(self) -> None:
        import torch

        if not torch.cuda.is_available():
            remedy = "use --device cpu, or install a CUDA build of torch"
            raise DeviceError("no CUDA device can be used here", remedy=remedy)
        if (self.device.index or 0) >= torch.cuda.device_count():
            last = torch.cuda.device_count() - 1
            raise DeviceError(f"no device {self.device}", remedy=f"the last one is cuda:{last}")

    def precision(self, name: str, *, ranged: bool = False) -> Precision:
        if name == "int8":
            raise DeviceError("8 bits are for CPUs", remedy="use --precision half, or auto")
        if name == "bf16" and not self.computes_bfloat16:
            raise DeviceError("this GPU does not compute in bfloat16", remedy="use --precision half, or auto")
        return Precision("half", "half") if name == "auto" else Precision(name, name)

    @property
    def computes_bfloat16(self) -> bool:
        """GPUs since Ampere do so by themselves."""
        import torch

        return torch.cuda.is_bf16_supported(including_emulation=False)

    @property
    def is_faster_in_bfloat16(self) -> bool:
        return self.computes_bfloat16

    def prepare(self, precision: Precision) -> None:
        """Keeps convolutions of 32 bits from multiplying only 19 of them (TF32), which is torch's default.

        In the whole process: a switch around a call would meet the detector's calls, in another thread, by chance.
        """
        import torch

        if precision.name == "fp32":
            torch.backends.cudnn.allow_tf32 = False

    def decoder(self, choice: str) -> str | None:
        """auto is the CPU for now, until the other has been timed."""
        return f"cuda:{self.device.index or 0}" if choice == "cuda" else None

    def crops_at_once(self, window: int, look: Callable[[], object]) -> int:
        """By what a call needs and what is free; should that be wrong, the engine halves it."""
        import torch

        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        with self.fits():
            look()
        each = (torch.cuda.max_memory_allocated(self.device) - before) / window
        return int(min(max(GPU_SHARE * self._free() / max(1.0, each), window), GPU_CROPS))

    @property
    def hold_bytes(self) -> int:
        return int(GPU_SHARE * self._free())

    def in_turn(self, call: Callable[[], T]) -> Callable[[], T]:
        """In the network's stream, so that the detector need not wait for it, nor it for the detector.

        What the call is given belongs to the main thread's stream, and is kept until the call's results are here.
        """
        import torch

        if not torch.cuda.is_available():  # tests have devices that are not
            return call
        asked_so_far = torch.cuda.Event()
        asked_so_far.record(torch.cuda.current_stream(self.device))

        def called() -> T:
            stream = _stream_of(self.device)
            with torch.cuda.device(self.device), torch.cuda.stream(stream):
                stream.wait_event(asked_so_far)
                result = call()
                stream.synchronize()
                return result

        return called

    def finish(self) -> None:
        import torch

        torch.cuda.synchronize(self.device)

    def _free(self) -> int:
        """Returns the bytes that can be had: what nobody has, and what torch has and does not use."""
        import torch

        unused = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(torch.cuda.mem_get_info(self.device)[0] + unused)


KINDS: dict[str, type[Hardware]] = {"cpu": Cpu, "cuda": Gpu}
"""By torch's name of the kind."""


def hardware(device: torch.device) -> Hardware:
    """Returns what is particular about a device."""
    return KINDS[device.type](device)


@cache
def _stream_of(device: torch.device) -> torch.cuda.Stream:
    """Returns the network's stream, the same in every run: torch keeps the memory that a stream has used for it."""
    import torch

    return torch.cuda.Stream(device)
