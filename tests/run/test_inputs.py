"""What a user types becomes the videos that are meant."""

import os
from pathlib import Path

import pytest

from redtrack.errors import RedtrackError
from redtrack.run.inputs import find_videos


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with videos and other things, which is the working folder."""
    for name in ("b.mp4", "a.MKV", "note.txt", "cover.jpg", ".hidden.mp4", "deep/er/c.webm", "deep/.git/d.mp4"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str) -> list[str]:
    return [str(found) for found in find_videos(arguments)]


def only_error(*arguments: str) -> str:
    (found,) = find_videos(arguments)
    assert isinstance(found, RedtrackError)
    return str(found)


def test_folder_stands_for_the_videos_in_and_below_it_sorted(folder: Path) -> None:
    assert names("in") == ["in/a.MKV", "in/b.mp4", "in/deep/er/c.webm"]


def test_file_is_taken_whatever_its_ending(folder: Path) -> None:
    assert names("in/note.txt", "in/cover.jpg", "in/.hidden.mp4") == ["in/note.txt", "in/cover.jpg", "in/.hidden.mp4"]


def test_pattern_stands_for_what_fits_it(folder: Path) -> None:
    assert names("in/*.mp4") == ["in/b.mp4"]
    assert names("in/**/*.webm") == ["in/deep/er/c.webm"]


def test_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    Path("a[1].mp4").write_bytes(b"x")
    assert names("a[1].mp4") == ["a[1].mp4"]


def test_list_stands_for_its_lines(folder: Path) -> None:
    Path("list.txt").write_text("# comment\nin/b.mp4\r\n\nin/deep\n")
    assert names("@list.txt") == ["in/b.mp4", "in/deep/er/c.webm"]


def test_list_may_be_separated_by_nul_for_names_with_newlines(folder: Path) -> None:
    Path("new\nline.mp4").write_bytes(b"x")
    Path("list").write_bytes(b"new\nline.mp4\0in/b.mp4\0")
    assert names("@list") == ["new\nline.mp4", "in/b.mp4"]


def test_path_in_a_list_may_be_meant_from_the_lists_folder(folder: Path) -> None:
    Path("in/list.txt").write_text("b.mp4\n")
    assert names("@in/list.txt") == ["in/b.mp4"]


def test_file_that_begins_with_an_at_sign_is_a_file(folder: Path) -> None:
    Path("@clip.mp4").write_bytes(b"x")
    assert names("@clip.mp4") == ["@clip.mp4"]


def test_file_that_is_named_twice_is_done_once(folder: Path) -> None:
    os.symlink("b.mp4", "in/link.mp4")
    assert names("in/b.mp4", "./in/b.mp4", "in/*.mp4", "in/link.mp4") == ["in/b.mp4"]


def test_loop_of_links_ends(folder: Path) -> None:
    os.symlink("..", "in/deep/up")
    assert names("in") == ["in/a.MKV", "in/b.mp4", "in/deep/er/c.webm"]


def test_name_that_is_not_utf8_is_found(folder: Path) -> None:
    name = os.fsdecode(b"in/\xff\xfe.mp4")
    Path(name).write_bytes(b"x")
    assert name in names("in")


def test_missing_file_is_left_for_the_decoder_to_name(folder: Path) -> None:
    assert names("nowhere.mp4") == ["nowhere.mp4"]


@pytest.mark.parametrize(
    ("argument", "word"),
    [("empty", "folder without videos"), ("*.avi", "fits no file"), ("@nowhere.txt", "cannot be read")],
)
def test_argument_that_means_nothing_is_an_error_of_its_own(folder: Path, argument: str, word: str) -> None:
    assert word in only_error(argument)


def test_list_without_a_path_is_an_error(folder: Path) -> None:
    Path("list.txt").write_text("# nothing\n\n")
    assert "without a single path" in only_error("@list.txt")


def test_error_does_not_stop_the_arguments_after_it(folder: Path) -> None:
    assert names("empty", "in/b.mp4")[1:] == ["in/b.mp4"]


def test_folder_that_cannot_be_read_is_named_and_the_others_are_walked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(place: str) -> object:
        if str(place) == os.path.join("in", "deep"):
            raise PermissionError(13, "Permission denied", place)
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refusing)
    found = list(find_videos(["in"]))
    assert [str(path) for path in found if isinstance(path, Path)] == ["in/a.MKV", "in/b.mp4"]
    assert [str(error) for error in found if not isinstance(error, Path)] == [
        "in/deep: is a folder that cannot be read: permission denied; check its permissions"
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_list_of_windows_is_read(folder: Path, encoding: str) -> None:
    Path("in/list.txt").write_bytes("b.mp4\r\ndeep/er/c.webm\r\n".encode(encoding))
    assert names("@in/list.txt") == ["in/b.mp4", "in/deep/er/c.webm"]
