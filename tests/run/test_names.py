"""Every video has a result of its own, named as one would expect, inside the output folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redtrack.run.names import name_outputs, safe_name


def own(*paths: str) -> list[str]:
    return [names[0] for names in name_outputs([Path(path) for path in paths])]


def test_result_is_named_for_the_stem() -> None:
    assert own("a/one.mp4", "b/two.x.mkv") == ["one", "two.x"]


def test_two_endings_tell_two_videos_apart() -> None:
    assert own("a/clip.mp4", "a/clip.avi", "a/other.avi") == ["clip.mp4", "clip.avi", "other"]


def test_two_folders_tell_two_videos_apart() -> None:
    assert own("/v/001/vid.avi", "/v/002/vid.avi") == ["001-vid", "002-vid"]


def test_as_many_folders_are_named_as_it_takes() -> None:
    assert own("/x/cam/vid.avi", "/y/cam/vid.avi") == ["x-cam-vid", "y-cam-vid"]


def test_folders_and_endings_together_tell_apart_what_neither_does() -> None:
    assert own("/v/mon/vid.avi", "/v/mon/vid.mp4", "/v/tue/vid.mp4") == ["mon-vid.avi", "mon-vid.mp4", "tue-vid.mp4"]


def test_letters_that_differ_in_case_only_do_not_tell_apart() -> None:
    assert own("/a/Clip.mp4", "/b/clip.mp4") == ["a-Clip", "b-clip"]


def test_name_that_another_video_has_is_not_taken() -> None:
    names = own("/a/vid.mp4", "/b/vid.mp4", "/c/a-vid.mp4")
    assert len(set(names)) == 3 and names[2] == "a-vid"


def test_last_name_holds_a_checksum_of_the_path() -> None:
    (names,) = name_outputs([Path("/a/clip.mp4")])
    assert names[0] == "clip" and names[-1].startswith("clip-") and len(names[-1]) == len("clip-") + 8


@pytest.mark.parametrize("name", ["..", ".", "", "...", "a/b", "a\\b", "../../etc/passwd", "\0", ".hidden", "x" * 999])
def test_safe_name_is_one_plain_file_name(name: str) -> None:
    made = safe_name(name)
    assert made and not made.startswith(".") and not set(made) & set("/\\\0") and len(made.encode()) <= 200
    assert (Path("/out") / f"{made}.h5").parent == Path("/out")


@given(st.lists(st.text(min_size=1, max_size=12).filter(lambda t: "\0" not in t), min_size=1, max_size=8, unique=True))
def test_no_two_paths_have_one_name(parts: list[str]) -> None:
    paths = list({str(p): p for p in (Path("/r", *f"{part}".split("/")) / "v.mp4" for part in parts)}.values())
    names = [group[0].casefold() for group in name_outputs(paths)]
    assert len(set(names)) == len(paths)
    assert all("/" not in name for name in names)


def test_long_name_is_made_shorter_where_the_system_speaks_ascii_alone(tmp_path: Path) -> None:
    """Its bytes stay what they are: a file can be made of it."""
    script = "import sys; from redtrack.run.names import safe_name; open(safe_name(sys.argv[1]), 'w').close()"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    plain["PYTHONPATH"] = str(Path(__file__).parents[2])
    call = [sys.executable, "-c", script, "\u65e5" * 80]
    subprocess.run(call, env=os.environ | plain, cwd=tmp_path, check=True)
    (made,) = tmp_path.iterdir()
    assert made.name.startswith("\u65e5" * 60) and len(os.fsencode(made.name)) <= 200
