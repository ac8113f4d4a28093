"""Are overlays where the tracks say, after encoding and decoding, and is the sound in step?

    python benchmarks/overlays.py CLIP TRACKS [CLIP TRACKS ...]

Draws each clip's tracks as `redtrack render` does, decodes the drawing, and steps through it frame by frame. Around
every point the drawing is compared with the ideal one: how far, in pixels, would the ideal dot and its lines have to
be shifted to look most like what was decoded (least squares over a window of 9 x 9 px). A drawing of the wrong frame
would show as the motion of the face. Times of frames, and time and content of the sound's packets, are compared with
the source's.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

import redtrack
from redtrack.cli.table import table
from redtrack.render.film import render_video
from redtrack.render.overlay import Overlay, Style, View
from redtrack.tracks import Tracks
from redtrack.video import Video

STYLE = Style(boxes=False, ids=False, mark=None)  # points and lines, as they come
REACH = 4  # px around a point
STEP = 0.25  # px by which the ideal drawing is moved to see how it changes
LUMA = np.array([0.2126, 0.7152, 0.0722])


def ideal(overlay: Overlay, image: np.ndarray, frame: int, dx: float = 0, dy: float = 0) -> np.ndarray:
    """Returns the brightness (H, W) of a frame's ideal drawing, moved by dx, dy px over the picture."""
    drawn = image.copy()
    overlay.draw(drawn, frame, View(-dx, -dy))
    return drawn @ LUMA


def shifts(overlay: Overlay, source: np.ndarray, decoded: np.ndarray, frame: int) -> Iterator[float]:
    """Yields for each point of a frame how far off it was drawn, px."""
    here = ideal(overlay, source, frame)
    slope = np.stack(
        [
            ideal(overlay, source, frame, STEP, 0) - ideal(overlay, source, frame, -STEP, 0),
            ideal(overlay, source, frame, 0, STEP) - ideal(overlay, source, frame, 0, -STEP),
        ],
        axis=-1,
    ) / (2 * STEP)  # (H, W, 2)
    wrong = decoded[: here.shape[0], : here.shape[1]] @ LUMA - here
    for row in overlay.rows(frame):
        for x, y in np.round(overlay.tracks.points[row]).astype(int):
            if REACH <= x < here.shape[1] - REACH and REACH <= y < here.shape[0] - REACH:
                window = np.s_[y - REACH : y + REACH + 1, x - REACH : x + REACH + 1]
                shift = np.linalg.lstsq(slope[window].reshape(-1, 2), wrong[window].ravel(), rcond=None)[0]
                yield float(np.linalg.norm(shift))


def sound_codec(path: Path) -> str | None:
    """Returns what the sound is coded as, None where there is none."""
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.name if container.streams.audio else None


def sound(path: Path) -> list[tuple[float, bytes]]:
    """Returns the time after the first picture, in seconds, and the content of each packet of sound."""
    with av.open(str(path)) as container:
        start = next(container.decode(video=0)).time or 0.0
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        packets = container.demux(container.streams.audio[0])
        return [(float(p.pts * p.time_base) - start, bytes(p)) for p in packets if p.size and p.pts is not None]


def sound_gap(source: Path, drawing: Path) -> str:
    """Returns how far the drawing's sound is from the source's."""
    before, after = sound_codec(source), sound_codec(drawing)
    return packet_gap(source, drawing) if before == after else f"{before} as {after}, {loud_gap(source, drawing)}"


def loud_gap(source: Path, drawing: Path) -> str:
    """Returns by how much the loudness of the two has to be shifted to agree best, in words: to 5 ms."""
    before, after = (loudness(path)[: 200 * 15] for path in (source, drawing))
    size = min(len(before), len(after)) - 80
    fits = [np.corrcoef(before[40 : 40 + size], after[40 + k : 40 + k + size])[0, 1] for k in range(-40, 40)]
    return f"{abs(int(np.argmax(fits)) - 40) * 5} ms"


def loudness(path: Path) -> np.ndarray:
    """Returns the loudness of each 5 ms from the first picture on."""
    with av.open(str(path)) as container:
        start = next(container.decode(video=0)).time or 0.0
    found = np.zeros(0)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray()).mean(axis=0)
            at = ((frame.time or 0.0) - start + np.arange(len(samples)) / frame.sample_rate) * 200
            bins = np.bincount(at[at >= 0].astype(int), samples[at >= 0])
            found = np.pad(found, (0, max(len(bins) - len(found), 0)))
            found[: len(bins)] += bins
    return found


def packet_gap(source: Path, drawing: Path) -> str:
    """Returns how many packets were kept as they were, and the largest difference of their times, in words."""
    after = sound(drawing)
    before = [(time, content) for time, content in sound(source) if time > -0.001][: len(after)]
    if not after:
        return "none"
    same = sum(a[1] == b[1] for a, b in zip(before, after, strict=True))
    gap = max(abs(a[0] - b[0]) for a, b in zip(before, after, strict=True))
    return f"{same} of {len(after)} the same, {gap * 1000:.1f} ms"


def measure(clip: Path, tracks: Tracks, folder: Path) -> list[str]:
    """Returns the row of a clip."""
    drawing = folder / f"{clip.stem}.mkv"
    render_video(clip, tracks, drawing, STYLE)
    overlay = Overlay(tracks, STYLE)
    found: list[float] = []
    apart, frames = 0.0, 0
    for before, after in zip(Video(clip).frames(), Video(drawing).frames(), strict=True):
        apart, frames = max(apart, abs(before.time - after.time)), frames + 1
        found += shifts(overlay, before.image, after.image, before.index)
    off = np.array(found or [np.nan])
    share = f"{100 * (off > 0.5).mean():.2f} %"
    figures = [f"{np.median(off):.3f}", f"{np.quantile(off, 0.99):.3f}", f"{off.max():.3f}", share]
    return [
        clip.name if clip.stem != "vid" else clip.parent.name,
        str(frames),
        str(len(found)),
        *figures,
        f"{apart * 1000:.2f} ms",
        sound_gap(clip, drawing),
    ]


def main() -> None:
    """Prints a row for each clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="CLIP TRACKS", help="clips, each followed by its tracks")
    names = parser.parse_args().files
    if len(names) % 2:
        parser.error("every clip needs its tracks")
    rows = [["clip", "frames", "points", "median px", "99 %", "worst", "> 0.5 px", "time off", "sound, time off"]]
    with tempfile.TemporaryDirectory() as folder:
        for clip, tracks in zip(names[::2], names[1::2], strict=True):
            rows.append(measure(Path(clip), redtrack.load(tracks), Path(folder)))
            print(table([rows[0], rows[-1]], right=range(1, 8)), flush=True)
    print("\n" + table(rows, right=range(1, 8)))


if __name__ == "__main__":
    main()
