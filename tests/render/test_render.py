"""Tracks on their video: each point where the tracks say, each frame at its time, sound kept, and sheets of frames."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
import videos
from click.testing import CliRunner
from drawn_tracks import face, moving_face, tracks_of

from redtrack.cli.render import render
from redtrack.errors import OutputError, UsageError, VideoError
from redtrack.points import LINES
from redtrack.render import colours
from redtrack.render.doubt import confidence, disagreement, rank, worst_face, worst_frames
from redtrack.render.film import frames_of, render_video
from redtrack.render.legend import draw_legend, marks_of
from redtrack.render.overlay import Overlay, Style, View, clock
from redtrack.render.png import write_png
from redtrack.render.sheet import CLOSE_UP, Cell, arrange, columns, contact_sheet, even_frames, fit
from redtrack.tracks import FrameState, Tracks
from redtrack.video import Video, digest, read_picture

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
    source = videos.with_sound(tmp_path / "in.mp4")
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


@pytest.mark.parametrize("name", ["in.mp4", "in.h5", "photo.png"])
def test_a_sheet_takes_the_place_of_no_video_and_no_tracks(tmp_path, name: str) -> None:
    """Names that are not of a picture, and the source itself, are refused before anything is drawn."""
    videos.clip(tmp_path / "in.mp4", 2)
    moving_face(2).save(tmp_path / "in.h5")
    write_png(tmp_path / "photo.png", np.full((120, 160, 3), 90, np.uint8))
    before = (tmp_path / name).read_bytes()
    source = tmp_path / ("photo.png" if name == "photo.png" else "in.mp4")
    for option in ("-o", "--sheet"):
        done = CliRunner().invoke(render, [str(source), str(tmp_path / "in.h5"), option, str(tmp_path / name)])
        assert isinstance(done.exception, (UsageError, OutputError)) and (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("option", ["-o", "--sheet"])
def test_tracks_named_before_their_video_are_told(tmp_path, option: str) -> None:
    """One sentence says which comes first, and nothing is written."""
    videos.clip(tmp_path / "in.mp4", 2)
    moving_face(2).save(tmp_path / "in.h5")
    out = tmp_path / ("out.mp4" if option == "-o" else "out.png")
    done = CliRunner().invoke(render, [str(tmp_path / "in.h5"), str(tmp_path / "in.mp4"), option, str(out)])
    assert isinstance(done.exception, UsageError) and not out.exists()
    assert "name the video first and its tracks second" in str(done.exception)


def test_a_video_that_is_not_there_is_told(tmp_path) -> None:
    """Also where the output is there already."""
    (tmp_path / "out.mp4").write_bytes(b"older")
    with pytest.raises(VideoError, match="no such file"):
        render_video(tmp_path / "no.mp4", moving_face(2), tmp_path / "out.mp4")


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


def test_worst_points_are_ringed() -> None:
    """A ring stands around the one point whose disagreement is above the mark, and around no other."""
    apart = np.zeros((1, 68))
    apart[0, 30] = 10
    tracks = tracks_of(face(x=20, y=20, size=80)[None], disagreement=apart)
    with_ring, without = (drawn(tracks, Style(mark=mark)) for mark in (0.05, None))
    y, x = np.nonzero((with_ring != without).any(axis=-1))
    tip = tracks.points[0, 30]
    assert len(x) and np.hypot(x - tip[0], y - tip[1]).max() < 8


def drawn(tracks: Tracks, style: Style, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Returns the first frame of tracks drawn on grey."""
    image = np.full((*shape, 3), 70, np.uint8)
    Overlay(tracks, style).draw(image, 0)
    return image


@pytest.mark.parametrize("what", ["points", "lines", "boxes", "ids", "caption"])
def test_each_part_of_the_drawing_can_be_left_out(what: str) -> None:
    """Every switch changes the picture, and with all of them off nothing is drawn."""
    tracks = tracks_of(face()[None])
    off = dict.fromkeys(["points", "lines", "boxes", "ids", "caption"], False)
    assert (drawn(tracks, Style(**off)) == 70).all()
    assert (drawn(tracks, Style(**(off | {what: True}))) != 70).any()


