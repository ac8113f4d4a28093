"""Videos in and out: every frame with its true time, pictures, shot cuts, and encoding."""

from redtrack.video.ahead import read_ahead
from redtrack.video.decode import DecodeReport, Frame, Video
from redtrack.video.isolated import IsolatedVideo, open_video
from redtrack.video.probe import StreamInfo, VideoInfo, digest, probe, read_picture
from redtrack.video.reading import Reading
from redtrack.video.shots import ShotDetector, thumbnail
from redtrack.video.write import VideoWriter, write_video

__all__ = [
    "DecodeReport",
    "Frame",
    "IsolatedVideo",
    "Reading",
    "ShotDetector",
    "StreamInfo",
    "Video",
    "VideoInfo",
    "VideoWriter",
    "digest",
    "open_video",
    "probe",
    "read_ahead",
    "read_picture",
    "thumbnail",
    "write_video",
]
