"""How large review's page of an hour of one face is, and how long a browser takes until it can be used.

    python benchmarks/review.py [--hours 1]

The face turns, speaks and jitters by 0.3 % of its eye distance, at 25 frames/s, over a video of 640 x 360 that plays
astronaut.mp4 over and over. Prints megabytes; with Playwright and a Chromium at hand also, by the browser's own clock,
the seconds from the address to the first frame that is drawn with its points, those of a seek to the middle, and the
processor time of the page's process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from costs import CLIP
from looped import looped

from redtrack.edits import apply_edits
from redtrack.points import MEAN_SHAPE
from redtrack.review.page import Film, Page, page_html
from redtrack.tracks import Tracks
from redtrack.video import Video, write_video

RATE = 25
EYES = 90  # px, distance of the outer eye corners


def speaking_face(frames: int) -> Tracks:
    """Returns tracks of one face that turns, speaks and jitters."""
    rng = np.random.default_rng(0)
    times = np.arange(frames) / RATE
    angle = 0.1 * np.sin(times * 1.7)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(-1, 2, 2)
    across = float(np.linalg.norm(MEAN_SHAPE[45] - MEAN_SHAPE[36]))
    points = np.einsum("fij,pj->fpi", turn, (MEAN_SHAPE - 0.5) * EYES / across)
    points += np.stack([320 + 30 * np.sin(times), 180 + 20 * np.sin(times * 1.3)], -1)[:, None]
    points[:, [*range(55, 60), *range(65, 68)], 1] += np.abs(6 * np.sin(times * 9))[:, None]
    points += rng.normal(size=points.shape) * 0.003 * EYES
    scores = np.clip(0.85 + 0.03 * rng.normal(size=(frames, 68)), 0, 1)
    known = {"scores": scores, "disagreement": np.abs(rng.normal(size=(frames, 68)))}
    known["sigma"] = rng.gamma(4, 0.2, (frames, 68, 1)) * [1, 0, 1]
    info = {"width": 640, "height": 360}
    return Tracks.from_rows(np.arange(frames), np.zeros(frames), points, times, info=info, **known)


WATCH = """
const look = () => {
  const page = window.review;
  if (page && page.placed && page.player.ready) window.drawn = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
SEEK = """
async () => {
  const player = review.player, middle = Math.floor(review.meta.frames / 2), began = performance.now();
  player.seek(middle);
  while (player.frame !== middle || player.wanted !== null) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}
"""


def until_used(path: Path) -> tuple[float, float, float]:
    """Returns seconds: until a frame is drawn, of a seek, and of the page's process on a processor."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = os.environ.get("REDTRACK_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.add_init_script(WATCH)
        page.goto(path.as_uri(), wait_until="commit")
        page.wait_for_function("() => window.drawn")
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        drawn, seek = page.evaluate("window.drawn"), page.evaluate(SEEK)
        browser.close()
        return drawn / 1e3, seek / 1e3, metrics["ProcessTime"]


def main() -> None:
    """Writes the page and its video, and says what they cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0)
    frames = round(parser.parse_args().hours * 3600 * RATE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_video(folder / "part.mp4", (frame.image for frame in Video(CLIP).frames()), rate=RATE)
        looped(folder / "part.mp4", folder / "hour.mp4", frames)
        page = Page("hour.h5", apply_edits(speaking_face(frames), []), Film("hour.mp4"))
        path = folder / "hour.html"
        path.write_text(page_html(page), "utf-8")
        print(f"page of {frames / RATE / 3600:g} h of one face: {path.stat().st_size / 1e6:.1f} MB", flush=True)
        try:
            drawn, seek, busy = until_used(path)
        except ImportError:
            return
        print(f"first frame with points after {drawn:.2f} s, a seek to the middle in {seek:.2f} s; "
              f"{busy:.2f} s of processor time")  # fmt: skip


if __name__ == "__main__":
    main()