@pytest.mark.parametrize("colour", ["confidence", "disagreement"])
def test_doubt_shows_in_the_colour(colour: str) -> None:
    """A doubtful face is drawn in another colour than a certain one; a file that knows neither by parts."""
    sure = {"scores": np.ones((1, 68)), "disagreement": np.zeros((1, 68))}
    unsure = {"scores": np.zeros((1, 68)), "disagreement": np.full((1, 68), 20)}
    only = Style(colour=colour, lines=False, boxes=False, ids=False, mark=None)
    cyan, red, parts = (drawn(tracks_of(face()[None], **rows), only).astype(int) for rows in (sure, unsure, {}))
    assert (red - cyan)[..., 0].max() > 100 and (cyan - red)[..., 2].max() > 60
    assert (parts == drawn(tracks_of(face()[None]), Style(colour="part", lines=False, boxes=False, ids=False))).all()


def test_senseless_styles_are_refused() -> None:
    """Unknown colourings, and sizes that show nothing or take all memory."""
    for wrong in ({"colour": "mood"}, {"size": 0}, {"size": 1000}, {"mark": -1}):
        with pytest.raises(UsageError):
            Style(**wrong)


def test_damaged_frames_say_so_in_their_caption() -> None:
    """The caption of a damaged frame differs from that of a sound one."""
    sound = tracks_of(face()[None])
    damaged = tracks_of(face()[None], frame_state=[FrameState.DAMAGED])
    style = Style(caption=True)
    assert (drawn(sound, style) != drawn(damaged, style)).any()


def test_lines_cover_all_points() -> None:
    """Every point lies on a line of the drawing."""
    assert {i for line, _ in LINES for i in line} == set(range(68))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.000"), (75.5, "1:15.500"), (3661.0006, "1:01:01.001"), (59.9996, "1:00.000")]
)
def test_clock(seconds: float, shown: str) -> None:
    """Times are told to the millisecond, rounded without ever showing 60 seconds."""
    assert clock(seconds) == shown


def test_even_frames_are_spread() -> None:
    """Each is the middle of its share; there are never more than the video has."""
    assert even_frames(100, 4) == [12, 37, 62, 87]
    assert even_frames(3, 16) == [0, 1, 2]
    assert even_frames(0, 4) == []


def test_worst_frames_are_the_doubtful_ones_kept_apart() -> None:
    """Two bumps of disagreement give a frame of each, not neighbours of one."""
    apart = np.zeros((100, 68))
    apart[20:24], apart[22], apart[70] = 3, 4, 2
    tracks = moving_face(100, disagreement=apart)
    assert worst_frames(tracks, 2) == [22, 70]
    assert worst_frames(Tracks.empty([0.0]), 3) == []


def test_worst_face_is_the_one_in_doubt() -> None:
    """By disagreement, else by confidence, else the first; None where there is no face."""
    points = np.stack([face(), face(x=120)])
    two = {"ids": [3, 5], "frame": [0, 0], "frames": 2}
    apart = np.stack([np.zeros(68), np.ones(68)])
    assert worst_face(tracks_of(points, **two, disagreement=apart), 0) == 5
    assert worst_face(tracks_of(points, **two, scores=apart), 0) == 3
    assert worst_face(tracks_of(points, **two), 0) == 3
    assert worst_face(tracks_of(points, **two), 1) is None


def test_signs_of_doubt_by_hand() -> None:
    """Disagreement is a mean over the eye distance, confidence a mean, a rank the share that is smaller."""
    eyes = float(np.linalg.norm(face()[36] - face()[45]))
    tracks = tracks_of(face()[None], disagreement=np.full((1, 68), 2.0), scores=np.full((1, 68), 0.5))
    assert disagreement(tracks) == pytest.approx([2 / eyes], rel=1e-4)
    assert confidence(tracks) == pytest.approx([0.5])
    assert rank(np.array([3.0, 1.0, np.nan, 2.0, 2.0])).tolist() == [0.75, 0, 0, 0.25, 0.25]


def test_sheet_shows_the_frames_that_it_names(tmp_path) -> None:
    """Each cell holds its own frame of the video."""
    source = Video(videos.clip(tmp_path / "in.mp4", 24))
    cells = [Cell(frame) for frame in (3, 20)]
    plain = Style(points=False, lines=False, boxes=False, ids=False, mark=None)
    sheet = contact_sheet(source, moving_face(), cells, "two frames", plain, width=2 * 166 + 6)
    assert sheet.shape[1] == 338
    top = sheet.shape[0] - 126
    found = [videos.number_of(sheet[top : top + 120, 6 + 166 * k : 166 + 166 * k]) for k in range(2)]
    assert found == [3, 20]


