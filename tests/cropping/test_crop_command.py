"""`redtrack crop`: films, pictures and arrays of faces, of one video or many, and what can go wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import filmed_faces
import numpy as np
import pytest
import video_streams
import videos
from click.testing import CliRunner
from cropping_command import crop, record
from filmed_faces import filmed

import redtrack
from redtrack.cli import cli
from redtrack.cropping.save import CropSaver
from redtrack.edits import Edit, append_edits, edits_path
from redtrack.tracks import Tracks
from redtrack.video import Video, digest, read_picture


def test_a_film_of_each_face_with_the_videos_times(film: Path, tmp_path: Path) -> None:
    """The record tells frames, times and matrices; the table tells the file."""
    done = crop(film, tmp_path / "tracks" / "film.h5", "-o", tmp_path / "out")
    clip = tmp_path / "out" / "film.openface.face0.mp4"
    assert str(clip) in done.stdout and "1 video: 1 done" in done.stdout
    frames = [(frame.time, frame.image.shape) for frame in Video(clip).frames()]
    assert [time for time, _ in frames] == pytest.approx(np.arange(12) / 25) and frames[0][1] == (112, 112, 3)
    (told,) = record(tmp_path / "out", "film.openface")["clips"]
    assert told["file"] == clip.name and told["frames"] == list(range(12)) and all(told["seen"])
    assert np.shape(told["matrices"]) == (12, 2, 3) and told["times"][3] == pytest.approx(0.12)


def test_pictures_arrays_and_python_give_the_same_crops(film: Path, tmp_path: Path) -> None:
    """A picture is named for its frame, from 1; an array has all of them."""
    out = tmp_path / "out"
    for format in ("png", "npy"):
        crop(film, tmp_path / "tracks" / "film.h5", "-o", out, "--preset", "mouth", "--size", 48, "--format", format)
        if format == "png":
            pictures = [read_picture(path) for path in sorted((out / "film.mouth.face0").iterdir())]
            assert [path.name for path in sorted((out / "film.mouth.face0").iterdir())][:2] == [
                "000001.png",
                "000002.png",
            ]
    array = np.load(out / "film.mouth.face0.npy")
    tracks = redtrack.load(tmp_path / "tracks" / "film.h5")
    found = [one.image for one in redtrack.crops(film, tracks, "mouth", size=48)]
    assert array.shape == (12, 48, 48, 3) and (array == np.stack(found)).all() and (array == np.stack(pictures)).all()
    assert not (out / "film.mouth.face0").exists()  # the first run's, in whose place the second's came
    assert {path.name for path in out.iterdir()} == {"film.mouth.face0.npy", "film.mouth.json", "run.jsonl"}


def test_sound_begins_with_the_clip(tmp_path: Path) -> None:
    """A face that comes late has the sound from there on, in step; --no-sound leaves it out."""
    source = video_streams.with_sound(tmp_path / "in.mp4")
    points = np.stack([filmed_faces.face(40)] * 12)
    Tracks.from_rows(range(12, 24), [0] * 12, points, np.arange(24) / 25).save(tmp_path / "in.h5")
    for option, streams in (("--sound", 1), ("--no-sound", 0)):
        crop(source, tmp_path / "in.h5", "-o", tmp_path / "out", option)
        with av.open(str(tmp_path / "out" / "in.openface.face0.mp4")) as container:
            assert len(container.streams.audio) == streams
            if streams:
                sound = container.streams.audio[0]
                assert float((sound.duration or 0) * sound.time_base) == pytest.approx(0.48, abs=0.1)
    assert record(tmp_path / "out", "in.openface")["clips"][0]["times"][0] == pytest.approx(0.48)


def test_a_long_gap_ends_a_clip(tmp_path: Path) -> None:
    source = videos.clip(tmp_path / "in.mp4", 40)
    frames = [*range(10), *range(30, 40)]
    points = np.stack([filmed_faces.face(40)] * 20)
    Tracks.from_rows(frames, [0] * 20, points, np.arange(40) / 25).save(tmp_path / "in.h5")
    crop(source, tmp_path / "in.h5", "-o", tmp_path / "out")
    clips = record(tmp_path / "out", "in.openface")["clips"]
    assert [clip["file"] for clip in clips] == ["in.openface.face0.mp4", "in.openface.face0-2.mp4"]
    assert [clip["frames"][0] for clip in clips] == [0, 30]
    assert "1 done" in crop(source, tmp_path / "in.h5", "-o", tmp_path / "out", "--bridge", "2").stdout
    assert not (tmp_path / "out" / "in.openface.face0-2.mp4").exists()


def test_many_videos_each_with_its_tracks(film: Path, tmp_path: Path) -> None:
    """Found in the folder of tracks by what they tell of their video; one without tracks is named, exit status 1."""
    (tmp_path / "more").mkdir()
    filmed(tmp_path / "more" / "film.mp4", 6, sound=True).save(tmp_path / "tracks" / "more-film.h5")
    videos.clip(tmp_path / "more" / "other.mp4", 3)
    (tmp_path / "list.txt").write_text("film.mp4\nmore/film.mp4\nmore/other.mp4\n")
    done = crop(f"@{tmp_path / 'list.txt'}", tmp_path / "tracks", "-o", tmp_path / "out", status=1)
    assert "3 videos: 2 done, 1 failed" in done.stdout
    assert "there are no tracks of it" in done.stdout and "redtrack annotate" in done.stdout
    lengths = [len(clip["frames"]) for path in sorted((tmp_path / "out").glob("*.json"))
               for clip in json.loads(path.read_text())["clips"]]  # fmt: skip
    assert sorted(lengths) == [6, 12]


def test_jobs_share_the_videos(film: Path, tmp_path: Path) -> None:
    """Two processes make the same crops as one, keep one log, and a fault in one video fails that one alone."""
    filmed(tmp_path / "other.mp4", 5).save(tmp_path / "tracks" / "other.h5")
    (tmp_path / "bad.mp4").write_text("no video")
    made = {}
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        done = crop(tmp_path / "*.mp4", tmp_path / "tracks", "-o", out, "--format", "npy", "--jobs", jobs, status=1)
        assert "3 videos: 2 done, 1 failed" in done.stdout
        made[jobs] = {path.name: path.read_bytes() for path in out.glob("*.npy")}
        lines = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
        assert sorted((Path(line["source"]).name, line["state"]) for line in lines) == [
            ("bad.mp4", "failed"), ("film.mp4", "done"), ("other.mp4", "done")
        ]  # fmt: skip
        assert {line["options"]["format"] for line in lines} == {"npy"}
    assert made[1] == made[2] and len(made[1]) == 2


def test_a_fault_of_our_own_fails_one_video(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its traceback is shown, and the next video is cropped."""
    filmed(tmp_path / "other.mp4", 5).save(tmp_path / "tracks" / "other.h5")
    save = CropSaver.save
    monkeypatch.setattr(CropSaver, "save", lambda saver, *how: 1 / 0 if saver.video == film else save(saver, *how))
    done = crop(tmp_path / "*.mp4", tmp_path / "tracks", "-o", tmp_path / "out", status=1)
    assert "1 done, 1 failed" in done.stdout and "ZeroDivisionError" in done.stderr


