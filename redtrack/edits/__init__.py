"""What a person put right in tracks: the file of edits beside them, and tracks with the edits taken in."""

from redtrack.edits.apply import Edited, Mark, apply_edits, extend_edits
from redtrack.edits.edit import MARKS, OPERATIONS, Edit, check_edit
from redtrack.edits.file import SUFFIX, Edits, append_edits, edits_path, find_edits, read_edits

__all__ = [
    "MARKS",
    "OPERATIONS",
    "SUFFIX",
    "Edit",
    "Edited",
    "Edits",
    "Mark",
    "append_edits",
    "apply_edits",
    "check_edit",
    "edits_path",
    "extend_edits",
    "find_edits",
    "read_edits",
]
