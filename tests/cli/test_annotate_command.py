"""`redtrack annotate`: each option reaches the work, results go to stdout, the rest to stderr."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from annotating import ONE, clip_of, square_models
from click.testing import CliRunner, Result
from running import use

import redtrack
from redtrack.cli import cli
from redtrack.inference.engine import Engine
from redtrack.run.networks import Networks


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "one.mkv", (ONE,), 34)


class World:
    """The command line in the world of squares; remembers how the models were asked for."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.models = square_models()
        self.asked: list[Networks] = []
        self.batch = 0

    def __call__(self, *arguments: Any, status: int = 0) -> Result:
        done = CliRunner().invoke(cli, ["annotate", *map(str, arguments), "-o", str(self.out)])
        assert done.exit_code == status, (done.output, done.exception)
        return done

    def options(self, name: str = "one") -> dict[str, Any]:
        return redtrack.load(self.out / f"{name}.h5").info["options"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "out")
    made.asked = use(made.models, monkeypatch)
    run = Engine.run

    def watched(self: Engine, jobs: Any) -> Any:
        made.batch = self.batch
        return run(self, jobs)

    monkeypatch.setattr(Engine, "run", watched)
    return made


def test_results_are_listed_on_stdout_and_progress_on_stderr(world: World, video: Path) -> None:
    done = world(video)
    table = done.stdout.splitlines()
    assert table[0].split()[:3] == ["state", "frames", "damaged"]
    assert table[1].split()[:4] == ["done", "34", "0", "1"] and table[1].endswith(str(world.out / "one.h5"))
    assert table[-1] == "1 video: 1 done"
    assert "[1/1] done" in done.stderr


def test_failure_is_status_1_and_stands_last_in_the_table(world: World, video: Path, tmp_path: Path) -> None:
    done = world(tmp_path / "gone.mp4", video, status=1)
    lines = done.stdout.splitlines()
    assert lines[1].startswith("done") and lines[2].startswith("failed") and "no such file" in lines[2]
    assert lines[-1] == "2 videos: 1 done, 1 failed"


@pytest.mark.parametrize(
    ("option", "value", "name", "kept"),
    [
        ("--window", "4", "window", 4),
        ("--direction", "forward", "direction", "forward"),
        ("--direction", "backward", "direction", "backward"),
        ("--spatial-steps", "3", "spatial_steps", 3),
        ("--no-temporal", None, "temporal", False),
        ("--detect-every", "3", "detect_every", 3),
        ("--max-faces", "2", "max_faces", 2),
        ("--min-face", "12.5", "min_face", 12.5),
        ("--start", "0.5", "start", 0.5),
        ("--end", "0.75", "end", 0.75),
        ("--protocol", "tracking", "protocol", "tracking"),
        ("--dense", "30", "dense", 30),
    ],
)
def test_option_shapes_the_result_and_is_kept_in_it(
    world: World, video: Path, option: str, value: str | None, name: str, kept: Any
) -> None:
    world(video, option, *([] if value is None else [value]))
    options = world.options()
    assert options[name] == kept
    assert sum(options[other] != default for other, default in DEFAULTS.items()) == 1


DEFAULTS = {
    "window": 10,
    "direction": "both",
    "spatial_steps": None,
    "temporal": True,
    "detect_every": 10,
    "max_faces": None,
    "min_face": 0.0,
    "boxes": None,
    "detector": None,
    "start": None,
    "end": None,
    "protocol": "windows",
    "shape": True,
    "samples": None,
    "mirror": None,
    "dense": None,
    "stream": None,
    "fps": None,
    "rotate": None,
}


def test_defaults_are_those_of_python(world: World, video: Path) -> None:
    world(video)
    assert world.options() == DEFAULTS


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--dense", "30", "--no-shape"), "dense points lie on the 3D shape: leave out --no-shape"),
        (("--dense", "469"), "469 is not in the range 1<=x<=468"),
        (("--dense", "0"), "0 is not in the range"),
    ],
)
def test_dense_points_that_cannot_be_are_refused(
    world: World, video: Path, options: tuple[str, ...], words: str
) -> None:
    """As wrong usage, before anything is done."""
    assert words in " ".join(world(video, *options, status=2).stderr.replace("│", " ").split())


