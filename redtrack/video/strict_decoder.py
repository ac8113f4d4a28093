"""A second, strict decoder, for codecs whose decoder passes over damage in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
from av.codec import CodecContext

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from redtrack.video.packets import VideoPacket

# H.264, MPEG-4 and others flag damaged frames; VP8 and VP9 cannot tell.
_SILENT_CODECS = frozenset({"hevc"})
STRICT = {"err_detect": "explode"}


class StrictDecoder:
    """Says whether a packet is damaged, for streams of silent codecs; for all others it never refuses one.

    Nor does it where it refuses the very first packet: such a stream may just be unusual, with messages to players
    that the decoder does not know, for example.
    """

    def __init__(self, stream: VideoStream) -> None:
        codec = stream.codec_context.codec
        self._context: CodecContext | None = None
        self._is_first = True
        if codec.canonical_name in _SILENT_CODECS:
            self._context = CodecContext.create(codec.name, "r")
            self._context.extradata = stream.codec_context.extradata
            self._context.options = STRICT
            self._context.thread_count = 1

    @property
    def is_needed(self) -> bool:
        """Whether this stream has a codec that is silent about damage."""
        return self._context is not None

    def refuses(self, packet: VideoPacket) -> bool:
        """Returns whether the packet, the next of the stream, is damaged."""
        if self._context is None:
            return False
        was_first, self._is_first = self._is_first, False
        try:
            self._context.decode(packet)  # type: ignore[attr-defined]
        except av.FFmpegError:
            if was_first:
                self._context = None
            return not was_first
        return False
