"""The command draws films, sheets and pictures, and says what is wrong with what it is given."""

from __future__ import annotations

import av
import numpy as np
import pytest
import video_streams
import videos
from click.testing import CliRunner
from drawn_tracks import face, moving_face, tracks_of

from redtrack.cli.render import render
from redtrack.errors import OutputError, UsageError, VideoError
from redtrack.render.film import render_video
from redtrack.render.png import write_png
from redtrack.tracks import Tracks
from redtrack.video import Video, digest, read_picture


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
    source = video_streams.with_sound(tmp_path / "in.mp4")
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
