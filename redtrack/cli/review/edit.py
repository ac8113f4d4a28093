"""`redtrack review --edit`: pages served to this machine's browser, in which points are put right by hand."""

from __future__ import annotations

import secrets
import webbrowser
from pathlib import Path

import click

from redtrack.cli import tell
from redtrack.errors import UsageError


def serve_pages(files: list[Path], video: Path | None, port: int, browser: bool) -> int:
    """Serves the pages until Ctrl-C; prints their address, with the token without which nothing is served."""
    try:
        from redtrack.review.server import LOOPBACK, listen, make_app, serve
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] not in ("starlette", "uvicorn", "anyio"):
            raise
        raise UsageError("--edit needs starlette and uvicorn", remedy="pip install 'redtrack[edit]'") from error

    check_files(files)
    try:
        listening = listen(port)
    except OSError as error:
        raise UsageError(f"port {port} cannot be used", remedy="choose another --port, or none") from error
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(24)
    address = f"http://{LOOPBACK}:{port}/{token}/"
    click.echo(address)
    tell("Edits are saved at once beside the tracks. Ctrl-C ends.")
    app = make_app(files, token, port, video)
    if browser:
        webbrowser.open(address)
    serve(app, listening)
    return 0


def check_files(files: list[Path]) -> None:
    """Raises FormatError where the only tracks, or their edits, cannot be read; of many the index tells it."""
    from redtrack.review.site import read_edited

    if len(files) == 1:
        _, edits = read_edited(files[0])
        if edits.broken:
            tell(f"Warning: {edits.broken} line of the edits was cut short and is left out")
