"""Memory of frames is used again, but never while somebody looks at it."""

import gc

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


def test_blocks_of_another_size_are_let_go() -> None:
    """What is kept is of the size that was given back last, and not much of it."""
    buffers = Buffers(4500)
    small, large = [buffers.take((10,)) for _ in range(3)], [buffers.take((1000,)) for _ in range(9)]
    del small
    gc.collect()
    assert {size: len(kept) for size, kept in buffers._spare.items()} == {10: 3}
    del large
    gc.collect()
    assert {size: len(kept) for size, kept in buffers._spare.items()} == {1000: 4}


def test_images_of_any_shape_can_be_had() -> None:
    """An empty shape too."""
    assert Buffers().take((0, 4, 4, 3)).shape == (0, 4, 4, 3)
    assert Buffers().take((3,)).dtype == np.uint8
