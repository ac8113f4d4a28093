"""The server of --edit: it saves edits, survives a kill, and serves these tracks to this machine's browser only."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from click.testing import CliRunner
from drawn_tracks import face, tracks_of
from edit_server import Server, serving

from redtrack.cli.review import review
from redtrack.edits import Edit, append_edits, edits_path, read_edits
from redtrack.errors import FormatError, UsageError

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def make(folder: Path) -> Path:
    """Makes clip.mp4 and tracks of two faces on it; returns the tracks."""
    source = videos.clip(folder / "clip.mp4")
    points = np.stack([face(x=20, size=40), face(x=90, size=40)] * 24)
    info = {"source": str(source), "width": 160, "height": 120}
    frames = np.repeat(np.arange(24), 2)
    tracks_of(points, ids=[0, 1] * 24, frame=frames, scores=np.full((48, 68), 0.9), info=info).save(folder / "clip.h5")
    return folder / "clip.h5"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of tracks beside which a secret lies, with a link to it."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "secret.txt").write_text("secret")
    os.symlink(folder / "secret.txt", folder / "link.txt")
    with serving(make(folder)) as one:
        yield one


def right(id: str, frame: int) -> dict[str, Any]:
    return {"op": "mark", "id": id, "frame": frame, "face": 0, "as": "right"}


def test_the_page_and_the_video_are_served(server: Server) -> None:
    """The address leads to the only page; the video comes in the ranges that a player asks for."""
    assert server.ask(server.base).headers["location"] == "0/"
    page = server.ask(f"{server.base}0/")
    assert page.status == 200 and b"<canvas" in page.body and page.headers["cache-control"] == "no-store"
    part = server.ask(f"{server.base}0/video", Range="bytes=4-7")
    assert part.status == 206 and part.body == b"ftyp" and part.headers["content-range"].startswith("bytes 4-7/")


def test_without_the_token_nothing_is_served(server: Server) -> None:
    """Neither page nor video nor edits, whatever stands in its place."""
    for path in ("/", "/0/", "/0/video", "/wrong/0/", "/" + server.base.strip("/")[:-1] + "/0/", "//0/video"):
        assert server.ask(path).status == 403, path
    assert server.ask("/0/edits", "POST", {"since": 0, "edits": []}).status == 403


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "0/../secret.txt", "0/../../secret.txt", "0/%2e%2e/secret.txt", "0/..%2fsecret.txt",
     "0/video/../secret.txt", "secret.txt", "0/secret.txt", "link.txt", "0/link.txt", "0/clip.h5", "1/", "1/video",
     "-1/", "0/video%00", "0//etc/passwd", "99999999999999999999/"],
)  # fmt: skip
def test_nothing_but_the_named_videos_is_served(server: Server, path: str) -> None:
    """No path leads to another file: not upwards, not by a link, not the tracks themselves."""
    answer = server.ask(server.base + path)
    assert answer.status in (400, 404) and b"secret" not in answer.body.replace(b"secret.txt", b"")


def test_other_hosts_and_other_sites_are_refused(server: Server) -> None:
    """A name that was pointed to this machine, and a page of another site, get nothing though they know the token."""
    path, port = f"{server.base}0/", server.url.split(":")[2].split("/")[0]
    assert server.ask(path, Host="evil.example").status == 403
    assert server.ask(path, Host=f"evil.example:{port}").status == 403
    assert server.ask(path, Host="127.0.0.1:1").status == 403
    assert server.ask(path, Host=f"localhost:{port}").status == 200
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        assert server.edit(right("evil", 1), **headers).status == 403
        assert server.ask(f"{server.base}0/video", **headers).status == 403
    assert server.edit(Origin=f"http://127.0.0.1:{port}").status == 200
    page = server.ask(path)
    assert page.headers["x-frame-options"] == "DENY" and page.headers["referrer-policy"] == "no-referrer"


def test_it_listens_on_the_loopback_address_only(server: Server) -> None:
    """Another address of this machine does not answer."""
    port = int(server.url.split(":")[2].split("/")[0])
    assert server.url.startswith("http://127.0.0.1:")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:  # free there: nobody listens on all addresses
        other.bind(("127.0.0.2", port))


@pytest.mark.parametrize(
    "body",
    [b"", b"junk", b"[]", b'{"since": 0}', b'{"since": "0", "edits": []}', b'{"since": 0, "edits": [{}]}',
     b'{"since": 0, "edits": [{"op": "warp", "id": "a"}]}', b'{"since": 0, "edits": [' + b"1," * 600_000 + b"1]}"],
    ids=range(8),
)  # fmt: skip
def test_a_request_that_is_no_edit_is_refused(server: Server, body: bytes) -> None:
    """With words, and without a trace in the file."""
    answer = server.ask(f"{server.base}0/edits", "POST", body)
    assert answer.status == 400 and answer.body


def test_edits_are_saved_at_once_and_every_page_hears_of_them(tmp_path: Path) -> None:
    """An edit is on the disk when it is answered; a page of an earlier version is told the frames that changed."""
    tracks = make(tmp_path)
    before = tracks.read_bytes()
    with serving(tracks) as server:
        answer = server.edit(right("a", 3), right("b", 5)).json()
        assert [edit.id for edit in read_edits(edits_path(tracks)).entries] == ["a", "b"]
        assert answer["version"] == 2 and answer["frames"] == [3, 5] and answer["count"] == 2 and answer["last"] == "b"
        assert server.edit(right("b", 5), since=2).json()["unchanged"]  # sent again: the first answer was lost
        append_edits(edits_path(tracks), [Edit("undo", "u", {"of": "a"})])  # another page's
        news = server.ask(f"{server.base}0/edits?since=2").json()
        assert news["version"] == 3 and news["frames"] == [3] and news["count"] == 1 and not news["structure"]
        moved = server.edit({"op": "swap", "id": "s", "face": 0, "other": 1, "frame": 20}, since=3).json()
        assert moved["frames"] == [20, 21, 22, 23]
        merged = server.edit({"op": "merge", "id": "m", "face": 1, "into": 0}, since=4).json()
        assert merged["structure"] and [one["id"] for one in merged["faces"]] == [0]
        assert server.ask(f"{server.base}0/edits?since=99").json()["reload"]
        data = server.ask(f"{server.base}0/data").json()
        assert data["version"] == 5 and data["table"][0]["rows"] == 24
    assert tracks.read_bytes() == before


def test_a_kill_loses_no_edit_that_was_answered(tmp_path: Path) -> None:
    """SIGKILL in the middle: all answered edits are in the file, and the next server goes on with it."""
    tracks = make(tmp_path)
    with serving(tracks) as server:
        for k in range(20):
            assert server.edit(right(f"e{k}", k), since=k).status == 200
        server.process.kill()
    assert len(read_edits(edits_path(tracks))) == 20
    with open(edits_path(tracks), "ab") as file:
        file.write(b'{"op": "mark", "id": "torn", "fra')  # as a kill within a write leaves it
    with serving(tracks) as server:
        assert server.edit(right("after", 22), since=20).json()["frames"] == [22]
    read = read_edits(edits_path(tracks))
    assert len(read) == 21 and read.broken == 1


def test_edits_that_cannot_be_saved_are_told(tmp_path: Path) -> None:
    """A link in the place of the file is not followed out of the folder."""
    tracks = make(tmp_path)
    (tmp_path / "elsewhere").write_text("")
    edits_path(tracks).symlink_to(tmp_path / "elsewhere")
    with serving(tracks) as server:
        answer = server.edit(right("a", 1))
    assert answer.status == 500 and b"cannot be written" in answer.body and (tmp_path / "elsewhere").read_text() == ""


def test_many_tracks_have_an_index(tmp_path: Path) -> None:
    """With a link to each page; what cannot be read has a line with the reason."""
    tracks = make(tmp_path)
    (tmp_path / "bad.h5").write_text("junk")
    with serving(tracks, tmp_path / "bad.h5") as server:
        index = server.ask(server.base)
        assert index.status == 200 and b'href="0/"' in index.body and b"no known format" in index.body
        assert b'"home": "../"' in server.ask(f"{server.base}0/").body
        assert server.ask(f"{server.base}1/").status == 400


def test_what_cannot_be_edited_is_told_before_the_server_starts(tmp_path: Path) -> None:
    """Tracks and edits that cannot be read, and a port that is taken."""
    tracks = make(tmp_path)
    (tmp_path / "bad.h5").write_text("junk")
    done = CliRunner().invoke(review, [str(tmp_path / "bad.h5"), "--edit", "--no-browser"])
    assert isinstance(done.exception, FormatError)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(review, [str(tracks), "--edit", "--no-browser", "--port", port])
    assert isinstance(done.exception, UsageError) and "choose another --port" in str(done.exception)
    edits_path(tracks).write_text('{"op": "warp", "id": "x"}\n')
    done = CliRunner().invoke(review, [str(tracks), "--edit", "--no-browser"])
    assert isinstance(done.exception, FormatError) and "line 1" in str(done.exception)
