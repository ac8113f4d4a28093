"""Putting points right in a real browser: what is dragged is saved, comes back after a reload, and shows elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from browsers import chromium, opened
from drawn_tracks import face, tracks_of
from edit_server import Server, serving

from redtrack.edits import apply_edits, edits_path, read_edits
from redtrack.formats import read
from redtrack.inference.shape import with_shape
from redtrack.tracks import Tracks

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Tracks as annotate writes them, of face 0 in all 24 frames but 12 to 14, and of face 1 in all."""
    source = videos.b_frames(tmp_path / "clip.mp4", 24)
    rows = [(frame, one) for frame in range(24) for one in (0, 1) if one or not 12 <= frame < 15]
    points = np.stack([face(x=12 + frame / 4 if one == 0 else 90, y=45, size=50) for frame, one in rows])
    frame, ids = np.array(rows).T
    info = {"source": str(source), "width": 160, "height": 120}
    made = tracks_of(points, ids=ids, frame=frame, scores=np.full((len(rows), 68), 0.9), info=info)
    with_shape(made).save(tmp_path / "clip.h5")
    return tmp_path / "clip.h5"


@pytest.fixture
def server(tracks: Path) -> Iterator[Server]:
    with serving(tracks) as one:
        yield one


def go(page: Any, frame: int, one: int = 0) -> None:
    """Shows a frame, with a face chosen."""
    page.wait_for_function("() => review.player.ready")
    page.evaluate("([frame, one]) => { review.player.seek(frame); select(one); }", [frame, one])
    page.wait_for_function("frame => review.player.frame === frame && review.player.wanted === null", arg=frame)
    page.wait_for_timeout(100)


def saved(page: Any, count: int) -> None:
    """Waits until the page says that so many edits are saved."""
    page.wait_for_function("count => document.getElementById('saved').textContent.startsWith(`Saved · ${count} edit`)",
                           arg=count)  # fmt: skip


def drag(page: Any, point: int, dx: float, dy: float, one: int = 0) -> None:
    """Drags a point of a face by so many pixels of the video."""
    place = """([one, point]) => {
      const row = review.tracks.find(review.player.frame, one), to = review.placed;
      const box = document.getElementById('picture').getBoundingClientRect();
      return [box.x + row.points[2 * point] * to.sx + to.ox, box.y + row.points[2 * point + 1] * to.sy + to.oy, to.sx];
    }"""
    x, y, scale = page.evaluate(place, [one, point])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx * scale / 2, y)
    page.mouse.move(x + dx * scale, y + dy * scale)
    page.mouse.up()


def point_of(page: Any, frame: int, point: int, one: int = 0) -> list[float]:
    found: list[float] = page.evaluate(
        "([f, one, p]) => Array.from(review.tracks.find(f, one).points.slice(2 * p, 2 * p + 2))", [frame, one, point]
    )
    return found


def now(tracks: Path) -> Tracks:
    """Returns the tracks with the edits that are on the disk."""
    return apply_edits(read(tracks), read_edits(edits_path(tracks)).in_force()).result()


def same_as_shown(page: Any, tracks: Tracks) -> bool:
    """Returns whether the page shows exactly these rows, to the rounding of its points."""
    rows = page.evaluate("""() => {
      const rows = [];
      for (let f = 0; f < review.meta.frames; f++)
        for (const row of review.tracks.at(f))
          if (row.mark !== 3 && row.mark !== 4) rows.push([f, row.face, ...row.points]);
      return rows;
    }""")
    found = np.array(sorted(rows)).reshape(-1, 138)
    ours = np.concatenate([tracks.frame[:, None], tracks.face[:, None], tracks.points.reshape(-1, 136)], axis=1)
    return found.shape == ours.shape and bool(np.abs(found - ours).max() <= page.evaluate("review.meta.step"))


def test_a_drag_is_saved_and_comes_back_after_a_reload(browser: Any, server: Server, tracks: Path) -> None:
    """On the disk to a tenth of a pixel, in the page as before."""
    with opened(browser, server.url) as page:
        go(page, 5)
        before = point_of(page, 5, 8)
        drag(page, 8, 6, 4)
        saved(page, 1)
        placed = now(tracks).dense(0)[5, 8]
        assert np.allclose(placed, np.add(before, [6, 4]), atol=0.5)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert np.allclose(point_of(page, 5, 8), placed, atol=0.1)
        assert page.inner_text("#saved").startswith("Saved · 1 edit")


