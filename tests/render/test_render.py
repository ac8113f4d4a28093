"""Tracks on their video: each point where the tracks say, each frame at its time, sound kept, and sheets of frames."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
import video_streams
import videos
from drawn_tracks import face, moving_face, tracks_of

from redtrack.errors import UsageError
from redtrack.render.film import render_video
from redtrack.render.overlay import Style, View
from redtrack.render.sheet import fit
from redtrack.tracks import Tracks
from redtrack.video import Video

DOTS_ONLY = Style(lines=False, boxes=False, ids=False, mark=None, colour="face", black=True, size=2)


def light_around(image: np.ndarray, point: np.ndarray, reach: int = 6) -> np.ndarray:
    """Returns x, y of the centre of the light within `reach` px of a point x, y."""
    x0, y0 = (int(round(float(v))) - reach for v in point)
    part = image[y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1].astype(float).sum(axis=-1)
    part = np.clip(part - 60, 0, None)  # what compression leaves of black
    y, x = np.mgrid[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]]
    return np.array([(x * part).sum(), (y * part).sum()]) / part.sum()


def spread_points(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Returns (68, 2) points of a grid, each moved by a random part of a pixel: far enough apart to be told apart."""
    x, y = np.meshgrid(np.linspace(14, width - 15, 17), np.linspace(14, height - 15, 4))
    return np.stack([x.ravel(), y.ravel()], axis=-1) + rng.uniform(-0.5, 0.5, (68, 2))


def test_points_are_drawn_where_the_tracks_say_after_encoding(tmp_path) -> None:
    """After encode and decode the light of every dot is within half a pixel of its point, at both usual sizes."""
    rng = np.random.default_rng(0)
    points = np.stack([spread_points(rng, 480, 160) for _ in range(4)])
    source = videos.clip(tmp_path / "in.mp4", [np.full((160, 480, 3), 128, np.uint8)] * 4)
    render_video(source, tracks_of(points), tmp_path / "out.mp4", DOTS_ONLY)
    worst = 0.0
    for frame in Video(tmp_path / "out.mp4").frames():
        for point in points[frame.index]:
            worst = max(worst, float(np.abs(light_around(frame.image, point) - point).max()))
    assert worst < 0.5


def test_every_frame_keeps_its_own_picture_and_time(tmp_path) -> None:
    """Frames of a variable rate come out at their times, each with its number still on it."""
    source = videos.variable_rate(tmp_path / "in.mp4")
    before = [frame.time for frame in Video(source).frames()]
    done = render_video(source, Tracks.empty(before), tmp_path / "out.mp4")
    after = list(Video(tmp_path / "out.mp4").frames())
    assert done.frames == len(after) == 24
    assert [videos.number_of(frame.image) for frame in after] == list(range(24))
    assert [frame.time for frame in after] == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_rotated_video_is_drawn_upright(tmp_path, clockwise: int) -> None:
    """Points are of the upright picture, and so is the drawing, which needs no turning any more."""
    source = videos.rotated(tmp_path / "in.mp4", clockwise)
    upright = Video(source).info
    tracks = moving_face(12, info={"width": upright.width, "height": upright.height})
    render_video(source, tracks, tmp_path / "out.mp4")
    drawing = Video(tmp_path / "out.mp4")
    assert (drawing.info.width, drawing.info.height) == (upright.width, upright.height)
    assert drawing.info.rotation == 0
    assert [videos.number_of(frame.image) for frame in drawing.frames()] == list(range(12))


@pytest.mark.parametrize(("clockwise", "aspect"), [(0, Fraction(16, 15)), (90, Fraction(15, 16))])
def test_pixels_that_are_not_square_keep_their_shape(tmp_path, clockwise: int, aspect: Fraction) -> None:
    """The drawing of a DV tape is shown as wide as the tape; the pixels of a turned picture are turned."""
    source = videos.clip(tmp_path / "in.mp4", 2, pixel_aspect=Fraction(16, 15), rotation=-clockwise)
    render_video(source, Tracks.empty([0.0, 0.04]), tmp_path / "out.mp4")
    assert Video(source).info.pixel_aspect == Video(tmp_path / "out.mp4").info.pixel_aspect == aspect


def test_sound_is_kept_or_left_out(tmp_path) -> None:
    """The sound is copied unless it is not wanted."""
    source = video_streams.with_sound(tmp_path / "in.mp4")
    for sound in (True, False):
        render_video(source, moving_face(), tmp_path / "out.mp4", sound=sound)
        with av.open(str(tmp_path / "out.mp4")) as container:
            assert len(container.streams.audio) == sound


