"""A CPU: cores that share memory."""

from __future__ import annotations

from collections.abc import Callable

from redtrack.device.hardware import Hardware, Precision
from redtrack.errors import DeviceError

__all__ = ["Cpu"]

# A CPU's caches like small calls: `benchmarks/network.py --threads 1` is faster with `--batch 8` than with 80, and each
# core has calls of its own. One window a call also leaves nothing to be padded.
CROPS = 10
HOLD = 1 << 29  # bytes of frames that may wait
CACHE = 1 << 21  # bytes of float32 pictures that are sampled together: about what the caches near a core hold


class Cpu(Hardware):
    """Each core makes calls of its own: cores that share one call wait for each other, most when it is busy."""

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
        return CROPS

    @property
    def hold_bytes(self) -> int:
        return HOLD

    def sampled_together(self, count: int, nbytes: float) -> int:
        """So many that they stay in the cache."""
        return max(1, int(CACHE // nbytes))

    @property
    def threads(self) -> int:
        """As many as torch was going to use, or what OMP_NUM_THREADS says."""
        import torch

        return torch.get_num_threads()
