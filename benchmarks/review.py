"""How large review's page of an hour of one face is, and how long a browser works until it can be used.

    python benchmarks/review.py [HOURS]

The face turns, speaks and jitters by 0.3 % of its eye distance, at 25 frames/s. Prints megabytes; with Playwright and a
Chromium at hand also the seconds of processor time of the page's process until it is ready, and the wall time.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from redtrack.edits import apply_edits
from redtrack.points import MEAN_SHAPE
from redtrack.review.page import Page, page_html
from redtrack.tracks import Tracks

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


def seconds_until_ready(path: Path) -> tuple[float, float]:
    """Returns processor and wall seconds of a headless Chromium from the address to the page that can be used."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = os.environ.get("REDTRACK_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        began = time.monotonic()
        page.goto(path.as_uri(), wait_until="commit")
        page.wait_for_selector("body[data-ready]")
        wall = time.monotonic() - began
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        browser.close()
        return metrics["ProcessTime"], wall


def main() -> None:
    """Writes the page and says what it costs."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.html"
        path.write_text(page_html(Page("hour.h5", apply_edits(speaking_face(round(hours * 3600 * RATE)), []))), "utf-8")
        print(f"page of {hours:g} h of one face: {path.stat().st_size / 1e6:.1f} MB")
        try:
            busy, wall = seconds_until_ready(path)
        except ImportError:
            return
        print(f"until it can be used: {busy:.1f} s of processor time, {wall:.1f} s by the clock")


if __name__ == "__main__":
    main()
