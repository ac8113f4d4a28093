"""What a browser shows while a video is copied for it."""

from __future__ import annotations

from redtrack.errors import counted, printable
from redtrack.review.page import escaped, filled, text_of

__all__ = ["waiting_html"]


def waiting_html(name: str, frames: int) -> str:
    """Returns a page on the tracks of a name, of whose video so many frames are copied."""
    title, so_far = escaped(printable(name)), counted(frames, "frame")
    return filled("waiting.html", style=text_of("page.css"), title=title, so_far=so_far)
