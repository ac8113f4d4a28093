"""Pages and their index: what they tell, what is wrong with the video, and that they hold all they need."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from click.testing import CliRunner
from drawn_tracks import face, moving_face, tracks_of

from redtrack.cli import cli
from redtrack.cli.review import review
from redtrack.edits import Edit, append_edits, edits_path
from redtrack.errors import FormatError, UsageError
from redtrack.review import find_gaps
from redtrack.review.film import find_film, playable
from redtrack.tracks import Tracks
from redtrack.video import Video, digest, probe


def tracks_on(path: Path, **info: Any) -> Tracks:
    """Returns tracks of a face in 20 of the 24 frames of a video."""
    points = np.stack([face(x=30 + k / 2, size=50) for k in range(20)])
    scores = np.full((20, 68), 0.9)
    scores[7] = 0.3
    about = {"source": str(path), "width": 160, "height": 120, "source_digest": digest(path)}
    return tracks_of(points, frames=24, scores=scores, info=about | info)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with clip.mp4 and tracks/clip.h5."""
    (tmp_path / "tracks").mkdir()
    tracks_on(videos.clip(tmp_path / "clip.mp4")).save(tmp_path / "tracks/clip.h5")
    return tmp_path


def meta_of(page: Path) -> dict[str, Any]:
    """Returns what a page tells its script."""
    found = re.search(r'<script type="application/json" id="meta">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found
    meta: dict[str, Any] = json.loads(found[1])
    return meta


def write(*arguments: Any) -> Any:
    return CliRunner().invoke(cli, ["review", *map(str, arguments)])


def test_gaps_are_the_stretches_without_any_face() -> None:
    """At the start, between, and at the end; a frame with one of two faces is no gap."""
    tracks = moving_face(20).select(np.array([2, 3, 4, 8, 9]))
    assert [(gap.first, gap.last, gap.frames) for gap in find_gaps(tracks)] == [(0, 1, 2), (5, 7, 3), (10, 19, 10)]
    assert [gap.first for gap in find_gaps(tracks, shortest=3)] == [5, 10]
    assert [gap.frames for gap in find_gaps(Tracks.empty([0.0, 0.1]))] == [2] and not find_gaps(Tracks.empty([]))
    assert (find_gaps(tracks)[1].start, find_gaps(tracks)[1].end) == (5 / 25, 7 / 25)


def test_a_folder_of_tracks_becomes_a_folder_of_pages(folder: Path) -> None:
    """Each is named for its video and plays it from where it lies; the index links to it and tells its coverage."""
    done = write(folder / "tracks", "--html", folder / "pages")
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == [str(folder / "pages" / name) for name in ("clip.html", "index.html")]
    meta = meta_of(folder / "pages/clip.html")
    assert meta["video"] == "../clip.mp4" and meta["title"] == "clip.mp4" and meta["home"] == "index.html"
    assert meta["notice"] == "" and meta["edit"] is None
    assert "a face in 20 of 24 frames (83 %)" in meta["summary"]
    assert meta["spans"][0]["worst"] == 7 and meta["frames"] == 24
    index = (folder / "pages/index.html").read_text("utf-8")
    assert 'href="clip.html"' in index and "83 %" in index and "a face in 20 of 24 frames" in index


def test_shot_cuts_are_on_the_page(folder: Path) -> None:
    """As far as they are frames of the video."""
    tracks_on(folder / "clip.mp4", cuts=[12, 99, "x"]).save(folder / "tracks/clip.h5")
    write(folder / "tracks/clip.h5", "--html", folder / "one.html")
    assert meta_of(folder / "one.html")["cuts"] == [12]


def test_a_page_needs_nothing_from_anywhere(folder: Path) -> None:
    """No address but the video's is in it, and its policy forbids all others."""
    write(folder / "tracks/clip.h5", "--html", folder / "one.html")
    text = (folder / "one.html").read_text("utf-8")
    assert not re.findall(r"(?:src|href)=[\"'](?!\")[^\"']", text.replace('id="home" hidden', ""))
    assert "http:" not in text and "https:" not in text and "default-src 'none'" in text
    assert "connect-src 'none'" in text


def test_failures_of_the_run_are_in_the_index(folder: Path) -> None:
    """With their reasons, first; a video that succeeded later is not among them."""
    lines = [{"source": "/v/bad<1>.mp4", "state": "failed", "reason": "holds no frame"}]
    lines += [{"source": "/v/good.mp4", "state": "failed", "reason": "x"}, {"source": "/v/good.mp4", "state": "done"}]
    (folder / "tracks/run.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    write(folder / "tracks", "--html", folder / "pages")
    index = (folder / "pages/index.html").read_text("utf-8")
    assert "bad&lt;1&gt;.mp4" in index and "holds no frame" in index and "good.mp4" not in index
    assert index.index("holds no frame") < index.index("clip.html") and "1 failed" in index


def test_a_file_that_cannot_be_read_is_told_and_the_others_have_pages(folder: Path) -> None:
    """The exit status tells it."""
    (folder / "tracks/bad.h5").write_text("junk")
    done = write(folder / "tracks", "--html", folder / "pages")
    assert done.exit_code == 1 and "bad.h5: is a text of no known format" in done.stderr
    assert (folder / "pages/clip.html").exists() and "no known format" in (folder / "pages/index.html").read_text()


def test_a_video_that_moved_changed_or_broke_is_told_on_the_page(folder: Path) -> None:
    """The points are shown all the same; the message names what is wrong."""
    video, tracks = folder / "clip.mp4", folder / "tracks/clip.h5"
    good = video.read_bytes()
    cases = {
        "not found": lambda: video.rename(folder / "away.mp4"),
        "was changed since": lambda: video.write_bytes((folder / "away.mp4").read_bytes() + b"\0" * 8),
        "cannot be played": lambda: video.write_bytes(good[:200]),
    }
    for words, spoil in cases.items():
        spoil()
        done = write(tracks, "--html", folder / "one.html")
        assert done.exit_code == 0 and words in meta_of(folder / "one.html")["notice"], words
        assert words in done.stderr
    moved = write(tracks, "--html", folder / "one.html", "--video", folder / "away.mp4")
    assert moved.stderr == "" and meta_of(folder / "one.html")["video"] == "away.mp4"


def test_a_video_that_browsers_cannot_play_gets_a_copy_with_its_times(tmp_path: Path) -> None:
    """It lies beside the page, at most 720 px tall, and is not made again."""
    video = videos.variable_rate(tmp_path / "v.mkv")
    times = [frame.time for frame in Video(video).frames()]
    info = {"source": str(video), "width": 160, "height": 120}
    Tracks.from_rows(np.arange(24), np.zeros(24), np.stack([face()] * 24), times, info=info).save(tmp_path / "v.h5")
    assert write(tmp_path / "v.h5", "--html", tmp_path / "pages").exit_code == 0
    copy = tmp_path / "pages/v.video.mp4"
    assert meta_of(tmp_path / "pages/v.html")["video"] == "v.video.mp4"
    assert np.allclose([frame.time for frame in Video(copy).frames()], times, atol=1e-5) and playable(probe(copy))
    before = copy.stat().st_mtime_ns
    write(tmp_path / "v.h5", "--html", tmp_path / "pages")
    assert copy.stat().st_mtime_ns == before


def test_a_copy_is_small(tmp_path: Path) -> None:
    """A tall video is scaled down."""
    video = videos.clip(tmp_path / "t.avi", [videos.numbered(0, 1600, 960)] * 2)
    copy = tmp_path / "t.video.mp4"
    film, path = find_film(tracks_of(face()[None], info={"source": str(video)}), tmp_path, copy=copy)
    assert path == copy and film.url == "t.video.mp4" and (probe(copy).width, probe(copy).height) == (1200, 720)


def test_edits_beside_the_tracks_are_on_the_page(folder: Path) -> None:
    """A face that was named has its name, and one that was deleted is gone."""
    path = edits_path(folder / "tracks/clip.h5")
    append_edits(path, [Edit("name", "a", {"face": 0, "name": "Ann </script>"})])
    write(folder / "tracks/clip.h5", "--html", folder / "one.html")
    assert meta_of(folder / "one.html")["names"] == {"0": "Ann </script>"}
    append_edits(path, [Edit("delete", "b", {"face": 0})])
    write(folder / "tracks/clip.h5", "--html", folder / "one.html")
    meta = meta_of(folder / "one.html")
    assert meta["faces"] == [] and meta["gaps"][0]["last"] == 23


def test_tracks_without_faces_or_frames_have_a_page(tmp_path: Path) -> None:
    """The page tells that there is no face."""
    for name, tracks in {"none": Tracks.empty([0.0, 0.04, 0.08]), "nothing": Tracks.empty([])}.items():
        tracks.save(tmp_path / f"{name}.h5")
        done = write(tmp_path / f"{name}.h5", "--html", tmp_path / "pages")
        assert done.exit_code == 0, done.output
        assert "0 faces" in meta_of(tmp_path / f"pages/{name}.html")["summary"]


def test_the_table_tells_coverage_and_stretches_without_a_face(folder: Path) -> None:
    """After the spans; JSON has the same."""
    done = write(folder / "tracks/clip.h5")
    assert "clip.h5: a face in 20 of 24 frames (83 %)\n  no face from 0:00.800 to 0:00.920, 4 frames" in done.stdout
    about = json.loads(write(folder / "tracks/clip.h5", "--json").stdout)["files"]
    (about,) = about.values()
    assert (about["with_face"], about["frames"], about["without_face"][0]["first"]) == (20, 24, 20)


def test_wrong_calls_are_refused(folder: Path) -> None:
    """One page for many videos, both ways to look at once, and a folder that cannot be made."""
    tracks = folder / "tracks/clip.h5"
    (folder / "tracks/b.h5").write_bytes(tracks.read_bytes())
    (folder / "empty").mkdir()
    for arguments, kind in (
        ([folder / "tracks", "--html", folder / "one.html"], UsageError),
        ([tracks, "--html", folder / "pages", "--edit"], UsageError),
        ([tracks, "--html", tracks], UsageError),
        ([tracks, "--export-frames", "3"], UsageError),
        ([folder / "empty"], FormatError),
    ):
        done = CliRunner().invoke(review, [str(a) for a in arguments])
        assert isinstance(done.exception, kind), arguments