def test_tracks_named_before_their_video_are_told(film: Path, tmp_path: Path) -> None:
    """One sentence says which comes first, and nothing is written."""
    done = CliRunner().invoke(cli, ["crop", str(tmp_path / "tracks" / "film.h5"), str(film), "-o", str(tmp_path / "c")])
    assert done.exit_code == 2 and "name the video first and its tracks second" in done.output
    assert not (tmp_path / "c").exists()


def test_progress_tells_the_faces_that_are_cropped(film: Path, tmp_path: Path) -> None:
    """From the first line on, of the faces that were asked for."""
    done = crop(film, tmp_path / "tracks" / "film.h5", "-o", tmp_path / "out", "--progress", "json")
    steps = [event for line in done.stderr.splitlines() if (event := json.loads(line))["event"] == "frames"]
    assert steps and {step["faces"] for step in steps} == {1}


def test_a_video_that_is_shorter_than_its_tracks_fails_and_leaves_nothing(film: Path, tmp_path: Path) -> None:
    tracks = redtrack.load(tmp_path / "tracks" / "film.h5")
    longer = Tracks.from_rows([*range(12), 20], [0] * 13, [*tracks.points, tracks.points[0]], np.arange(24) / 25)
    longer.save(tmp_path / "longer.h5")
    for format in ("mp4", "png", "npy"):
        done = crop(film, tmp_path / "longer.h5", "-o", tmp_path / "out", "--format", format, status=1)
        assert "it has 12 frames, the tracks are of 24; give the video that was annotated" in done.stdout
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.jsonl"]


