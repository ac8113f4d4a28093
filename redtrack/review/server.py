"""Pages that edit, served to this machine's browser: on the loopback address, with a token, these videos only.

Every address begins with the token: `/TOKEN/` is the index or the only page, `/TOKEN/N/` the page of the Nth tracks,
`/TOKEN/N/video` its video, `/TOKEN/N/data` its rows; `/TOKEN/N/edits` takes edits (POST) and tells what changed (GET).
A request with another host in its `Host` header (a name that was pointed here) or from another site's page is refused.
"""

from __future__ import annotations

import hmac
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from redtrack.edits import edits_path
from redtrack.errors import FormatError, RedtrackError
from redtrack.review.document import Document
from redtrack.review.index import Entry, entry_of, index_html
from redtrack.review.opening import Documents, Ended
from redtrack.review.page import page_html
from redtrack.review.site import read_edited
from redtrack.review.waiting import waiting_html

__all__ = ["LOOPBACK", "App", "listen", "make_app", "serve"]

LOOPBACK = "127.0.0.1"
LARGEST_REQUEST = 1 << 20  # bytes
_OPEN = 4  # documents that are kept in memory
_GRACE = 1  # s that answers may still take when the server ends, and again as long for what is given up
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Send = Callable[[Any], Awaitable[None]]


def listen(port: int = 0) -> socket.socket:
    """Returns a socket that listens on the loopback address, at any free port for 0; raises OSError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen()  # from now on the browser waits, and is not refused
    except OSError:
        listening.close()
        raise
    return listening


def serve(app: App, listening: socket.socket) -> None:
    """Serves until Ctrl-C or a termination signal; then ends within two seconds, whatever is under way."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # that answers are cut off is no fault
            app.documents.end()
            await super().shutdown(sockets)
            app.documents.wait(_GRACE)

    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=_GRACE)
    Server(config).run(sockets=[listening])


def make_app(files: Sequence[Path], token: str, port: int, video: Path | None = None) -> App:
    """Returns the application that serves and edits tracks; `video` is that of the only file."""
    pages = _Pages(files, video)
    routes = [
        Route("/", pages.home),
        Route("/{number:int}/", pages.page),
        Route("/{number:int}/video", pages.video),
        Route("/{number:int}/data", pages.data),
        Route("/{number:int}/edits", pages.edits, methods=["GET", "POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={RedtrackError: _refused, Ended: _ended})
    return App(app, token, port, pages.documents)


class _Pages:
    """The handlers of requests; each document is read when it is first asked for."""

    def __init__(self, files: Sequence[Path], video: Path | None) -> None:
        self._files = list(files)
        self._lines: dict[tuple[int, tuple[float, ...]], Entry] = {}
        home = "../" if len(self._files) > 1 else None
        self.documents = Documents(lambda number, told: Document(self._files[number], video, home, told), _OPEN)

    def _number(self, request: Request) -> int:
        number: int = request.path_params["number"]
        if number >= len(self._files):
            raise FormatError("there are no such tracks")
        return number

    async def _document(self, request: Request) -> Document:
        return await self.documents.get(self._number(request))

    async def home(self, request: Request) -> Response:
        if len(self._files) == 1:
            return RedirectResponse("0/")
        return HTMLResponse(await run_in_threadpool(self._index))

    def _index(self) -> str:
        return index_html([self._line(number) for number in range(len(self._files))], "Tracks to review")

    def _line(self, number: int) -> Entry:
        """Returns a line of the index; tracks are read again only when they or their edits have changed."""
        self.documents.go_on()
        path = self._files[number]
        key = number, tuple(one.stat().st_mtime for one in (path, edits_path(path)) if one.is_file())
        if key not in self._lines:
            self._lines[key] = _entry(path, f"{number}/")
        return self._lines[key]

    async def page(self, request: Request) -> Response:
        number = self._number(request)
        document = await self.documents.soon(number)
        if document is None:
            text = waiting_html(self._files[number].name, self.documents.frames(number))
            return HTMLResponse(text, headers={"Refresh": "1"})
        return HTMLResponse(await run_in_threadpool(lambda: page_html(document.page())))

    async def video(self, request: Request) -> Response:
        document = await self._document(request)
        return FileResponse(document.video) if document.video else PlainTextResponse("no video", 404)

    async def data(self, request: Request) -> Response:
        document = await self._document(request)
        return JSONResponse(await run_in_threadpool(document.data))

    async def edits(self, request: Request) -> Response:
        document = await self._document(request)
        if request.method == "GET":
            since = request.query_params.get("since", "")
            version = int(since) if since.isascii() and since.isdigit() and len(since) < 10 else -1
            return JSONResponse(await run_in_threadpool(document.since, version))
        sent = await _sent(request)
        return JSONResponse(await run_in_threadpool(document.add, sent["since"], sent["edits"]))


async def _sent(request: Request) -> dict[str, Any]:
    """Returns the version and the edits of a request; raises FormatError for anything else."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_REQUEST:
            raise FormatError("too large")
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FormatError("not JSON") from error
    if not isinstance(sent, dict) or not isinstance(sent.get("edits"), list) or not isinstance(sent.get("since"), int):
        raise FormatError("not a version and a list of edits")
    return sent


def _entry(path: Path, link: str) -> Entry:
    try:
        return entry_of(path.name, link, read_edited(path)[0])
    except RedtrackError as error:
        return Entry(path.name, "failed", reason=error.message)


async def _refused(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 400 if isinstance(error, FormatError) else 500)


async def _ended(request: Request, error: Exception) -> Response:
    return PlainTextResponse("the server has ended", 503)


class App:
    """Lets only requests through that are meant for this server and come from its own pages."""

    def __init__(self, app: Any, token: str, port: int, documents: Documents) -> None:
        self._app = app
        self.documents = documents
        self._token = token.encode()
        self._hosts = {f"{name}:{port}".encode() for name in (LOOPBACK, "localhost")}

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        first, _, rest = path.removeprefix("/").partition("/")
        headers = dict(scope["headers"])
        if headers.get(b"host") not in self._hosts or not self._from_here(headers):
            await PlainTextResponse("not for this server", 403)(scope, receive, send)
        elif not hmac.compare_digest(first.encode(), self._token) or not path.startswith("/"):
            await PlainTextResponse("the address lacks its token", 403)(scope, receive, send)
        elif "/" not in path[1:]:
            await RedirectResponse(f"/{first}/")(scope, receive, send)
        else:
            inner = scope | {"path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": ""}
            await self._app(inner, receive, _with_headers(send))

    def _from_here(self, headers: dict[bytes, bytes]) -> bool:
        """Returns whether no other site's page has sent this, as far as the browser tells."""
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site", b"none")
        return site in (b"none", b"same-origin") and (origin is None or origin.removeprefix(b"http://") in self._hosts)


def _with_headers(send: Send) -> Send:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            more = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
            message = message | {"headers": [*message["headers"], *more]}
        await send(message)

    return sending
