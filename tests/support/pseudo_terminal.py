"""What a program writes to a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import redtrack


def surroundings() -> dict[str, str]:
    """Returns the environment of a plain terminal: whatever the tests run in tells nothing of its width."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    return kept | {"PYTHONPATH": str(Path(redtrack.__file__).parent.parent), "TERM": "xterm-256color"}


def shown(call: list[str], columns: int = 80, folder: Path | None = None) -> str:
    """Runs a program on a terminal of so many columns; returns all that it writes there, as it writes it."""
    head, tail = pty.openpty()
    fcntl.ioctl(tail, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    pieces = []
    with subprocess.Popen(call, cwd=folder, env=surroundings(), stdin=tail, stdout=tail, stderr=tail) as process:
        os.close(tail)
        while True:
            try:
                piece = os.read(head, 1 << 16)
            except OSError:  # how Linux tells that the other end is closed
                break
            if not piece:
                break
            pieces.append(piece)
    os.close(head)
    text = b"".join(pieces).decode()
    assert process.returncode == 0, text
    return text
