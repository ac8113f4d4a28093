"""The page in a real browser: every frame is the one that it says, and it makes no request to anywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from browsers import SEEK, chromium, opened
from drawn_tracks import face

from redtrack.edits import apply_edits
from redtrack.review.film import find_film
from redtrack.review.page import Page, page_html
from redtrack.tracks import Tracks
from redtrack.video import Video

SEEKS = 40


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


CLIPS = {
    "b_frames": lambda folder: videos.b_frames(folder / "b.mp4"),
    "variable_rate": lambda folder: videos.variable_rate(folder / "v.mp4"),
    "late_start": lambda folder: videos.late_start(folder / "l.mp4"),
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
    frames = [random.Random(7).randrange(tracks.frames) for _ in range(SEEKS)]
    with opened(browser, page_of(path, tracks)) as page:
        size = tracks.info["width"], tracks.info["height"]
        numbers = page.evaluate(SEEK, [frames, videos.BITS, *size])
    assert [shown for _, shown in numbers] == frames
    assert [number for number, _ in numbers] == frames
