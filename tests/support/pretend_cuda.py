"""A GPU made up on the CPU: tensors that say that they lie on `cuda:0`, compute on the CPU, and are strict about it.

What a real GPU refuses is refused here: operands on two devices, NumPy's view of a tensor that was not brought back,
kernels that CUDA does not have for bytes, and what was made in one stream and is used in another that did not wait.
What it computes is right, autocast's types with it, so that a whole run can be watched. Gradients it has none, and
neither speed nor memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

CUDA = torch.device("cuda:0")
MEMORY = 8 << 30

# Operations that may have operands on both devices: copies, and indices that lie on the CPU.
MIXED = ("copy_", "_to_copy", "index", "index_put", "index_put_", "_index_put_impl_")
# Operations that CUDA has for floating-point numbers only.
FLOATING = ("_upsample_bilinear2d_aa", "upsample_bilinear2d", "avg_pool2d", "grid_sampler_2d", "convolution")

_hidden: ContextVar[bool] = ContextVar("hidden", default=False)  # whether tensors say that they lie nowhere
_stream: ContextVar[str] = ContextVar("stream", default="main")
_waited: set[tuple[str, str]] = set()  # streams that waited for others


class OnCuda(torch.Tensor):
    """A tensor that lies on `cuda:0` for all that asks; `inner` on the CPU holds its numbers."""

    inner: torch.Tensor
    stream: str

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnCuda:
        assert not isinstance(inner, OnCuda), "a tensor on the GPU already"
        # Torch's own code sees a tensor without numbers, for it has no GPU; all that asks is told of one.
        with torch.inference_mode(False):  # what is made there may not be looked at from outside
            shape = torch.empty_strided(inner.shape, inner.stride(), dtype=inner.dtype, device="meta")
            return torch.Tensor._make_subclass(cls, shape, False, dispatch_device=True, device_for_backend_keys=CUDA)

    def __init__(self, inner: torch.Tensor) -> None:
        self.inner, self.stream = inner, _stream.get()

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["inner"], None

    @staticmethod
    def __tensor_unflatten__(tensors: dict[str, torch.Tensor], *_: Any) -> OnCuda:
        return OnCuda(tensors["inner"])

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What wants a real GPU in the build, as indexing does, is told of none and asks again."""
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            args = (args[0], _with_indices_there(args[1]), *args[2:])
        with torch._C.DisableTorchFunctionSubclass():
            try:
                return func(*args, **(kwargs or {}))
            except RuntimeError as error:
                if "not linked with support" not in str(error) or _hidden.get():
                    raise
            token = _hidden.set(True)
            try:
                return func(*args, **(kwargs or {}))
            finally:
                _hidden.reset(token)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


class PretendCuda(TorchDispatchMode):
    """Has what is made on the device lie there, in this thread."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Computes on the CPU; what comes out lies where the operands do, or where it was asked for."""
    if func is torch.ops.prim.device.default:
        return torch.device("meta") if _hidden.get() else CUDA
    leaves = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]
    there = any(isinstance(leaf, OnCuda) for leaf in leaves)
    if there:
        _check(func, leaves)
    if kwargs.get("device") is not None:
        kind = torch.device(kwargs["device"]).type
        there = kind == "cuda" or (kind == "meta" and (there or _hidden.get()))
        kwargs = {**kwargs, "device": torch.device("cpu")} if there else kwargs
    out = _KERNELS.get(func, func)(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    known = {id(leaf.inner): leaf for leaf in leaves if isinstance(leaf, OnCuda)}  # what is changed in place stays
    return tree_map(lambda value: _outer(value, known), out) if there else out


def _check(func: Any, leaves: list[torch.Tensor]) -> None:
    name = func.overloadpacket.__name__
    strangers = [leaf for leaf in leaves if not isinstance(leaf, OnCuda) and leaf.ndim]
    assert not strangers or name in MIXED, f"{name} of tensors on the GPU and on the CPU"
    assert name not in FLOATING or leaves[0].is_floating_point(), f"{name} of {leaves[0].dtype} on a GPU"
    for made_in in {leaf.stream for leaf in leaves if isinstance(leaf, OnCuda)} - {_stream.get()}:
        assert (_stream.get(), made_in) in _waited, f"{name} in stream {_stream.get()} of what {made_in} computes"


def _with_indices_there(key: Any) -> Any:
    """A key whose lists, arrays and tensors are brought to the device, as indexing does with them."""
    if isinstance(key, tuple):
        return tuple(map(_with_indices_there, key))
    there = isinstance(key, list | np.ndarray) or (isinstance(key, torch.Tensor) and not isinstance(key, OnCuda))
    return torch.as_tensor(key).to(CUDA) if there else key


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OnCuda) else value


