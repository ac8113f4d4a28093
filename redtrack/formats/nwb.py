"""NWB (`.nwb`), neurophysiology's format, with its extension ndx-pose. Only written. Needs pynwb and ndx-pose.

The processing module `behavior` holds, for each face, a `PoseEstimation` named `face_0` and so on, with a
`PoseEstimationSeries` for each of the 68 points: pixels of the upright frame, NaN where the face is absent or the point
unknown, its confidence, and as timestamps the true times of all frames; one `Skeleton` has the points' names and lines.

NWB asks for what no video tells: `session_start_time` is the video file's own time of change, or 1970-01-02 where the
video is not there; the subject is a person "unknown" of any age. Set them, and the session's description, before you
publish.

Cannot hold: disagreement, boxes, states.
"""

from __future__ import annotations

import os
import uuid
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import redtrack
from redtrack.errors import FormatError, UsageError
from redtrack.formats.common import PathLike, replacing_path
from redtrack.points import LINES, NAMES
from redtrack.tracks import Tracks

__all__ = ["read_nwb", "write_nwb"]

_CONFIDENCE = (
    "from networks with certainty the probability that the point is off by less than 5 % of the distance of the outer "
    "eye corners, from others the peak of the heat map, 0 to 1; NaN unknown"
)


def write_nwb(tracks: Tracks, path: PathLike) -> None:
    """Writes one NWB file; raises OutputError, and UsageError without pynwb and ndx-pose."""
    pynwb, _ = libraries = _libraries()
    with replacing_path(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynwb warns of the temporary name
        with pynwb.NWBHDF5IO(os.fspath(part), "w") as file:
            file.write(_session(libraries, tracks, Path(path)))


def read_nwb(path: PathLike) -> Tracks:
    """Raises FormatError: NWB is written, not read."""
    raise FormatError("is NWB, which redtrack writes and does not read", path, "read it with pynwb or movement")


def _libraries() -> tuple[Any, Any]:
    try:
        import ndx_pose
        import pynwb
    except ImportError as error:
        raise UsageError("NWB needs pynwb and ndx-pose", remedy="pip install 'redtrack[nwb]'") from error
    return pynwb, ndx_pose


def _session(libraries: tuple[Any, Any], tracks: Tracks, path: Path) -> Any:
    pynwb, pose = libraries
    source = str(tracks.info.get("source") or "")
    session = pynwb.NWBFile(
        session_description=f"68 landmarks of every face in {Path(source).name or 'a video'}",
        identifier=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{tracks.info.get('source_digest')} {path.name}")),
        session_start_time=_start(source),
        experiment_description="Facial landmarks of people in a video",
        keywords=["face", "landmarks", "pose estimation"],
    )
    session.subject = pynwb.file.Subject(
        subject_id="unknown",
        species="Homo sapiens",
        sex="U",
        age="P0Y/",  # from 0 years to any
        description="the people in the video; nothing is known of them",
    )
    behavior = session.create_processing_module("behavior", "Facial landmarks by redtrack")
    lines = [(a, b) for line, closed in LINES for a, b in zip(line, line[1:] + line[:1] * closed, strict=False)]
    skeleton = pose.Skeleton(name="iBUG_68", nodes=list(NAMES), edges=np.array(lines, np.uint8))
    behavior.add(pose.Skeletons(skeletons=[skeleton]))
    for face in tracks.faces:
        behavior.add(_estimation(pose, tracks, face, skeleton))
    return session


def _start(source: str) -> datetime:
    with suppress(OSError, ValueError):
        return datetime.fromtimestamp(os.stat(source).st_mtime, UTC)
    return datetime(1970, 1, 2, tzinfo=UTC)


def _estimation(pose: Any, tracks: Tracks, face: int, skeleton: Any) -> Any:
    points, scores = tracks.dense(face), tracks.dense(face, "scores")
    series: list[Any] = []
    for index, name in enumerate(NAMES):
        about = {
            "reference_frame": "(0, 0) is the centre of the top-left pixel of the upright frame, y down",
            "confidence": scores[:, index],
            "confidence_definition": _CONFIDENCE,
            "unit": "pixels",
            "description": f"point {index} of the iBUG scheme",
        }
        times = series[0] if series else tracks.times  # the others link to the first one's
        series.append(pose.PoseEstimationSeries(name=name, data=points[:, index], timestamps=times, **about))
    return pose.PoseEstimation(
        name=f"face_{face}",
        pose_estimation_series=series,
        description="landmarks of one face in every frame of the video",
        scorer=str(tracks.info.get("weights") or "redtrack"),
        source_software="redtrack",
        source_software_version=redtrack.__version__,
        skeleton=skeleton,
    )
