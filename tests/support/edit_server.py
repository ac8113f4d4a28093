"""The server of `redtrack review --edit` in a process of its own, as a user starts it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """Status, headers by their names in lower case, and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A running server: its process, its address with the token, and the file of what it says on stderr."""

    process: subprocess.Popen[str]
    url: str
    stderr: Path

    @property
    def base(self) -> str:
        """The path of the token, such as /abc/."""
        return urlsplit(self.url).path

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """Sends a request with exactly this path; names of headers have _ for -."""
        with self.opened(path, method, body, **headers) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def page(self, number: int) -> Answer:
        """Asks for a page as browsers do: again and again while it says that its video is copied."""
        while "refresh" in (answer := self.ask(f"{self.base}{number}/")).headers:
            time.sleep(0.1)
        return answer

    @contextmanager
    def opened(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> Iterator[http.client.HTTPResponse]:
        """Yields the answer to a request, of which the body can still be read."""
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        skip = "Host" in named
        connection.putrequest(method, path, skip_host=skip, skip_accept_encoding=True)
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, value in {"Content-Length": str(len(data)), **named}.items():
            connection.putheader(name, value)
        connection.endheaders(data)
        with closing(connection), connection.getresponse() as answer:
            yield answer

    def edit(self, *edits: dict[str, Any], since: int = 0, **headers: str) -> Answer:
        """Sends edits to the first tracks."""
        return self.ask(f"{self.base}0/edits", "POST", {"since": since, "edits": list(edits)}, **headers)

    def interrupt(self) -> tuple[float, str]:
        """Presses Ctrl-C; returns the seconds until the process has ended, and all that it has said on stderr."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        return time.monotonic() - began, self.stderr.read_text()


@contextmanager
def serving(*arguments: str | Path) -> Iterator[Server]:
    """Yields a server of tracks; it is ended in the end, if it still runs."""
    command = [sys.executable, "-m", "redtrack", "review", *map(str, arguments), "--edit", "--no-browser"]
    with tempfile.NamedTemporaryFile("w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, "the server did not start"
            yield Server(process, url, Path(stderr.name))
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
            print(Path(stderr.name).read_text(), file=sys.stderr)