def test_own_boxes_are_used(world: World, video: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("".join(f"{frame},40,80,99,139\n" for frame in range(8)))
    world(video, "--boxes", boxes)
    assert redtrack.load(world.out / "one.h5").frame.tolist() == list(range(8))


def test_what_was_meant_but_is_not_there_is_told(world: World, video: Path, tmp_path: Path) -> None:
    """Boxes of frames that there are not, and a start after the last frame, are no failures, nor silent."""
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("".join(f"{frame},40,80,99,139\n" for frame in range(30, 36)))
    done = world(video, "--boxes", boxes)
    assert "2 boxes are of frames that it does not have" in done.stdout and "count from 0" in done.stderr
    assert "no frame is as late as 99 s" in world(video, "--start", 99).stdout
    assert "no frame" not in world(video, "--start", 1).stdout


def test_a_video_without_faces_is_done_and_says_so(world: World, video: Path) -> None:
    """It names what finds faces that lie on their side, unless that was asked for."""
    said = "no face was found; for faces on their side or upside down --rotate auto"
    assert said in world(video, "--min-face", 999).stdout
    turned = world(video, "--min-face", 999, "--rotate", 90).stdout
    assert "no face was found" in turned and "--rotate" not in turned
    assert "no face" not in world(video).stdout


def test_precision_and_decoder_reach_the_models(world: World, video: Path) -> None:
    world(video, "--precision", "bf16", "--decode", "cpu")
    assert (world.asked[0].resources.precision, world.asked[0].resources.decode) == ("bf16", "cpu")


def test_own_detector_reaches_the_models(world: World, video: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    own.touch()
    world(video, "--detector", own)
    assert world.asked[0].options.detector == own and world.options()["detector"] == str(own)


def test_batch_is_what_is_asked_for(world: World, video: Path) -> None:
    world(video, "--batch", "30")
    assert world.batch == 30
    world(video, "--batch", "auto", "--overwrite")
    assert world.batch >= 10


def test_device_and_weights_reach_the_models(world: World, video: Path) -> None:
    world(video, "--device", "cuda:1", "--weights", "other")
    assert (world.asked[0].weights, world.asked[0].resources.device) == ("other", "cuda:1")


def test_formats_are_written_beside(world: World, video: Path) -> None:
    world(video, "--format", "csv", "--format", "pts", "--format", "hdf5", "--pts-origin", "0")
    native = redtrack.load(world.out / "one.h5")
    assert abs(redtrack.load(world.out / "one.csv").points - native.points).max() < 0.001
    first = (world.out / "one" / "annot" / "000001.pts").read_text().splitlines()[3].split()
    assert abs(float(first[0]) - native.points[0, 0, 0]) < 0.001


def test_other_origin_writes_the_points_of_a_skipped_video_again(world: World, video: Path) -> None:
    first = world.out / "one" / "annot" / "000001.pts"
    world(video, "--format", "pts")
    from_one = float(first.read_text().split()[5])
    assert "1 skipped" in world(video, "--format", "pts", "--pts-origin", "0").stdout
    assert float(first.read_text().split()[5]) == pytest.approx(from_one - 1)


def test_measures_and_pose_are_columns_of_the_table_at_once(world: World, video: Path) -> None:
    """One command; the same with other columns writes the table anew, and asked for no table it is refused."""
    heads = []
    for columns in (["--with", "measures", "--with", "pose"], ["--with", "pose"], ["--with", "pose"]):
        done = world(video, "--format", "csv", *columns)
        heads.append((world.out / "one.csv").read_text().splitlines()[0].split(","))
    assert "skipped" in done.output
    assert {"pose_Rx", "left_eye_opening", "brow_gap", "pitch"} <= set(heads[0])
    assert "pose_Rx" in heads[1] and "pitch" not in heads[1] and heads[1] == heads[2]
    refused = world(video, "--with", "measures", status=2)
    assert "--with measures is for --format csv" in refused.stderr


def test_one_table_of_the_run(world: World, video: Path, tmp_path: Path) -> None:
    """Every video's lines with its name in front, those of skipped videos too; columns as asked for."""
    other = tmp_path / "in" / "a, b.mp4"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(video.read_bytes() + b"\0\0\0\x08free")
    (tmp_path / "bad.mp4").write_text("no video")
    table = tmp_path / "run.csv"
    for status, videos in ((0, [video]), (1, [video, other, tmp_path / "bad.mp4"])):
        done = world(*videos, "--table", table, "--with", "measures", status=status)
        assert f"{table}: {len(videos) - status} video" in done.stderr
    with open(table, newline="") as file:
        lines = list(csv.DictReader(file))
    own = redtrack.load(world.out / "one.h5")
    assert {line["video"] for line in lines} == {"a, b", "one"}
    assert len(lines) == 2 * max(own.frames, len(own)) and lines[0]["pitch"]
    assert [line["frame"] for line in lines[:3]] == ["1", "2", "3"]


@pytest.mark.parametrize(("name", "told"), [("run.xlsx", "end it in .csv or .parquet"), ("run", "no name of a table")])
def test_a_table_of_an_unknown_kind_is_wrong_usage(world: World, video: Path, name: str, told: str) -> None:
    assert told in world(video, "--table", world.out / name, status=2).stderr


def test_second_run_skips_and_overwrite_does_not(world: World, video: Path) -> None:
    world(video)
    calls = len(world.models.calls)
    assert "skipped" in world(video).stdout and len(world.models.calls) == calls
    assert "1 done" in world(video, "--overwrite").stdout and len(world.models.calls) == 2 * calls


def test_fail_fast_leaves_the_rest(world: World, video: Path, tmp_path: Path) -> None:
    done = world(tmp_path / "gone.mp4", video, "--fail-fast", status=1)
    assert done.stdout.splitlines()[-1] == "2 videos: 1 failed, 1 not begun"


def test_quiet_says_only_what_is_wrong(world: World, video: Path, tmp_path: Path) -> None:
    assert world(video, "--quiet").output == "" == world(video, "--overwrite", "-q").output
    done = world(video, tmp_path / "gone.mp4", "--quiet", status=1)
    assert done.stdout == "" and done.stderr.startswith("failed: ") and done.stderr.count("\n") == 1


def test_progress_as_json_is_a_line_an_event(world: World, video: Path) -> None:
    events = [json.loads(line) for line in world(video, "--progress", "json").stderr.splitlines()]
    assert [event["event"] for event in events if event["event"] != "frames"] == ["begin", "ended", "end"]
    assert events[0]["videos"] == 1 and events[-2]["state"] == "done" and events[-2]["frames"] == 34
    assert events[0]["version"] == redtrack.__version__ and events[0]["options"] == DEFAULTS
    assert events[-1]["status"] == 0 and events[-1]["totals"]["done"] == 1


def test_progress_none_keeps_the_table(world: World, video: Path) -> None:
    done = world(video, "--progress", "none")
    assert done.stderr == "" and "1 video: 1 done" in done.stdout


def test_live_display_ends_with_a_line_a_video(world: World, video: Path) -> None:
    assert "done" in world(video, "--progress", "rich").stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ["--window", "0"],
        ["--direction", "up"],
        ["--batch", "none"],
        ["--batch", "0"],
        ["--format", "gif"],
        ["--boxes", "nowhere.csv"],
        ["--start", "-1"],
        ["--start", "2", "--end", "1"],
        ["--progress", "loud"],
    ],
)
def test_wrong_option_is_status_2_and_writes_nothing(world: World, video: Path, wrong: list[str]) -> None:
    done = world(video, *wrong, status=2)
    assert "Error: " in done.stderr and not world.out.exists()


def test_output_folder_that_is_a_file_is_one_sentence(world: World, video: Path) -> None:
    world.out.touch()
    done = world(video, status=2)
    assert done.stderr == f"Error: {world.out}: is a file, not a folder; choose another -o\n"


def test_name_with_a_leading_dash_is_taken_after_two_dashes(
    world: World, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(video.parent)
    Path("-x.mkv").write_bytes(video.read_bytes())
    done = CliRunner().invoke(cli, ["annotate", "-o", str(world.out), "--", "-x.mkv"])
    assert done.exit_code == 0 and (world.out / "-x.h5").exists()
