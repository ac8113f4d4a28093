"""Steady crops of faces, eyes and mouths: alignments, their ways over time, the crops, and files of them."""

from redtrack.cropping.alignment import ALIGNS, PRESETS, Alignment, make_alignment
from redtrack.cropping.crops import Crop, crops

__all__ = ["ALIGNS", "PRESETS", "Alignment", "Crop", "crops", "make_alignment"]
