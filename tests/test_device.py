"""The batch is chosen by what a call needs and what is free."""

import numpy as np
import pytest
import torch
from annotating import SquareModels, square_models

from redtrack.device import cpu, gpu, hardware
from redtrack.errors import DeviceError
from redtrack.inference.options import Options

MIB = 1 << 20


class Gpu:
    """A GPU with so many bytes free, of which each crop of a call takes some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int, each: int) -> None:
        self.models = square_models(device=torch.device("cuda"))
        self.unused = 0  # bytes that torch keeps for later
        self.called: list[int] = []
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 2 * free))
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 100)
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 100 + self.unused)
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 100 + sum(self.called) * each)
        monkeypatch.setattr(torch, "zeros", lambda *shape, device: torch.ones(1).expand(*shape) * 0)
        monkeypatch.setattr(SquareModels, "predict", self._predict)

    def _predict(self, crops: torch.Tensor, lengths: np.ndarray, options: Options) -> None:
        self.called.append(crops.shape[0] * crops.shape[1])


def test_cpu_takes_what_its_caches_like() -> None:
    models = square_models()
    assert models.crops_at_once(Options()) == cpu.CROPS and models.hardware.hold_bytes == cpu.HOLD
    assert models.calls == []


def test_gpu_takes_a_quarter_of_its_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Gpu(monkeypatch, free=4000 * MIB, each=20 * MIB)
    assert own.models.crops_at_once(Options()) == pytest.approx(50, abs=1)
    assert own.called == [10], "one window tells"
    assert hardware(torch.device("cuda")).hold_bytes == 1000 * MIB


def test_memory_that_an_earlier_run_left_to_torch_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Gpu(monkeypatch, free=1000 * MIB, each=20 * MIB)
    own.unused = 3000 * MIB
    assert own.models.crops_at_once(Options()) == pytest.approx(50, abs=1)


def test_a_gpu_without_room_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a video is begun."""

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    own = Gpu(monkeypatch, free=MIB, each=MIB)
    monkeypatch.setattr(SquareModels, "predict", full)
    with pytest.raises(DeviceError, match="cuda has no memory for the networks"):
        own.models.crops_at_once(Options())


@pytest.mark.parametrize(("free", "crops"), [(1, 10), (10**15, gpu.CROPS)])
def test_gpu_takes_a_window_at_least_and_no_more_than_is_of_use(
    monkeypatch: pytest.MonkeyPatch, free: int, crops: int
) -> None:
    assert Gpu(monkeypatch, free, MIB).models.crops_at_once(Options()) == crops
