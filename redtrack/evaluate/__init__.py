"""Scores of predictions against the truth, by the protocols of the field."""

from redtrack.evaluate.protocol import Protocol
from redtrack.evaluate.score import Pair, Score, score

__all__ = ["Pair", "Protocol", "Score", "score"]
