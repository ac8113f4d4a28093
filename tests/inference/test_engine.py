"""The engine fills batches across faces and videos, and one video's trouble is its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from annotating import BLUE, ONE, RED, TWO, Square, SquareModels, clip_of, drift, square_models, still, true_points

from redtrack.errors import Bug, DeviceError, OutputError, VideoError
from redtrack.inference.annotate import InMemory
from redtrack.inference.engine import Engine
from redtrack.inference.options import Options
from redtrack.inference.rows import RowMerger
from redtrack.inference.tracker import Tracker
from redtrack.inference.windows import Window
from redtrack.tracks import RowState, Tracks


class Kept(InMemory):
    """Rows in memory; fails once it holds `room` frames."""

    def __init__(self, room: int = 10**9, frames: int = 0) -> None:
        super().__init__()
        self.frames, self.room = frames, room

    def append(self, chunk: Tracks) -> None:
        super().append(chunk)
        if sum(part.frames for part in self.parts) > self.room:
            raise OutputError("is full")


class Job(Tracker):
    """A video whose rows stay in memory."""

    def __init__(self, path: Path, models: SquareModels, options: Options, sink: Kept | None = None) -> None:
        self.sink = sink or Kept()
        super().__init__(path, models, options, self.sink)


def run(
    paths: list[Path], batch: int = 40, models: SquareModels | None = None, **how: Any
) -> tuple[list[Job], SquareModels]:
    """Runs the videos together; returns their jobs, in order, and the models with the calls they had."""
    models = models or square_models()
    options = Options(**how)
    jobs = [Job(path, models, options) for path in paths]
    ended = list(Engine(models, options, batch).run(jobs))
    assert sorted(map(id, ended)) == sorted(map(id, jobs)), "each job ends once"
    return jobs, models


def worst(tracks: Tracks, face: int, square: Square) -> float:
    """The largest error of one face's points in px."""
    rows = tracks.face_rows(face)
    truth = np.stack([true_points(square, int(frame)) for frame in tracks.frame[rows]])
    return float(np.abs(tracks.points[rows] - truth).max())


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "one.mkv", (ONE,), 57)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "two.mkv", (ONE, TWO), 33)


def test_points_are_where_the_face_is_in_every_frame(one: Path) -> None:
    (job,), _ = run([one])
    tracks = job.sink.tracks()
    assert tracks.frames == 57 and tracks.faces == [0] and len(tracks) == 57
    assert worst(tracks, 0, ONE) < 2


def test_two_faces_keep_their_points_apart(two: Path) -> None:
    (job,), _ = run([two])
    tracks = job.sink.tracks()
    assert len(tracks) == 66 and max(worst(tracks, 0, ONE), worst(tracks, 1, TWO)) < 2


def test_windows_of_several_videos_share_a_call(one: Path, two: Path) -> None:
    """Two short videos of 20 and 33 frames fill calls of 6 windows that neither could fill alone."""
    _, models = run([two, one], batch=60)
    windows = [call[0] for call in models.calls if call[1] == 10]
    assert 6 in windows and sum(windows) < 20 and len(windows) < 6


@pytest.mark.parametrize("batch", [1, 20, 30, 1000])
def test_batch_size_does_not_change_a_point(one: Path, two: Path, batch: int) -> None:
    reference, _ = run([one, two])
    jobs, models = run([one, two], batch=batch)
    assert max(call[0] * call[1] for call in models.calls) <= max(10, batch)
    for job, other in zip(jobs, reference, strict=True):
        assert job.sink.tracks().same_as(other.sink.tracks())


def test_video_gives_the_same_rows_alone_and_among_others(one: Path, two: Path) -> None:
    together, _ = run([two, one, two])
    alone, _ = run([one])
    assert together[1].sink.tracks().same_as(alone[0].sink.tracks())


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


class Forgetful(SquareModels):
    """A device with room for so many windows."""

    room = 2

    def predict(self, crops: torch.Tensor, lengths: np.ndarray, options: Any, seven: Any = None) -> Any:
        if crops.shape[0] * crops.shape[1] > self.room * 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().predict(crops, lengths, options, seven)


def forgetful(room: int) -> SquareModels:
    models = square_models()
    made = Forgetful(**{name: getattr(models, name) for name in models.__dataclass_fields__})
    object.__setattr__(made, "room", room)
    return made


class Doubting(SquareModels):
    """A network that believes in no face."""

    def predict(self, crops: torch.Tensor, lengths: np.ndarray, options: Any, seven: Any = None) -> Any:
        found = super().predict(crops, lengths, options, seven)
        return found._replace(scores=0 * found.scores)