def test_parts_and_faces_are_dragged_whole(browser: Any, server: Server, tracks: Path) -> None:
    """With their keys; undo and redo go back and forth."""
    with opened(browser, server.url) as page:
        go(page, 3)
        start = now(tracks).dense(0)[3] if edits_path(tracks).exists() else read(tracks).dense(0)[3]
        page.keyboard.press("2")
        drag(page, 36, 0, -5)
        saved(page, 1)
        moved = np.abs(now(tracks).dense(0)[3] - start).max(axis=1) > 1
        assert np.flatnonzero(moved).tolist() == list(range(36, 42))
        page.keyboard.press("3")
        drag(page, 30, 3, 0)
        saved(page, 2)
        assert (np.abs(now(tracks).dense(0)[3] - start).max(axis=1) > 1).all()
        page.keyboard.press("Control+z")
        saved(page, 1)
        assert (np.abs(now(tracks).dense(0)[3] - start).max(axis=1) > 1).sum() == 6
        page.keyboard.press("Control+Shift+z")
        saved(page, 2)
        assert same_as_shown(page, now(tracks))


def test_frames_are_marked_filled_and_interpolated(browser: Any, server: Server, tracks: Path) -> None:
    """Wrong, right, without the face; copied from before; interpolated; what is shown is what Python makes of it."""
    with opened(browser, server.url) as page:
        go(page, 2)
        page.keyboard.press("w")
        saved(page, 1)
        go(page, 3)
        page.click("button[data-mark=absent]")
        saved(page, 2)
        go(page, 12)
        page.keyboard.press("c")
        saved(page, 3)
        drag(page, 8, 0, 5)
        saved(page, 4)
        go(page, 16)
        drag(page, 8, 0, 8)
        saved(page, 5)
        go(page, 14)
        page.keyboard.press("i")
        saved(page, 6)
        result = now(tracks)
        assert sorted({2, 3, 12, 13, 14} & set(result.frame[result.face == 0].tolist())) == [12, 13, 14]
        heights = result.dense(0)[12:17, 8, 1]
        assert (np.diff(heights) > 0).all()
        assert same_as_shown(page, result)


def test_faces_are_named_split_swapped_merged_and_deleted(browser: Any, server: Server, tracks: Path) -> None:
    """By the buttons below the list of faces."""
    with opened(browser, server.url) as page:
        go(page, 10)
        page.click("button[data-face=name]")
        page.fill("#ask input", "Ann")
        page.click("#ask-yes")
        saved(page, 1)
        assert "Ann" in page.inner_text("#faces")
        page.click("button[data-face=split]")
        saved(page, 2)
        page.click("button[data-face=swap]")
        page.select_option("#ask select", "1")
        page.click("#ask-yes")
        saved(page, 3)
        assert same_as_shown(page, now(tracks))
        page.click("button[data-face=merge]")
        page.select_option("#ask select", "2")
        page.click("#ask-yes")
        saved(page, 4)
        page.click("button[data-face=delete]")
        saved(page, 5)
        assert same_as_shown(page, now(tracks)) and len(read_edits(edits_path(tracks))) == 5


def test_two_pages_edit_one_file(browser: Any, server: Server, tracks: Path) -> None:
    """Each keeps its own edit, and shows the other's after a while."""
    with opened(browser, server.url) as one, opened(browser, server.url) as other:
        for page, frame in ((one, 4), (other, 7)):
            go(page, frame)
            drag(page, 8, 5, 5)
        saved(other, 2)
        one.wait_for_function(
            "() => document.getElementById('saved').textContent.startsWith('Saved · 2')", timeout=15000
        )
        assert same_as_shown(one, now(tracks)) and same_as_shown(other, now(tracks))


def test_a_server_that_is_gone_is_told_and_nothing_is_called_saved(browser: Any, server: Server, tracks: Path) -> None:
    """The page keeps the edit and says that it is not saved."""
    with opened(browser, server.url) as page:
        go(page, 5)
        server.process.kill()
        server.process.wait()
        drag(page, 8, 6, 4)
        page.wait_for_function("() => document.getElementById('saved').className === 'bad'")
        assert page.inner_text("#saved").startswith("Not saved")
        page.evaluate("queue.length = 0")  # or the page would ask whether to be left


def test_two_fingers_zoom_and_move_no_point(browser: Any, server: Server, tracks: Path) -> None:
    """The picture grows as they part, also where the first one lay on a point; one finger alone drags."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with opened(browser, server.url, **phone) as page:
        go(page, 3)
        session = page.context.new_cdp_session(page)
        box = page.locator("#picture").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def touch(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": left, "y": top, "id": k} for k, (left, top) in enumerate(places)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        before = page.evaluate("review.placed.scale")
        touch("touchStart", (x - 20, y))
        touch("touchStart", (x - 20, y), (x + 20, y))
        touch("touchMove", (x - 60, y), (x + 60, y))
        page.wait_for_function("before => review.placed.scale > 2 * before", arg=before)
        touch("touchEnd")
        page.wait_for_timeout(100)
        assert not edits_path(tracks).exists()
        page.locator("#picture").dblclick(position={"x": 5, "y": 5})
        page.wait_for_function("before => review.placed.scale === before", arg=before)
        drag(page, 30, 2, 0)
        saved(page, 1)
