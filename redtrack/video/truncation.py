"""Whether a video ended before its content did: what its header promises against what came out of the file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from redtrack.video.container_structure import Chain, Ending, ending, follow_chain

if TYPE_CHECKING:
    from redtrack.video.packets import PacketReader
    from redtrack.video.probe import VideoInfo

# A header may round the length, or count a last frame that was never written: let half a second, or a fiftieth, pass.
_SLACK_SECONDS = 0.5
_SLACK_SHARE = 0.02


def shortfall(info: VideoInfo, reader: PacketReader) -> str | None:
    """Returns in one clause why frames are taken to be lost; None where the video is whole."""
    try:
        return _shortfall(info, reader)
    except OSError as error:
        return f"the file cannot be read any more ({(error.strerror or str(error)).lower()})"


def _shortfall(info: VideoInfo, reader: PacketReader) -> str | None:  # noqa: PLR0911 - one for each finding
    """Returns what `shortfall` does.

    Sizes that the container states decide; only where it states none, and in Matroska, are frame counts and durations
    believed, for many a header is wrong.
    """
    if os.path.getsize(info.path) != info.size_bytes:
        return "the file changed while it was read"
    if holes := reader.holes or reader.pace.torn:
        return f"frames are lost in {holes} {'place' if holes == 1 else 'places'} where the file is damaged"
    if reader.promised_packets and reader.packets >= reader.promised_packets:
        return None
    end = ending(info.path)
    if end is Ending.CUT:
        return f"the file is cut short: {_held(reader)}"
    chain = follow_chain(info.path, reader.heartbeat)
    if chain is Chain.CUT:
        return f"the file is cut short: {_held(reader)}"
    if chain is Chain.BROKEN and (reader.pace.leaps or reader.promised_packets):
        count = f": {_held(reader)}" if reader.packets < (reader.promised_packets or 0) else ""
        return f"frames are lost where the file is damaged{count}"
    if not _is_short(reader):
        return None
    if reader.read_errors:
        return f"the file cannot be read to its end: {_held(reader)}"
    is_believed = end is Ending.UNKNOWN or reader.is_matroska
    return f"less came out than the header promises: {_held(reader)}" if is_believed else None


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
