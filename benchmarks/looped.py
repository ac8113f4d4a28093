"""Long videos at no cost: a short film encoded once, and its packets repeated as often as it takes."""

from __future__ import annotations

from pathlib import Path

import av


def looped(part: Path, path: Path, frames: int) -> Path:
    """Writes `frames` frames of the film `part`, over and over, to `path`; it must have a steady rate and no B-frames.

    Each round begins with the film's first frame, which is a key frame.
    """
    with av.open(str(part)) as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        step = packets[1].dts - packets[0].dts
        for number in range(frames):
            model = packets[number % len(packets)]
            packet = av.Packet(bytes(model))
            packet.stream, packet.time_base = stream, model.time_base
            packet.pts = packet.dts = number * step
            packet.duration, packet.is_keyframe = step, model.is_keyframe
            output.mux(packet)
    return path
