"""A real browser for tests of pages: Debian's Chromium driven by Playwright, or the test is skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = os.environ.get("REDTRACK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yields a headless browser in which pages of files may read the pixels of videos that lie beside them."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, url: str, **options: Any) -> Iterator[Any]:
    """Yields the page at an address once it is ready; an error of its script fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    yield page
    context.close()
    assert not errors


SEEK = """
async ([frames, bits, width, height]) => {
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const player = review.player, canvas = document.getElementById('picture'), context = canvas.getContext('2d');
  for (let tries = 0; !player.ready && tries < 400; tries++) await wait(25);
  const numbers = [];
  for (const frame of frames) {
    player.seek(frame);
    for (let tries = 0; (player.wanted !== null || player.frame !== frame) && tries < 400; tries++) await wait(25);
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    const to = review.placed, block = Math.floor(width / bits);
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
      const x = Math.round(block * (bit + 0.5) * to.sx + to.ox), y = Math.round(height / 8 * to.sy + to.oy);
      number += (context.getImageData(x, y, 1, 1).data[1] > 127) << bit;
    }
    numbers.push([number, player.frame]);
  }
  return numbers;
}
"""
"""Goes to frames one after the other; returns the number that is read back from the canvas, and the page's own."""
