"""A batch ends, whatever is in it: each video is named with what became of it, and the next run does only the rest."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from annotating import SquareModels, square_models
from run_folders import files, states
from running import run

import redtrack
from redtrack.errors import DeviceError, OutputError
from redtrack.formats import TracksWriter
from redtrack.run.output import Output


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]


def test_videos_end_done_with_their_tracks_and_counts(clips: Path, out: Path) -> None:
    outcomes = run([clips], out)
    assert states(outcomes) == {"a.mkv": "done", "b.mkv": "done"}
    assert files(out) == {"a.h5", "b.h5", "run.jsonl"}
    tracks = redtrack.load(out / "b.h5")
    assert tracks.complete and tracks.faces == [0, 1] and len(tracks) == 66
    counts = outcomes["b.mkv"].counts
    assert (counts.frames, counts.faces, counts.rows, counts.damaged) == (33, 2, 66, 0)


def test_result_says_where_it_came_from(clips: Path, out: Path) -> None:
    run([clips / "a.mkv"], out, max_faces=3)
    info = redtrack.load(out / "a.h5").info
    assert info["source"] == str((clips / "a.mkv").resolve()) and len(info["source_digest"]) == 64
    assert (info["width"], info["height"], info["codec"], info["rotation"]) == (320, 240, "ffv1", 0)
    assert info["weights_digest"] == "1" and info["detector_digest"] == "2" and info["version"] == redtrack.__version__
    assert info["options"]["max_faces"] == 3 and info["options"]["window"] == 10 and info["device"] == "cpu"


def test_same_command_again_skips_what_is_done(clips: Path, out: Path) -> None:
    run([clips], out)
    before = {name: (out / name).stat().st_mtime_ns for name in ("a.h5", "b.h5")}
    models = square_models()
    outcomes = run([clips], out, models)
    assert set(states(outcomes).values()) == {"skipped"} and models.calls == []
    assert outcomes["b.mkv"].counts.rows == 66
    assert before == {name: (out / name).stat().st_mtime_ns for name in before}


@pytest.mark.parametrize("change", ["options", "weights", "source", "overwrite", "broken"])
def test_what_was_made_otherwise_is_made_anew(clips: Path, out: Path, tmp_path: Path, change: str) -> None:
    """Other options, weights or content, a spoilt file, or the wish to: existence alone is not completeness."""
    video = tmp_path / "a.mkv"
    shutil.copy(clips / "a.mkv", video)
    run([video], out)
    how: dict[str, Any] = {}
    if change == "options":
        how = {"window": 5}
    if change == "weights":
        how = {"models": square_models(about={"weights_digest": "9", "detector_digest": "2"})}
    if change == "source":
        shutil.copy(clips / "b.mkv", video)
    if change == "overwrite":
        how = {"overwrite": True}
    if change == "broken":
        (out / "a.h5").write_bytes((out / "a.h5").read_bytes()[:3000])
    assert states(run([video], out, **how)) == {"a.mkv": "done"}
    assert redtrack.load(out / "a.h5").frames == (33 if change == "source" else 57)
    assert files(out) == {"a.h5", "run.jsonl"}


def test_bad_inputs_are_named_and_the_others_are_done(clips: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "nothing").mkdir()
    names = ["nowhere.mp4", "text.mp4", "empty.mp4", "nothing"]
    outcomes = run([*(tmp_path / name for name in names), clips / "a.mkv"], out)
    assert states(outcomes) == dict.fromkeys(names, "failed") | {"a.mkv": "done"}
    assert all(outcomes[name].reason for name in names)
    assert outcomes["nowhere.mp4"].reason == "no such file; check the spelling"
    assert files(out) == {"a.h5", "run.jsonl"}


def test_log_has_a_line_for_every_video(clips: Path, out: Path, tmp_path: Path) -> None:
    run([clips / "a.mkv", tmp_path / "gone.mp4"], out)
    lines = {Path(line["source"]).name: line for line in log(out)}
    assert lines["a.mkv"]["state"] == "done" and lines["a.mkv"]["frames"] == 57 and lines["a.mkv"]["faces"] == 1
    assert lines["a.mkv"]["output"] == str(out / "a.h5") and lines["a.mkv"]["options"]["window"] == 10
    assert lines["a.mkv"]["weights_digest"] == "1" and lines["a.mkv"]["version"] == redtrack.__version__
    assert lines["gone.mp4"]["state"] == "failed" and "no such file" in lines["gone.mp4"]["reason"]
    assert lines["a.mkv"]["run"] == lines["gone.mp4"]["run"]
    run([clips / "a.mkv"], out)
    assert [line["state"] for line in log(out)][-1] == "skipped" and len(log(out)) == 3


def test_truncated_video_is_partial_and_is_not_done_twice(clips: Path, out: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    whole = (clips / "a.mkv").read_bytes()
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    outcome = run([cut], out)["cut.mkv"]
    assert outcome.state == "partial" and outcome.reason and 10 < outcome.counts.frames < 57
    tracks = redtrack.load(out / "cut.h5")
    assert not tracks.complete and tracks.info["reason"] == outcome.reason
    models = square_models()
    again = run([cut], out, models)["cut.mkv"]
    assert again.state == "partial" and outcome.reason in (again.reason or "") and models.calls == []


def test_fault_of_redtracks_own_costs_its_video_only(
    clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told with its traceback; with REDTRACK_DEBUG it ends the run."""
    append = TracksWriter.append

    def faulty(self: TracksWriter, chunk: Any) -> None:
        if self.path.name == "a.h5":
            raise KeyError("no such thing")
        append(self, chunk)

    monkeypatch.setattr(TracksWriter, "append", faulty)
    outcomes = run([clips], out)
    assert states(outcomes) == {"a.mkv": "failed", "b.mkv": "done"}
    assert "a fault of redtrack's own (KeyError: 'no such thing')" in (outcomes["a.mkv"].reason or "")
    assert "in faulty" in capsys.readouterr().err and files(out) == {"b.h5", "run.jsonl"}
    monkeypatch.setenv("REDTRACK_DEBUG", "1")
    with pytest.raises(KeyError):
        run([clips], out)


