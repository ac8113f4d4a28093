"""One video's trouble is its own: what it raises ends it, and no other."""

from pathlib import Path
from typing import Any

import pytest
import torch
from annotating import BLUE, Square, clip_of, square_models, still
from engine_jobs import Job, Kept, run

from redtrack.errors import Bug, OutputError, VideoError
from redtrack.inference.engine import Engine
from redtrack.inference.options import Options
from redtrack.inference.rows import RowMerger
from redtrack.inference.windows import Window
from redtrack.tracks import Tracks


def test_video_that_fails_leaves_the_others_alone(one: Path, two: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    jobs, _ = run([one, tmp_path / "bad.mp4", two])
    assert isinstance(jobs[1].error, VideoError)
    assert [job.error for job in (jobs[0], jobs[2])] == [None, None]
    assert jobs[2].sink.tracks().frames == 33


def test_sink_that_fails_ends_its_video_only(one: Path, two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redtrack.inference.tracker.BLOCK", 10)
    models, options = square_models(), Options()
    jobs = [Job(one, models, options, Kept(room=15)), Job(two, models, options)]
    list(Engine(models, options, 20).run(jobs))
    assert isinstance(jobs[0].error, OutputError) and jobs[1].error is None
    assert jobs[1].sink.tracks().frames == 33


class Broken(Job):
    def advance(self) -> list[Any]:
        raise ZeroDivisionError


def test_bug_ends_its_video_only_and_keeps_its_traceback(one: Path, two: Path) -> None:
    models, options = square_models(), Options()
    jobs = [Broken(one, models, options), Job(two, models, options)]
    list(Engine(models, options, 10).run(jobs))
    assert isinstance(jobs[0].error, Bug) and "in advance" in jobs[0].error.details
    assert jobs[1].error is None and jobs[1].sink.tracks().frames == 33


def test_bug_is_raised_as_it_is_where_a_bug_is_looked_for(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDTRACK_DEBUG", "1")
    models = square_models()
    with pytest.raises(ZeroDivisionError):
        list(Engine(models, Options(), 10).run([Broken(one, models, Options())]))


def test_video_that_fails_lets_go_of_its_frames(one: Path) -> None:
    """At once, though the error's traceback still refers to the video."""
    models, options = square_models(), Options()
    job = Job(one, models, options, Kept(room=15))
    list(Engine(models, options, 20).run([job]))
    assert job.error is not None and job.nbytes == 0


def test_video_that_is_broken_off_while_it_writes_writes_nothing_more(one: Path) -> None:
    """What it was writing may be half there, and rows behind a gap would be at the wrong frames."""

    class BrokenOff(BaseException):
        pass

    class Interrupted(Kept):
        calls = 0

        def append(self, chunk: Tracks) -> None:
            self.calls += 1
            raise BrokenOff

    models, options = square_models(), Options()
    job = Job(one, models, options, Interrupted())
    engine = Engine(models, options, 20)
    with pytest.raises(BrokenOff):
        list(engine.run([job]))
    assert list(engine.break_off()) == [job]
    assert job.error is None and job.sink.calls == 1  # type: ignore[attr-defined]


def test_frames_are_final_only_with_their_rows(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever between two lines a run is broken off."""

    class BrokenOff(BaseException):
        pass

    add = RowMerger.add_window

    def broken(self: RowMerger, window: Window, *found: Any) -> None:
        if window.first >= 20:
            raise BrokenOff
        add(self, window, *found)

    monkeypatch.setattr(RowMerger, "add_window", broken)
    models, options = square_models(), Options()
    job = Job(one, models, options)
    engine = Engine(models, options, 20)
    with pytest.raises(BrokenOff):
        list(engine.run([job]))
    monkeypatch.setattr(RowMerger, "add_window", add)
    list(engine.break_off())
    tracks = job.sink.tracks()
    assert tracks.frame.tolist() == list(range(tracks.frames)) and tracks.frames >= 20


def test_stopping_ends_every_open_job_after_the_current_step(one: Path, two: Path) -> None:
    models, options = square_models(), Options()
    jobs = [Job(path, models, options) for path in 8 * (one, two)]
    engine = Engine(models, options, 20, stopping=lambda: len(models.calls) >= 2)
    ended = list(engine.run(jobs))
    assert 2 <= len(models.calls) <= 3 + torch.get_num_threads(), "what is under way is waited for"
    assert 1 <= len(ended) < len(jobs) and not jobs[0].ended


def test_rows_that_the_sink_has_are_not_computed_again(one: Path) -> None:
    reference, whole = run([one])
    models, options = square_models(), Options()
    job = Job(one, models, options, Kept(frames=35))
    list(Engine(models, options, 40).run([job]))
    rest = job.sink.tracks()
    assert rest.same_as(reference[0].sink.tracks().between(35, 57))
    assert sum(call[0] for call in models.calls) < sum(call[0] for call in whole.calls)


@pytest.mark.parametrize(("every", "frames_a_chunk", "held"), [(10, 2, 21), (40, 10, 10**6)])
def test_resumed_video_whose_face_ended_before_has_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, frames_a_chunk: int, held: int
) -> None:
    """The frames stay that a look needs at a window whose rows are there, however late it is asked for."""
    squares = tuple(
        Square(colour, 50, still(20 + 100 * k, 60)) for k, colour in enumerate(((230, 40, 40), (40, 230, 40), BLUE))
    )
    path = clip_of(tmp_path / "three.mkv", squares, 100)
    boxes = tmp_path / "boxes.csv"
    lines = [f"{f},{20 + 100 * k},60,{69 + 100 * k},109,{k}" for f in range(100) for k in range(3) if k or f <= 29]
    boxes.write_text("frame,x0,y0,x1,y1,face_id\n" + "\n".join(lines))
    (whole,), _ = run([path], boxes=boxes, detect_every=every)
    monkeypatch.setattr("redtrack.inference.frames.CHUNK_BYTES", frames_a_chunk * 320 * 240 * 3)
    monkeypatch.setattr("redtrack.device.cpu.HOLD", held * 320 * 240 * 3)
    models, options = square_models(), Options(boxes=boxes, detect_every=every)
    job = Job(path, models, options, Kept(frames=45))
    list(Engine(models, options, 10).run([job]))
    assert job.error is None and job.sink.tracks().same_as(whole.sink.tracks().between(45, 100))
