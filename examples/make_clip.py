"""Makes astronaut.mp4: a photograph seen through a camera that pans, zooms, rolls and blinks, for 4 seconds.

The photograph is scikit-image's `astronaut`: Eileen Collins, by NASA, in the public domain. As the camera is known,
so is the motion of every point of her face: astronaut_camera.csv holds a line `frame,a,b,c,d,e,f` a frame, and a point
(x, y) of the photograph is seen at (a x + b y + c, d x + e y + f). Pixels count from 0, the centre of the first.

    python examples/make_clip.py [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 640, 360
RATE = 25  # frames a second
FRAMES = 100
BLINK = {60: 0.75, 61: 0.5, 62: 0.75}  # brightness of the frames that are darker
FACE = (176.0, 62.0, 272.0, 188.0)  # x0 y0 x1 y1 of the face in the photograph, px


def photograph() -> np.ndarray:
    """Returns the still, uint8 (512, 512, 3) RGB."""
    from skimage.data import astronaut

    return np.asarray(astronaut())


def camera(frames: int = FRAMES) -> np.ndarray:
    """Returns (frames, 2, 3) float64, the affine map from the photograph to each frame: x' = A[:, :2] x + A[:, 2]."""
    phase = 2 * np.pi * np.arange(frames) / FRAMES
    zoom = 1.95 - 0.4 * np.cos(phase)
    roll = np.radians(8) * np.sin(phase)
    look_at = np.stack([243 + 22 * np.sin(2 * phase), 132 + 4 * np.cos(phase)], axis=-1)
    turn = np.stack([np.cos(roll), -np.sin(roll), np.sin(roll), np.cos(roll)], axis=-1).reshape(-1, 2, 2)
    linear = zoom[:, None, None] * turn
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    shift = middle - np.einsum("nij,nj->ni", linear, look_at)
    return np.concatenate([linear, shift[:, :, None]], axis=-1)


def views(still: np.ndarray, cameras: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the still as every camera sees it, uint8 (360, 640, 3) RGB, the blink included."""
    from skimage.transform import AffineTransform, warp

    for index, affine in enumerate(cameras):
        to_frame = AffineTransform(matrix=np.vstack([affine, [0, 0, 1]]))
        seen = warp(still, to_frame.inverse, output_shape=(HEIGHT, WIDTH), order=3, mode="edge")
        yield (seen.clip(0, 1) * BLINK.get(index, 1.0) * 255).round().astype(np.uint8)


def write(path: Path, pictures: Iterable[np.ndarray]) -> None:
    """Writes the pictures as h264, `RATE` a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "22", "preset": "veryslow"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main(folder: Path) -> None:
    """Writes the clip and its camera into the folder."""
    cameras = camera()
    write(folder / "astronaut.mp4", views(photograph(), cameras))
    rows = np.column_stack([np.arange(len(cameras)), cameras.reshape(-1, 6)])
    np.savetxt(
        folder / "astronaut_camera.csv",
        rows,
        fmt=["%d"] + ["%.6f"] * 6,
        delimiter=",",
        header="frame,a,b,c,d,e,f",
        comments="",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