def test_sound_is_in_step(tmp_path) -> None:
    """A beep that begins with frame 12 still begins with frame 12."""
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = videos.WIDTH, videos.HEIGHT, "yuv420p"
        sound = output.add_stream("pcm_s16le", rate=16000)
        for k in range(24):
            picture = np.full((videos.HEIGHT, videos.WIDTH, 3), 250 if k >= 12 else 5, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
        wave = np.where(np.arange(15360) >= 12 * 640, 20000, 0).astype(np.int16)[None]
        beep = av.AudioFrame.from_ndarray(wave, "s16", "mono")
        beep.sample_rate, beep.pts = 16000, 0
        output.mux(sound.encode(beep))
        output.mux(sound.encode(None))
    render_video(source, Tracks.empty(np.arange(24) / 25), tmp_path / "out.mkv")
    assert first_loud(tmp_path / "out.mkv") == pytest.approx(12 / 25, abs=0.002)
    bright = [f.time for f in Video(tmp_path / "out.mkv").frames() if f.image.mean() > 128]
    assert bright[0] == pytest.approx(12 / 25, abs=0.002)


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_sound_that_the_file_cannot_hold_is_kept_as_aac(tmp_path, ending: str) -> None:
    """Windows Media's sound fits neither; the beep of frame 12 is still there, and still begins with frame 12."""
    source = tmp_path / "in.wmv"
    with av.open(str(source), "w") as output:
        stream = output.add_stream("wmv2", rate=25)
        stream.width, stream.height, stream.pix_fmt = videos.WIDTH, videos.HEIGHT, "yuv420p"
        sound = output.add_stream("wmav2", rate=44100, layout="stereo")
        sound.bit_rate = 128_000
        for k in range(24):
            picture = np.full((videos.HEIGHT, videos.WIDTH, 3), 250 if k >= 12 else 5, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
        at = np.arange(42336)
        wave = np.where(at >= 12 * 1764, 0.8 * np.sin(at / 10), 0).astype(np.float32)
        for start in range(0, len(wave), 2048):
            piece = av.AudioFrame.from_ndarray(np.stack([wave[start : start + 2048]] * 2), "fltp", "stereo")
            piece.sample_rate, piece.pts = 44100, start
            output.mux(sound.encode(piece))
        output.mux(sound.encode(None))
    before = list(Video(source).frames())
    render_video(source, Tracks.empty([frame.time for frame in before]), tmp_path / f"out{ending}")
    with av.open(str(tmp_path / f"out{ending}")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    assert first_loud(tmp_path / f"out{ending}", 0.3) == pytest.approx(12 / 25, abs=0.01)


def first_loud(path, least: float = 1000) -> float:
    """Returns the seconds of the first sample that is louder than `least`, from the file's own zero."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray()
            packed = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
            loud = np.flatnonzero(np.abs(packed).max(axis=1) > least)
            if len(loud):
                return float(frame.pts * frame.time_base + Fraction(int(loud[0]), frame.sample_rate))
    raise AssertionError("silence")


def test_points_on_black_show_nothing_of_the_picture(tmp_path) -> None:
    """Far from the points the drawing is black, whatever the video shows."""
    source = videos.clip(tmp_path / "in.mp4", [np.full((120, 160, 3), 200, np.uint8)] * 3)
    tracks = tracks_of(np.stack([face(x=60, y=40, size=50)] * 3))
    render_video(source, tracks, tmp_path / "out.mp4", Style(black=True, boxes=False, ids=False))
    for frame in Video(tmp_path / "out.mp4").frames():
        assert frame.image[:30].max() < 20 and frame.image[40:90, 60:110].max() > 150


def test_the_decoded_picture_is_not_drawn_on(tmp_path) -> None:
    """Frames may share their picture; the drawing of one must not show on the next."""
    source = videos.clip(tmp_path / "in.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 6)
    tracks = tracks_of(face(x=50)[None], frames=6)
    render_video(source, tracks, tmp_path / "out.mp4")
    images = [frame.image for frame in Video(tmp_path / "out.mp4").frames()]
    assert np.ptp(images[0].astype(int)) > 60
    assert np.ptp(images[3].astype(int)) < 12


def test_tracks_of_another_size_are_refused(tmp_path) -> None:
    """Tracks that say that they are of a larger picture are not drawn in the wrong place."""
    source = videos.clip(tmp_path / "in.mp4", 2)
    with pytest.raises(UsageError, match="160 x 120, but the tracks are of a video of 640 x 360"):
        render_video(source, moving_face(2, info={"width": 640, "height": 360}), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_the_video_itself_is_never_overwritten(tmp_path) -> None:
    """Naming the source as the output is refused; so is an ending that is no video."""
    source = videos.clip(tmp_path / "in.mp4", 2)
    before = source.read_bytes()
    with pytest.raises(UsageError, match="the video itself"):
        render_video(source, moving_face(2), source)
    with pytest.raises(UsageError, match="gif"):
        render_video(source, moving_face(2), tmp_path / "out.gif")
    assert source.read_bytes() == before


def test_truncated_video_is_drawn_as_far_as_it_goes(tmp_path) -> None:
    """The reason is told."""
    source = videos.clip(tmp_path / "in.mkv", 48)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    done = render_video(source, moving_face(48), tmp_path / "out.mp4")
    assert done.truncated and 0 < done.frames < 48


def test_view_maps_pixels_by_their_area() -> None:
    """The centre of the top-left pixel of a part three times as large is one third-sized pixel in."""
    view = View(10, 20, 3)
    assert view(np.array([[10.0, 20.0]])).tolist() == [[1.0, 1.0]]
    assert View()(np.array([[3.5, 4.0]])).tolist() == [[3.5, 4.0]]


def test_fit_keeps_shapes_where_the_view_says() -> None:
    """A white block of a picture lies after enlarging where the view maps its corners."""
    image = np.zeros((100, 160, 3), np.uint8)
    image[40:60, 70:90] = 255
    for box, size in [((0, 0, 160, 100), (480, 300)), ((60, 30, 100, 70), (300, 200)), ((0, 0, 160, 100), (80, 70))]:
        picture, view = fit(image, box, size)
        assert picture.shape == (size[1], size[0], 3)
        y, x = np.nonzero(picture[..., 0] > 127)
        found = np.array([[x.min(), y.min()], [x.max(), y.max()]])
        wanted = view(np.array([[70.0, 40.0], [89.0, 59.0]]))
        assert np.abs(found - wanted).max() <= 0.5 * max(view.scale, 1) + 0.51