def test_faces_that_the_network_disbelieves_are_none(one: Path) -> None:
    """What was followed and has no rows is told as no face, as it is where nothing was followed."""
    models = square_models()
    doubting = Doubting(**{name: getattr(models, name) for name in models.__dataclass_fields__})
    job = Job(one, doubting, Options())
    list(Engine(doubting, Options()).run([job]))
    assert not len(job.sink.tracks()) and job.faces
    assert str(job.remark).startswith("no face was found; for faces on their side or upside down")


def test_batch_halves_itself_when_memory_runs_out_and_says_so_once(one: Path) -> None:
    said: list[str] = []
    models, options = forgetful(2), Options()
    job = Job(one, models, options)
    engine = Engine(models, options, 160, tell=said.append)
    list(engine.run([job]))
    assert len(said) == 1 and "out of memory" in said[0] and "20 crops" not in said[0][:10]
    assert engine.batch == 20
    reference, _ = run([one])
    assert job.sink.tracks().same_as(reference[0].sink.tracks())


def test_device_without_room_for_one_window_is_an_error(one: Path) -> None:
    (job,), _ = run([one], models=forgetful(0))
    assert isinstance(job.error, DeviceError) and "single window" in job.error.message


class Crowded(Job):
    """A video on a device whose memory is full the first so many times that crops are cut."""

    full = 3

    def crops(self, window: Window) -> tuple[Window, torch.Tensor]:
        self.full -= 1
        if self.full >= 0:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().crops(window)


@pytest.mark.parametrize("full", [1, 3])
def test_crops_wait_where_there_is_no_memory_for_them(one: Path, full: int) -> None:
    """Until a call has ended, or for smaller calls; no video fails, and the points are the same."""
    models, options = square_models(), Options()
    job = Crowded(one, models, options)
    job.full = full
    list(Engine(models, options, 160).run([job]))
    reference, _ = run([one])
    assert job.error is None and job.sink.tracks().same_as(reference[0].sink.tracks())


def test_crops_that_never_fit_fail_their_video_only(one: Path, two: Path) -> None:
    """A window by itself, with nothing under way: its frames are too large."""
    models, options = square_models(), Options()
    jobs = [Crowded(one, models, options), Job(two, models, options)]
    jobs[0].full = 10**9  # type: ignore[attr-defined]
    list(Engine(models, options, 10).run(jobs))
    assert jobs[1].error is None and jobs[1].sink.tracks().frames == 33
    assert jobs[0].error is not None and "too large" in jobs[0].error.message


def test_stopping_ends_every_open_job_after_the_current_step(one: Path, two: Path) -> None:
    models, options = square_models(), Options()
    jobs = [Job(path, models, options) for path in 8 * (one, two)]
    engine = Engine(models, options, 20, stopping=lambda: len(models.calls) >= 2)
    ended = list(engine.run(jobs))
    assert 2 <= len(models.calls) <= 3 + torch.get_num_threads(), "what is under way is waited for"
    assert 1 <= len(ended) < len(jobs) and not jobs[0].ended


