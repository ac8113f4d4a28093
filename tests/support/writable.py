"""The formats that can be written here."""

import importlib.util

from redtrack.formats import FORMATS

HAS_TABLES = all(importlib.util.find_spec(name) for name in ("pandas", "tables"))
WRITABLE = [name for name in FORMATS if HAS_TABLES or name != "deeplabcut-hdf5"]
"""All formats, less the one whose extra may be missing."""