def test_tracks_of_another_file_are_told(film: Path, tmp_path: Path) -> None:
    """A warning where the pictures may be the same, a failure where their size is another."""
    other = videos.clip(tmp_path / "other.mkv", [filmed_faces.picture(filmed_faces.face())] * 12)
    assert digest(other) != digest(film)
    done = crop(other, tmp_path / "tracks" / "film.h5", "-o", tmp_path / "out")
    assert "is not the file that the tracks were made from" in done.stdout and "1 done" in done.stdout
    small = videos.clip(tmp_path / "small.mp4", 12)
    done = crop(small, tmp_path / "tracks" / "film.h5", "-o", tmp_path / "out", status=1)
    assert "is 160 x 120, but the tracks are of a video of 320 x 240" in done.stdout


def test_no_face_and_a_tiny_face_are_told(film: Path, tmp_path: Path) -> None:
    tracks = redtrack.load(tmp_path / "tracks" / "film.h5")
    tracks.select(tracks.frame < 0).save(tmp_path / "none.h5")
    assert "there is no face in its tracks" in crop(film, tmp_path / "none.h5", "-o", tmp_path / "out").stdout
    replace(tracks, points=tracks.points * np.float32(0.1) + 100).save(tmp_path / "tiny.h5")
    assert "its crops are blurred" in crop(film, tmp_path / "tiny.h5", "-o", tmp_path / "out").stdout


def test_edits_by_hand_are_told_to_be_left_out(film: Path, tmp_path: Path) -> None:
    """Crops are of the tracks as they are; a remark says how to have the edits in them."""
    path = tmp_path / "tracks" / "film.h5"
    append_edits(edits_path(path), [Edit("mark", "a", {"frame": 4, "as": "absent"})], path.name, {})
    assert "edits by hand beside its tracks are not in the crops" in crop(film, path, "-o", tmp_path / "out").stdout


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--preset", "nose"], "there is no preset 'nose'; known are openface, arcface, lips"),
        (["--size", "5"], "a crop of 5 px cannot be made; give a size from 8 to 4096"),
        (["--margin", "0.2"], "the margin of openface is fixed"),
        (["--format", "gif"], "'gif' is not one of"),
    ],
)
def test_wrong_use_is_status_2_and_writes_nothing(film: Path, tmp_path: Path, wrong: list[str], told: str) -> None:
    done = crop(film, tmp_path / "tracks" / "film.h5", "-o", tmp_path / "out", *wrong, status=2)
    assert told in done.stderr and not (tmp_path / "out").exists()


def test_a_video_that_is_none_and_tracks_that_are_none(film: Path, tmp_path: Path) -> None:
    """One sentence each, exit status 1."""
    (tmp_path / "bad.mp4").write_text("no video")
    (tmp_path / "bad.h5").write_text("no tracks")
    for video, tracks in ((tmp_path / "bad.mp4", tmp_path / "tracks" / "film.h5"), (film, tmp_path / "bad.h5")):
        assert "1 failed" in crop(video, tracks, "-o", tmp_path / "out", status=1).stdout
    quiet = crop(tmp_path / "nowhere.mp4", tmp_path / "tracks", "-o", tmp_path / "out", "-q", status=1)
    assert not quiet.stdout and "failed: " in quiet.stderr
