"""The formats that can be written and read here."""

import importlib.util

from redtrack.formats import FORMATS

NEEDS = {"deeplabcut-hdf5": ("pandas", "tables"), "parquet": ("pyarrow",)}
WRITABLE = [
    name
    for name in FORMATS
    if name not in ("nwb", "mediapipe") and all(importlib.util.find_spec(library) for library in NEEDS.get(name, ()))
]
"""All formats, less those whose extra may be missing, and those that are only written or only read."""