@pytest.mark.parametrize(
    ("style", "told"),
    [
        (Style(), ["confidence 0 to 1", "the two directions in time are over 5 % of the eye distance apart"]),
        (Style(colour="part", mark=None), ["jaw", "brows", "nose", "eyes", "mouth"]),
        (Style(colour="face", mark=None, axes=True),
         ["each face has its colour", "head's x axis", "y axis", "the way it looks"]),
        (Style(colour="disagreement", mark=None),
         ["the two directions in time are 6 % of the eye distance apart, to none"]),
        (Style(points=False, mark=None), []),
    ],
)  # fmt: skip
def test_a_legend_explains_what_is_drawn(style: Style, told: list[str]) -> None:
    """Colours and rings of the style, and none that are not there; every sign has its colour on the line."""
    tracks = tracks_of(face()[None], disagreement=np.ones((1, 68)), scores=np.ones((1, 68)))
    marks = marks_of([tracks], style)
    assert [mark.words for mark in marks] == told
    line = np.zeros((30, 1900, 3), np.uint8)
    draw_legend(line, (8, 8), marks, 12)
    for mark in marks:
        for colour in [colours.WARNING] if mark.colours is None else mark.colours:
            assert np.abs(line.astype(float) - colour).max(axis=-1).min() < 12
    assert not line[:, -2:].any() and not line[-4:].any()


def test_a_legend_leaves_out_what_a_file_lacks() -> None:
    """Without scores the parts are coloured, without two directions there is no ring."""
    marks = marks_of([tracks_of(face()[None])], Style())
    assert [mark.words for mark in marks] == ["jaw", "brows", "nose", "eyes", "mouth"]


@pytest.mark.parametrize(("count", "across"), [(1, 1), (7, 3), (10, 5), (16, 4), (20, 5)])
def test_a_sheet_has_few_empty_cells(count: int, across: int) -> None:
    """Of close-ups: about 16 to 10 in all, and a row more or less where that fills the sheet."""
    assert columns(count, CLOSE_UP) == across


def test_sheet_close_up_shows_one_face(tmp_path) -> None:
    """A cell about a face is filled by it, and shows no other face's points."""
    source = Video(videos.clip(tmp_path / "in.mp4", [np.zeros((240, 320, 3), np.uint8)]))
    tracks = tracks_of(np.stack([face(20, 20, 40), face(200, 150, 40)]), ids=[0, 1], frame=[0, 0])
    sheet = contact_sheet(source, tracks, [Cell(0, 1, "face 1")], "close", Style(boxes=False, ids=False), width=512)
    lit = (sheet[60:].max(axis=-1) > 120).sum(axis=0)
    assert np.flatnonzero(lit).min() < 150 and np.flatnonzero(lit).max() > 350


@pytest.mark.parametrize("width, height", [(5000, 1), (1, 1500)])
def test_a_sheet_of_a_line_of_pixels_is_drawn(tmp_path, width: int, height: int) -> None:
    """However wide or tall it is, it is seen, and the sheet is no tower."""
    write_png(tmp_path / "line.png", np.full((height, width, 3), 250, np.uint8))
    plain = Style(caption=False, points=False)
    sheet = contact_sheet(Video(tmp_path / "line.png"), Tracks.empty([0.0]), [Cell(0)], "", plain)
    assert sheet.shape[1] == 1920 and sheet.shape[0] < 8000 and (sheet == 250).any()


def test_sheet_needs_frames() -> None:
    """Nothing to show is said."""
    with pytest.raises(UsageError, match="no frame"):
        arrange([], "nothing")


def test_frames_of_stops_at_the_last_one_wanted(tmp_path) -> None:
    """Only the wanted frames come, and those past the end are left out."""
    source = Video(videos.clip(tmp_path / "in.mp4", 12))
    assert [frame.index for frame in frames_of(source, [2, 5, 40])] == [2, 5]


def test_command_draws_film_sheet_and_picture(tmp_path) -> None:
    """One command writes the video and the sheet; an ending of .png draws a picture; messages go to stderr."""
    source = videos.clip(tmp_path / "in.mp4", 24)
    moving_face().save(tmp_path / "in.h5")
    out, sheet, picture = (str(tmp_path / name) for name in ("out.mp4", "sheet.png", "one.png"))
    common = [str(source), str(tmp_path / "in.h5")]
    done = CliRunner().invoke(render, [*common, "-o", out, "--sheet", sheet, "--worst", "--zoom", "--frames", "4"])
    assert done.exit_code == 0, done.output
    assert done.stdout == "" and "24 frames with 24 faces" in done.stderr
    assert CliRunner().invoke(render, [*common, "-o", picture, "--quiet"]).stderr == ""
    assert Video(out).info.width == 160
    assert read_picture(sheet).shape[1] == 1920 and read_picture(picture).shape == (120, 160, 3)


