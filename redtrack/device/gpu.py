"""A CUDA device, with memory and streams of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from redtrack.device.hardware import Hardware, Precision
from redtrack.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = ["Gpu"]

# A call's hundreds of kernels take milliseconds to ask for, whatever their size; this many crops should keep a GPU busy
# that long. More would wait for more frames: until the first call nothing is done but decoding, and what follows from a
# call comes in one lump, for which the decoder waits. Reckoned, not timed: `benchmarks/gpu_table.py --batch` will tell.
CROPS = 320
SHARE = 0.25  # of the free memory, for a call and for the frames that wait

T = TypeVar("T")


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
        return int(min(max(SHARE * self._free() / max(1.0, each), window), CROPS))

    @property
    def hold_bytes(self) -> int:
        return int(SHARE * self._free())

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


@cache
def _stream_of(device: torch.device) -> torch.cuda.Stream:
    """Returns the network's stream, the same in every run: torch keeps the memory that a stream has used for it."""
    import torch

    return torch.cuda.Stream(device)