def test_frames_in_hand_stay_few_however_long_the_video(tmp_path: Path) -> None:
    """At most three detection intervals, what is decoded at once, a batch, and the calls that are under way or wait:
    two a core and the looks before them."""
    path = clip_of(tmp_path / "long.mkv", (Square(RED, 40, still(100, 100)),), 600)
    held: list[int] = []

    class Watched(Job):
        def advance(self) -> list[Any]:
            windows = super().advance()
            held.append(self.nbytes // (320 * 240 * 3))
            return windows

    models = square_models()
    list(Engine(models, Options(), 20).run([Watched(path, models, Options())]))
    assert max(held) <= 30 + 40 + 20 + 60 * torch.get_num_threads()
    assert max(held[15:]) <= max(held[:15])


def test_large_frames_are_held_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many whole ones as may wait for their rows and those in hand, then what lies around the face; the points are
    where the face is.
    """
    frame = 320 * 240 * 3
    monkeypatch.setattr("redtrack.inference.frames.CHUNK_BYTES", frame)
    monkeypatch.setattr("redtrack.inference.frames.FRAME_BYTES", frame // 8)
    monkeypatch.setattr("redtrack.faces.follow.WAITING_BYTES", 9 * frame)
    square = Square(RED, 60, still(100, 100))
    path, models, held = clip_of(tmp_path / "large.mkv", (square,), 120), square_models(), []

    class Watched(Job):
        def advance(self) -> list[Any]:
            windows = super().advance()
            held.append(self.nbytes / frame)
            return windows

    job = Watched(path, models, Options())
    list(Engine(models, Options(), 20).run([job]))
    assert max(held) <= 9 + 4 + 80 / 8
    assert len(job.sink.tracks()) == 120 and worst(job.sink.tracks(), 0, square) < 3


def test_small_batch_runs_when_much_memory_is_held(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redtrack.device.cpu.HOLD", 1)
    _, models = run([one], batch=1000)
    assert len(models.calls) > 1


def test_videos_are_opened_only_shortly_before_they_are_needed(one: Path) -> None:
    opened: list[int] = []

    def source() -> Iterator[Job]:
        for number in range(6):
            opened.append(number)
            yield Job(one, models, options)

    models, options = square_models(), Options()
    runs = Engine(models, options, 10).run(source())
    next(runs)
    assert len(opened) <= 4
    assert len(list(runs)) == 5


def test_fast_face_is_looked_at_again_where_its_interpolated_box_is_off(tmp_path: Path) -> None:
    """A square that swings between two detections leaves the straight line; the second look finds it."""
    swing = Square(BLUE, 60, lambda f: (120 + 18 * np.sin(f * np.pi / 10), 90))
    path = clip_of(tmp_path / "swing.mkv", (swing,), 41)
    (job,), _ = run([path])
    tracks = job.sink.tracks()
    assert (tracks.state == RowState.REFINED).any()
    assert worst(tracks, 0, swing) < 2
    refined = tracks.state == RowState.REFINED
    truth = np.stack([true_points(swing, int(f)) for f in tracks.frame[refined]])
    assert np.abs(tracks.points[refined] - truth).max() < 2


def test_tracking_crops_each_frame_from_the_one_before(tmp_path: Path) -> None:
    """Frame by frame, in windows of one; the points are as good as those of windows here."""
    path = clip_of(tmp_path / "drift.mkv", (Square(RED, 60, drift(20, 80, 3)),), 25)
    (job,), models = run([path], protocol="tracking")
    assert set(models.calls) == {(1, 1, 3, 64, 64)} and len(models.calls) == 25
    tracks = job.sink.tracks()
    assert worst(tracks, 0, Square(RED, 60, drift(20, 80, 3))) < 2
    assert not (tracks.state == RowState.REFINED).any()


def test_nobody_believes_a_face_of_no_score(one: Path) -> None:
    (job,), _ = run([one], models=square_models(score=0.01))
    tracks = job.sink.tracks()
    assert len(tracks) == 0 and tracks.frames == 57


def test_rows_that_the_sink_has_are_not_computed_again(one: Path) -> None:
    reference, whole = run([one])
    models, options = square_models(), Options()
    job = Job(one, models, options, Kept(frames=35))
    list(Engine(models, options, 40).run([job]))
    rest = job.sink.tracks()
    assert rest.same_as(reference[0].sink.tracks().between(35, 57))
    assert sum(call[0] for call in models.calls) < sum(call[0] for call in whole.calls)


def test_start_and_end_leave_frames_in_their_place(one: Path) -> None:
    (job,), _ = run([one], start=0.4, end=1.6)
    tracks = job.sink.tracks()
    assert tracks.frames == 40 and tracks.frame.min() == 10 and tracks.frame.max() == 39
    assert tracks.times[10] == pytest.approx(0.4) and worst(tracks, 0, ONE) < 2


def test_own_boxes_replace_the_detector_and_keep_their_frame_numbers(one: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    lines = [
        f"{frame},{40 + 1.5 * frame},{80 + frame / 4},{99 + 1.5 * frame},{139 + frame / 4},5" for frame in range(57)
    ]
    boxes.write_text("frame,x0,y0,x1,y1,face_id\n" + "\n".join(lines))
    models = square_models(detector=None)
    (job,), _ = run([one], models=models, boxes=boxes, start=0.4)
    tracks = job.sink.tracks()
    assert tracks.faces == [5] and tracks.frame.tolist() == list(range(10, 57)) and worst(tracks, 5, ONE) < 2


def test_faces_are_limited_in_number_and_size(two: Path) -> None:
    (largest,), _ = run([two], max_faces=1)
    assert worst(largest.sink.tracks(), 0, ONE) < 2 and len(largest.sink.tracks()) == 33
    (large,), _ = run([two], min_face=55)
    assert large.sink.tracks().faces == [0]


def test_window_and_detection_interval_are_as_asked_for(one: Path) -> None:
    (_,), models = run([one], window=5, detect_every=3)
    assert {call[1] for call in models.calls} == {5, 1}  # and looks at single frames
    _, often = run([one], detect_every=1)
    assert often.detector.frames > models.detector.frames  # type: ignore[union-attr]


def test_no_window_spans_a_cut(tmp_path: Path) -> None:
    """Two shots, one face in each at another place: no id and no window lasts into the next shot."""
    first, second = Square(RED, 70, still(10, 20)), Square(RED, 70, still(220, 140))
    both = Square(RED, 70, lambda f: first.at(f) if f < 17 else second.at(f))
    path = clip_of(tmp_path / "cut.mkv", (both,), 40)
    (job,), models = run([path])
    tracks = job.sink.tracks()
    assert [tracks.frame[tracks.face_rows(face)].tolist() for face in tracks.faces] == [
        list(range(17)),
        list(range(17, 40)),
    ]
    assert worst(tracks, 0, first) < 2 and worst(tracks, 1, second) < 2


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