@pytest.mark.parametrize("error", [DeviceError("has no memory for a single window"), ZeroDivisionError("network")])
def test_fault_in_a_call_of_the_network_ends_what_shared_it_and_no_more(
    clips: Path, out: Path, tmp_path: Path, error: Exception
) -> None:
    """Each is named with the reason, and the videos that come after are done."""
    for name in ("c.mkv", "d.mkv"):
        shutil.copy(clips / "b.mkv", tmp_path / name)
    outcomes = run([clips, tmp_path / "c.mkv", tmp_path / "d.mkv"], out, FaultyModels.of(square_models(), error))
    assert len(outcomes) == 4 and outcomes["d.mkv"].state == "done"
    failed = [outcome for outcome in outcomes.values() if outcome.state == "failed"]
    assert failed and all(str(error) in (outcome.reason or "") for outcome in failed)


class FaultyModels(SquareModels):
    """Fails at the first call."""

    @classmethod
    def of(cls, models: SquareModels, error: Exception) -> "FaultyModels":
        made = cls(**{name: getattr(models, name) for name in models.__dataclass_fields__})
        object.__setattr__(made, "error", error)
        return made

    def predict(self, *args: Any) -> Any:
        self.calls.append(())
        if len(self.calls) == 1:
            raise self.error  # type: ignore[attr-defined]
        return super().predict(*args)


def test_a_gpu_that_fails_ends_the_run_and_no_video(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All further calls would fail as well; the same command goes on from what there is."""
    predict = SquareModels.predict

    def fail(self: SquareModels, *what: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might …")

    monkeypatch.setattr(SquareModels, "predict", fail)
    with pytest.raises(DeviceError, match="failed .CUDA error: an illegal memory access was encountered.; give the"):
        run([clips], out)
    monkeypatch.setattr(SquareModels, "predict", predict)
    assert {line["state"] for line in log(out)} == {"partial"}
    assert set(states(run([clips], out)).values()) == {"done"}


def test_pipe_is_named_and_does_not_hold_up_the_others(clips: Path, out: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    outcomes = run([tmp_path / "pipe.mp4", clips / "a.mkv"], out)
    assert states(outcomes) == {"pipe.mp4": "failed", "a.mkv": "done"}
    assert "is a pipe or a device" in (outcomes["pipe.mp4"].reason or "")


def test_file_that_grows_is_partial_and_done_anew(
    clips: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there is done, the reason is told, and the next run takes the file as it is then."""
    video = tmp_path / "live.mkv"
    shutil.copy(clips / "a.mkv", video)
    opened = Output.open

    def growing(self: Output, info: Any) -> Any:
        with open(video, "ab") as file:
            file.write(bytes(1000))
        return opened(self, info)

    with monkeypatch.context() as patch:
        patch.setattr(Output, "open", growing)
        outcome = run([video], out)["live.mkv"]
    assert (outcome.state, outcome.reason) == ("partial", "the file changed while it was read")
    assert outcome.counts.frames == 57
    models = square_models()
    assert states(run([video], out, models)) == {"live.mkv": "done"} and models.calls


def test_fail_fast_stops_at_the_first_failure(clips: Path, out: Path, tmp_path: Path) -> None:
    outcomes = run([tmp_path / "gone.mp4", clips / "a.mkv", clips / "b.mkv"], out, fail_fast=True)
    assert outcomes["gone.mp4"].state == "failed" and "done" not in states(outcomes).values()


def test_full_disk_fails_the_video_and_leaves_nothing(clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = TracksWriter.append

    def full(self: TracksWriter, chunk: Any) -> None:
        if self.path.name == "a.h5":
            raise OutputError("cannot be written: no space left on device", self.path)
        append(self, chunk)

    monkeypatch.setattr(TracksWriter, "append", full)
    outcomes = run([clips], out)
    assert states(outcomes) == {"a.mkv": "failed", "b.mkv": "done"}
    assert "no space left" in (outcomes["a.mkv"].reason or "")
    assert files(out) == {"b.h5", "run.jsonl"}
