"""Supervised identity disentangling, section 3.4 and 4.3."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

VECTOR = 256  # section 4.3
DROPOUT = 0.6


class IdentityHead(nn.Module):
    """f_cls of eq. 12: e_id averaged to a 256-d vector, dropout 0.6, one fully connected layer to N people."""

    def __init__(self, channels: int, pool: int, people: int) -> None:
        super().__init__()
        self.pool = pool
        width = channels * pool * pool
        self.squeeze = nn.Identity() if width == VECTOR else nn.Linear(width, VECTOR)
        self.dropout = nn.Dropout(DROPOUT)
        self.people = nn.Linear(VECTOR, people)

    def vector(self, e_id: Tensor) -> Tensor:
        """The identity representation. (B, C, h, w) -> (B, 256)."""
        return self.squeeze(F.adaptive_avg_pool2d(e_id, self.pool).flatten(1))

    def forward(self, e_id: Tensor) -> Tensor:
        """Scores of the people before the softmax. (B, C, h, w) -> (B, N)."""
        return self.people(self.dropout(self.vector(e_id)))