@pytest.mark.parametrize(
    "options",
    ["--points-on-black", "--no-points", "--no-lines", "--no-boxes", "--no-ids", "--caption", "--colour disagreement",
     "--color part", "--mark 0.5", "--no-mark", "--size 2"],
)  # fmt: skip
def test_each_option_of_the_command_changes_the_drawing(tmp_path, options) -> None:
    """Beside what is drawn without it, of a face of which some points are sure, some not, and some disagree."""
    write_png(tmp_path / "photo.png", np.full((240, 320, 3), 90, np.uint8))
    scores, apart = np.linspace(0, 1, 68, dtype=np.float32)[None], np.linspace(0, 9, 68, dtype=np.float32)[None]
    points = face()[None] * 2
    Tracks.from_rows([0], [0], points, [0.0], scores=scores, disagreement=apart).save(tmp_path / "a.h5")
    drawn = []
    for number, chosen in enumerate(([], options.split())):
        out = tmp_path / f"{number}.png"
        common = [str(tmp_path / "photo.png"), str(tmp_path / "a.h5"), "-o", str(out)]
        done = CliRunner().invoke(render, [*common, *chosen])
        assert done.exit_code == 0, done.output
        drawn.append(read_picture(out))
    assert (drawn[0] != drawn[1]).any()


@pytest.mark.parametrize("drawing", ["-o out.mp4", "-o out.png", "--sheet out.png"])
def test_a_video_that_the_tracks_were_not_made_from_is_told_and_drawn(tmp_path, monkeypatch, drawing) -> None:
    """In one sentence that -q leaves out; tracks that do not tell their video are of any."""
    monkeypatch.chdir(tmp_path)
    source, other = (str(videos.clip(tmp_path / name, frames)) for name, frames in (("in.mp4", 24), ("other.mp4", 12)))
    moving_face(info={"source": source, "source_digest": digest(source)}).save("a.h5")
    moving_face(info={"source": source}).save("b.h5")
    said = f"Warning: {other}: is not the file that the tracks were made from ({source}); "
    for video, tracks, more, told in [
        (source, "a.h5", "", False),
        (other, "b.h5", "", False),
        (other, "a.h5", "-q", False),
        (other, "a.h5", "", True),
    ]:
        done = CliRunner().invoke(render, [video, tracks, *drawing.split(), *more.split()])
        assert done.exit_code == 0 and done.stderr.count(said) == told, done.stderr


def test_a_video_of_fewer_frames_than_the_tracks_have_is_told(tmp_path) -> None:
    """Also where the tracks do not tell from what they were made; -q leaves it out."""
    source, out = videos.clip(tmp_path / "in.mp4", 12), str(tmp_path / "out.mp4")
    moving_face(24).save(tmp_path / "in.csv")
    arguments = [str(source), str(tmp_path / "in.csv"), "-o", out]
    done = CliRunner().invoke(render, arguments)
    assert done.exit_code == 0 and done.stderr.endswith(f"Warning: {source}: has 12 frames, the tracks are of 24\n")
    assert not CliRunner().invoke(render, [*arguments, "-q"]).stderr


def test_sound_is_kept_unless_the_command_is_told_not_to(tmp_path) -> None:
    source = videos.with_sound(tmp_path / "in.mp4")
    moving_face().save(tmp_path / "in.h5")
    for option, streams in (("--sound", 1), ("--no-sound", 0)):
        out = str(tmp_path / "out.mp4")
        done = CliRunner().invoke(render, [str(source), str(tmp_path / "in.h5"), "-o", out, option])
        assert done.exit_code == 0, done.output
        with av.open(out) as container:
            assert len(container.streams.audio) == streams


def test_command_without_output_is_wrong_usage(tmp_path) -> None:
    """Nothing to draw is told with the remedy."""
    done = CliRunner().invoke(render, [str(tmp_path / "a.mp4"), str(tmp_path / "a.h5")])
    assert isinstance(done.exception, UsageError) and "--sheet" in str(done.exception)


def test_a_still_picture_is_drawn_too(tmp_path) -> None:
    """A photo is a video of one frame, in and out."""
    write_png(tmp_path / "photo.png", np.full((120, 160, 3), 90, np.uint8))
    tracks_of(face()[None]).save(tmp_path / "photo.h5")
    arguments = [str(tmp_path / "photo.png"), str(tmp_path / "photo.h5"), "-o", str(tmp_path / "out.png")]
    assert CliRunner().invoke(render, arguments).exit_code == 0
    assert np.ptp(read_picture(tmp_path / "out.png").astype(int)) > 60
