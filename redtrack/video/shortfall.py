"""Whether a video ended before its content did: what its header promises against what came out of the file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from redtrack.video.ending import Ending, ending

if TYPE_CHECKING:
    from redtrack.video.packets import PacketReader
    from redtrack.video.probe import VideoInfo

# A header may round the length, or count a last frame that was never written: let half a second, or a fiftieth, pass.
_SLACK_SECONDS = 0.5
_SLACK_SHARE = 0.02


def shortfall(info: VideoInfo, reader: PacketReader) -> str | None:
    """Returns in one clause why the video is taken to be cut short; None where it is whole.

    Sizes that the container states decide; only where it states none are frame counts and durations believed, for many
    a header is wrong.
    """
    if os.path.getsize(info.path) != info.size_bytes:
        return "the file changed while it was read"
    if reader.promised_packets and reader.packets >= reader.promised_packets:
        return None
    end = ending(info.path)
    if end is Ending.CUT:
        return f"the file is cut short: {_held(reader)}"
    if reader.read_errors and _is_short(reader):
        return f"the file cannot be read to its end: {_held(reader)}"
    if end is Ending.UNKNOWN and _is_short(reader):
        return f"less came out than the header promises: {_held(reader)}"
    return None


def _is_short(reader: PacketReader) -> bool:
    if reader.promised_seconds is None:
        return bool(reader.promised_packets and reader.packets < reader.promised_packets * (1 - _SLACK_SHARE))
    slack = max(_SLACK_SECONDS, reader.promised_seconds * _SLACK_SHARE)
    return reader.seconds < reader.promised_seconds - slack


def _held(reader: PacketReader) -> str:
    if reader.promised_packets and reader.packets < reader.promised_packets:
        return f"it holds {reader.packets} of {reader.promised_packets} frames"
    if reader.promised_seconds is not None and reader.seconds < reader.promised_seconds:
        return f"it holds {reader.seconds:.1f} of {reader.promised_seconds:.1f} s"
    return f"it holds {reader.seconds:.1f} s"
