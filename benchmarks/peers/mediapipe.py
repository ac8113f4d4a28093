"""How fast MediaPipe's Face Mesh is on a video, decoded by PyAV as redtrack decodes: one JSON line.

    python benchmarks/peers/mediapipe.py VIDEO [--faces 1]

runs where mediapipe 0.10.14 and av are installed, which may be an environment of its own. The first run warms up, the
second counts. `side_by_side.py` sets it beside redtrack.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]  # our own name


def run(video: Path, faces: int) -> dict[str, float]:
    """One run over the video: frames, frames with a face, seconds by the clock and of the processors."""
    import av
    import mediapipe

    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=faces)
    began, used, frames, found = time.perf_counter(), time.process_time(), 0, 0
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            found += bool(mesh.process(frame.to_ndarray(format="rgb24")).multi_face_landmarks)
            frames += 1
    return {
        "frames": frames, "found": found,
        "seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used,
    }  # fmt: skip


def main() -> None:
    """Prints the second run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--faces", type=int, default=1, help="the most that are followed")
    chosen = parser.parse_args()
    run(chosen.video, chosen.faces)
    print(json.dumps(run(chosen.video, chosen.faces)))


if __name__ == "__main__":
    main()
