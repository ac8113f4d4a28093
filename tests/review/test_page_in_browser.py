"""The page in a real browser: every frame is the one that it says, and it makes no request to anywhere."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from browsers import SEEK, chromium, opened
from drawn_tracks import face
from heads import heads, poses, seen

from redtrack.edits import Edit, apply_edits
from redtrack.inference.shape import with_shape
from redtrack.review.film import find_film
from redtrack.review.index import Entry, entry_of, index_html
from redtrack.review.page import Page, page_html
from redtrack.tracks import Tracks
from redtrack.video import Video

SEEKS = int(os.environ.get("REDTRACK_SEEKS", "12"))  # in each video


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


def tracks_on(path: Path) -> Tracks:
    """Returns tracks of a face in every frame of a video, at the video's own times."""
    video = Video(path)
    times = [frame.time for frame in video.frames()]
    info = {"source": str(path), "width": video.info.width, "height": video.info.height}
    points = np.stack([face(x=40 + k / 4, y=45, size=50) for k in range(len(times))])
    scores = np.full((len(times), 68), 0.9)
    scores[len(times) // 2] = 0.2
    return Tracks.from_rows(np.arange(len(times)), np.zeros(len(times)), points, times, scores=scores, info=info)


def page_of(path: Path, tracks: Tracks | None = None) -> str:
    """Writes the page of a video beside it; returns its address."""
    tracks = tracks_on(path) if tracks is None else tracks
    film, _ = find_film(tracks, path.parent, copy=path.with_suffix(".copy.mp4"))
    page = path.with_suffix(".html")
    page.write_text(page_html(Page(path.stem, apply_edits(tracks, []), film)), "utf-8")
    return page.as_uri()


def large(path: Path) -> Path:
    """40 frames of 1920 x 1080 with B-frames."""
    pictures = [videos.numbered(k, 1920, 1080) for k in range(40)]
    return videos.clip(path, pictures, options={"bf": "3", "g": "12"})


BLUE = """([x, y]) => {
  const canvas = document.getElementById('timeline'), ratio = canvas.width / canvas.clientWidth;
  const place = [Math.round((x + 5) * ratio), Math.round(y * ratio), 1, 1];
  const [r, , b, a] = canvas.getContext('2d').getImageData(...place).data;
  return a ? b - r : 0;
}"""  # how blue a pixel of the time lines is

CLIPS = {
    "b_frames": lambda folder: videos.b_frames(folder / "b.mp4"),
    "variable_rate": lambda folder: videos.variable_rate(folder / "v.mp4"),
    "late_start": lambda folder: videos.late_start(folder / "l.mp4"),
    "edit_list": lambda folder: videos.edit_list(folder / "e.mp4"),
    "rotated": lambda folder: videos.rotated(folder / "r.mp4", 90),
    "webm": lambda folder: videos.clip(folder / "w.webm", 24),
    "copied avi": lambda folder: videos.clip(folder / "a.avi", 24),
    "copied variable rate": lambda folder: videos.variable_rate(folder / "a.mkv"),
    "large": lambda folder: large(folder / "f.mp4"),
}


@pytest.mark.parametrize("clip", CLIPS)
def test_random_seeks_show_the_frame_that_the_page_tells(browser: Any, tmp_path: Path, clip: str) -> None:
    """The number drawn in each frame, read back from the canvas, is that of the frame that was asked for."""
    path = CLIPS[clip](tmp_path)
    tracks = tracks_on(path)
    drawn = [videos.number_of(frame.image) for frame in Video(path).frames()]
    choice = random.Random(7)
    frames = [choice.randrange(tracks.frames) for _ in range(SEEKS)]
    with opened(browser, page_of(path, tracks)) as page:
        size = tracks.info["width"], tracks.info["height"]
        numbers = page.evaluate(SEEK, [frames, videos.BITS, *size])
    assert [shown for _, shown in numbers] == frames
    assert [number for number, _ in numbers] == [drawn[frame] for frame in frames]


def test_a_page_of_a_file_makes_no_request_but_for_its_video(browser: Any, tmp_path: Path) -> None:
    """Whatever is done on it: it plays, steps, zooms, and shows its keys."""
    path = videos.b_frames(tmp_path / "b.mp4")
    url = page_of(path)
    asked: list[str] = []
    context = browser.new_context()
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    for key in ("]", "ArrowRight", "z", "l", "Space", "?", "Escape", "f", "End"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    context.close()
    assert {one for one in asked if not one.startswith("blob:")} <= {url, path.as_uri()}


def test_the_heads_axes_are_drawn_on_the_face(browser: Any, tmp_path: Path) -> None:
    """Where the rows' poses have them, once they are switched on: x red, y green, forward blue."""
    path = videos.clip(tmp_path / "c.mp4", [videos.numbered(k, 640, 480) for k in range(24)])
    tracks = tracks_on(path)
    turns = np.random.default_rng(0).uniform(-1, 1, (24, 3)) * [40, 40, 25]
    tracks = with_shape(replace(tracks, points=seen(heads(24), poses(turns)).astype(np.float32)))
    with opened(browser, page_of(path, tracks)) as page:
        page.wait_for_function("() => review.player.ready")
        page.check("[data-layer=axes]")
        page.uncheck("[data-layer=points]")
        page.wait_for_function("() => new Promise(requestAnimationFrame).then(() => true)")
        drawn = np.array(page.evaluate("Array.from({length: 24}, (_, k) => axesOf(review.tracks.at(k)[0]))"))
        colours = np.array(page.evaluate(AXIS_COLOURS))
    assert np.abs(drawn - tracks.head().axes()).max() < 0.5
    assert (colours.argmax(axis=1) == [0, 1, 2]).all()


AXIS_COLOURS = """
() => {
  const to = review.placed, [start, ...tips] = axesOf(review.tracks.at(0)[0]);
  const context = document.getElementById('picture').getContext('2d');
  const look = (x, y) => [...context.getImageData(x * to.sx + to.ox, y * to.sy + to.oy, 1, 1).data];
  return tips.map((tip) => look(...tip.map((value, k) => (2 * value + start[k]) / 3)).slice(0, 3));
}
"""


def test_playing_shows_the_points_of_the_frame_that_is_seen(browser: Any, tmp_path: Path) -> None:
    """At every picture that was drawn while it played."""
    path = videos.b_frames(tmp_path / "b.mp4")
    with opened(browser, page_of(path)) as page:
        pairs = page.evaluate(WATCH, [videos.BITS, 160, 120])
    assert len({frame for frame, _ in pairs}) >= 3
    assert all(frame == number for frame, number in pairs)


WATCH = """
async ([bits, width, height]) => {
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const player = review.player, context = document.getElementById('picture').getContext('2d'), pairs = [];
  for (let tries = 0; !player.ready && tries < 400; tries++) await wait(25);
  document.getElementById('speed').value = '0.25';
  document.getElementById('play').click();
  for (let k = 0; k < 40; k++) {
    await new Promise(requestAnimationFrame);
    drawPicture();
    const to = review.placed, block = Math.floor(width / bits);
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
      const x = Math.round(block * (bit + 0.5) * to.sx + to.ox), y = Math.round(height / 8 * to.sy + to.oy);
      number += (context.getImageData(x, y, 1, 1).data[1] > 127) << bit;
    }
    pairs.push([player.frame, number]);
    await wait(30);
  }
  return pairs;
}
"""


def test_events_are_marked_on_their_time_lines(browser: Any, tmp_path: Path) -> None:
    """A blink is a band in the line of the eyes, where it lies in time, told by the pointer; the face's are counted."""
    path = videos.clip(tmp_path / "b.mp4", 60)
    tracks = tracks_on(path)
    points = np.stack([face(x=40, y=45, size=50)] * 60)
    for eye in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[30:36, eye] = points[30:36, eye].mean(axis=1, keepdims=True)
    tracks = replace(tracks, points=points.astype(np.float32))
    (blink,) = [event for event in tracks.events(0) if event.kind == "blink"]
    with opened(browser, page_of(path, tracks)) as page:
        assert page.inner_text("#faces").endswith("1 blink")
        box = page.locator("#timeline").bounding_box()
        left, width, told = 74, box["width"] - 74, []
        for time in (blink.onset - 0.2, blink.apex, blink.offset + 0.2):
            x = left + width * time / tracks.times[-1]
            page.mouse.move(box["x"] + x, box["y"] + box["height"] * 0.3)
            told.append(page.get_attribute("#timeline", "title"))
            told.append(page.evaluate(BLUE, [x, (box["height"] - 16) / 5 + 3]))
    assert told[0] == told[4] == "" and told[2].startswith("blink, 0:01.2") and told[3] > max(told[1], told[5]) + 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_video_that_is_gone_leaves_points_on_black(browser: Any, tmp_path: Path, scheme: str) -> None:
    """The page says so, steps and plays all the same; at the size of a telephone nothing is cut off."""
    path = videos.clip(tmp_path / "c.mp4")
    url = page_of(path)
    path.unlink()
    with opened(browser, url, viewport={"width": 390, "height": 844}, color_scheme=scheme) as page:
        page.wait_for_function("() => !document.getElementById('notice').hidden")
        assert "cannot be played" in page.inner_text("#notice")
        page.keyboard.press("End")
        assert page.evaluate("review.player.frame") == 23
        page.keyboard.press("ArrowLeft")
        page.wait_for_function("() => document.getElementById('clock').textContent.startsWith('frame 22')")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_video_of_another_shape_is_told(browser: Any, tmp_path: Path) -> None:
    """As one that took the place of the video after the page was written."""
    path = videos.clip(tmp_path / "c.mp4")
    url = page_of(path)
    videos.clip(path, [videos.numbered(k, 160, 90) for k in range(24)])
    with opened(browser, url) as page:
        page.wait_for_function("() => !document.getElementById('notice').hidden")
        assert "it was changed or is another one" in page.inner_text("#notice")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_index_shows_every_column_at_the_width_of_a_telephone(browser: Any, tmp_path: Path, width: int) -> None:
    """Nothing lies outside the window, in rows or in cards, and what a figure is stands above it or in the head."""
    edited = apply_edits(tracks_on(videos.clip(tmp_path / "in.mp4", 4)), [])
    failed = Entry("a_name_without_a_single_blank_that_is_longer_than_a_line.mp4", "failed", reason="is no video " * 9)
    entries = [entry_of(f"clip{k}.h5", f"clip{k}.html", edited) for k in range(3)] + [failed]
    (tmp_path / "index.html").write_text(index_html(entries, "Tracks in out"), "utf-8")
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    outside = """() => [...document.querySelectorAll("td, td *")].map((one) => one.getBoundingClientRect())
      .filter((box) => box.width === 0 || box.left < 0 || box.right > innerWidth).length"""
    assert page.evaluate(outside) == 0 and page.evaluate("document.documentElement.scrollWidth") == width
    above = """getComputedStyle(document.querySelector("tr:last-child td:nth-child(6)"), "::before").content"""
    assert page.evaluate(above) == ('"disagreement"' if width == 390 else "none")
    page.click("th:nth-child(1)")
    assert page.inner_text("tbody tr:first-child td").startswith("a_name")
    context.close()


def test_names_are_shown_as_text(browser: Any, tmp_path: Path) -> None:
    """A face or a file that is called like markup stays text."""
    path = videos.clip(tmp_path / "<img src=x onerror=alert(1)>.mp4")
    tracks = tracks_on(path)
    film, _ = find_film(tracks, tmp_path)
    edited = apply_edits(tracks, [Edit("name", "a", {"face": 0, "name": "<b>$&</script><script>x"})])
    (tmp_path / "page.html").write_text(page_html(Page("a", edited, film)), "utf-8")
    with opened(browser, (tmp_path / "page.html").as_uri()) as page:
        assert page.inner_text("#title") == path.name
        assert "<b>$&</script><script>x" in page.inner_text("#faces")
        page.wait_for_function("() => review.player.ready")