def _outer(value: Any, known: dict[int, OnCuda]) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return known[id(value)] if id(value) in known else OnCuda(value)


def _lstm(x: torch.Tensor, *how: Any) -> Any:
    """cuDNN's LSTM; what torch has for other types in its place hangs on the version."""
    assert x.dtype in (torch.float32, torch.float16), f"an LSTM in {x.dtype} on a GPU"
    return torch.ops.aten.lstm.input(x, *how)


def _lstm_cell(of_input: torch.Tensor, of_state: torch.Tensor, c: torch.Tensor, *biases: torch.Tensor) -> Any:
    """CUDA's own step of an LSTM: h, c, and what its gradient would want."""
    gates = sum(biases, of_input + of_state)
    ingate, forget, cell, out = gates.chunk(4, -1)
    c = forget.sigmoid() * c + ingate.sigmoid() * cell.tanh()
    return out.sigmoid() * c.tanh(), c, gates


# What the CPU does not have, or has otherwise.
_KERNELS = {torch.ops.aten.lstm.input: _lstm, torch.ops.aten._thnn_fused_lstm_cell.default: _lstm_cell}


class Stream:
    """A stream, which does everything at once."""

    def __init__(self, device: object = None, name: str = "network") -> None:
        self.name = name

    def wait_event(self, event: Event) -> None:
        assert event.of is not None, "an event that was not recorded"
        _waited.add((self.name, event.of))

    def synchronize(self) -> None:
        """All is done."""


class Event:
    """A moment in a stream."""

    of: str | None = None

    def record(self, stream: Stream) -> None:
        self.of = stream.name


@contextmanager
def in_stream(stream: Stream) -> Iterator[None]:
    """Takes the place of `torch.cuda.stream`."""
    token = _stream.set(stream.name)
    try:
        yield
    finally:
        _stream.reset(token)


@contextmanager
def on_device(device: object) -> Iterator[None]:
    """Takes the place of `torch.cuda.device`."""
    yield


class Autocast(torch.autocast):
    """Takes a device's type and not its name, as torch does up to 2.7."""

    def __init__(self, device_type: str, *how: Any, **more: Any) -> None:
        assert device_type in ("cpu", "cuda"), f"autocast for {device_type!r}, which is no type of device"
        super().__init__(device_type, *how, **more)


class Pool(ThreadPoolExecutor):
    """Threads in which the device is there, too."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        def with_device() -> Any:
            with PretendCuda():
                return call(*args, **options)

        return super().submit(with_device)


class Generator(torch.Generator):
    """A generator of the made-up device, which draws on the CPU."""

    def __new__(cls, device: object = "cpu") -> Generator:
        return super().__new__(cls)


def brought_back(module: torch.nn.Module) -> torch.nn.Module:
    """Takes the place of `Module.cpu`, which changes parameters in place and cannot make others of them."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = torch.nn.Parameter(parameter.detach().cpu(), parameter.requires_grad)
        part._buffers.update({name: buffer.cpu() for name, buffer in part._buffers.items() if buffer is not None})
    return module


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """Has the machine have a GPU, `cuda:0`, as long as a test runs."""
    from redtrack.inference import calls

    if torch.cuda.is_available():
        pytest.skip("there is a real one: the tests marked cuda are for it")
    torch._C._ensureCUDADeviceGuardSet()  # in a build for CUDA, where there is no GPU, no driver is asked
    nothing = {"_lazy_init", "empty_cache", "synchronize", "reset_peak_memory_stats"}
    answers = {"is_available": True, "is_bf16_supported": True, "device_count": 1, "get_device_name": "a made-up GPU",
               "mem_get_info": (MEMORY, MEMORY), "memory_allocated": 0, "memory_reserved": 0,
               "max_memory_allocated": 10 << 20}  # fmt: skip
    for name, answer in {**dict.fromkeys(nothing), **answers}.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer, **__: answer)
    streams = {"Stream": Stream, "Event": Event, "stream": in_stream, "device": on_device,
               "current_stream": lambda _=None: Stream(name=_stream.get())}  # fmt: skip
    for name, made_up in streams.items():
        monkeypatch.setattr(torch.cuda, name, made_up)
    monkeypatch.setattr(torch, "autocast", Autocast)
    monkeypatch.setattr(torch, "Generator", Generator)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.backends.cudnn, "is_acceptable", lambda _: False)
    monkeypatch.setattr(calls, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(torch.nn.Module, "cpu", brought_back)
    _waited.clear()
    with torch.no_grad(), PretendCuda():
        yield CUDA
