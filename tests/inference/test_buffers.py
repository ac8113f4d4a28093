"""Memory of frames is used again, but never while somebody looks at it."""

import gc
from collections import deque

import numpy as np
import torch

from redtrack.inference.buffers import Buffers


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_is_used_again_once_nobody_looks_at_it() -> None:
    """Neither views nor tensors made of a block lose it; after them it is lent out again."""
    buffers = Buffers()
    block = buffers.take((4, 5, 6, 3))
    where = address(block)
    held = torch.from_numpy(block[:2])[:, 1:3]
    del block
    gc.collect()
    assert address(buffers.take((4, 5, 6, 3))) != where
    del held
    gc.collect()
    assert address(buffers.take((4, 5, 6, 3))) in {where, address(buffers.take((4, 5, 6, 3)))}


def test_not_much_is_kept_and_nothing_of_another_size() -> None:
    """Up to `spare` bytes, and blocks of videos gone by are let go when one of another size is wanted."""
    buffers = Buffers(4500)
    large = [buffers.take((1000,)) for _ in range(9)]
    del large
    gc.collect()
    assert len(buffers._spare) == 4
    taken = buffers.take((10,))
    assert not buffers._spare and len(taken) == 10


def test_blocks_that_come_back_while_one_is_taken_are_lent_out_once() -> None:
    """The garbage collector may run at any moment, in the same thread: nothing waits for itself."""
    buffers = Buffers()
    held = [buffers.take((64,)), buffers.take((64,))]

    class Interrupted(deque):  # type: ignore[type-arg]
        def pop(self) -> object:
            held.clear()
            return super().pop()

    buffers._spare = Interrupted()
    taken = [buffers.take((64,)) for _ in range(3)]
    assert len({address(block) for block in taken}) == 3


def test_images_of_any_shape_can_be_had() -> None:
    """An empty shape too."""
    assert Buffers().take((0, 4, 4, 3)).shape == (0, 4, 4, 3)
    assert Buffers().take((3,)).dtype == np.uint8
