"""Pictures in which the landmarks are seen: black, with a white blob on some of them."""

import numpy as np
import torch

from redtrack.points import MEAN_SHAPE


def dotted_faces(n: int = 3, size: int = 224) -> tuple[torch.Tensor, np.ndarray]:
    """Black pictures with a white blob on each landmark of a mean face."""
    points = np.repeat(MEAN_SHAPE[None] * 100 + 62, n, 0).astype(np.float32)
    rows, columns = np.mgrid[:size, :size]
    blobs = [np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 6) for x, y in points[0, [8, 30, 36, 45]]]
    image = (255 * np.clip(sum(blobs), 0, 1)).astype(np.uint8)
    return torch.from_numpy(np.broadcast_to(image, (n, 3, size, size)).copy()), points
