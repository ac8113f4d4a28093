"""What a user types becomes the videos that are meant."""

import os
from pathlib import Path

import pytest

from redtrack.errors import RedtrackError
from redtrack.run.inputs import Inputs, find_videos


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


BEGINNINGS = {
    "b.gif": b"GIF89a",
    "c.MOD": b"\x00\x00\x01\xba",
    "d.qt": b"\x00\x00\x00\x14ftypqt  ",
    "e.insv": b"\x00\x00\x00\x18ftypmp42",
    "f.3gpp": b"\x00\x00\x00\x18ftyp3gp4",
    "g.LRV": b"\x00\x00\x00\x14ftypmp41",
    "h": b"\x1a\x45\xdf\xa3",
    "i.tod": b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47",
}


def test_video_of_an_unknown_ending_is_taken_by_how_it_begins(folder: Path) -> None:
    """Sound and pictures are not, whatever their container is."""
    for name, content in BEGINNINGS.items():
        Path("empty", name).write_bytes(content + bytes(2000))
    Path("empty", "sound.m4a").write_bytes(b"\x00\x00\x00\x18ftypM4A " + bytes(100))
    Path("empty", "sound").write_bytes(b"\x00\x00\x00\x18ftypM4A " + bytes(100))
    os.mkfifo("empty/pipe")
    assert names("empty") == [f"empty/{name}" for name in BEGINNINGS]


def test_files_that_were_not_taken_are_counted_and_named(folder: Path) -> None:
    """Results of earlier runs are not mentioned."""
    for name in ("clip.h5", "run.jsonl", *(f"{number}.txt" for number in range(6))):
        Path("in", name).touch()
    inputs = Inputs()
    assert len(list(inputs.find(["in"]))) == 3
    assert inputs.remark() == (
        "8 files were not taken, being no video: in/0.txt, in/1.txt, in/2.txt, in/3.txt, in/4.txt and 3 more; "
        "pictures are taken where they are named"
    )
    assert Inputs().remark() is None


def test_other_names_of_a_video_are_kept(folder: Path) -> None:
    """A link or a hard link is another name; the same path written otherwise is not."""
    os.symlink("b.mp4", "in/link.mp4")
    os.link("in/b.mp4", "in/hard.mp4")
    inputs = Inputs()
    found = list(inputs.find(["in/b.mp4", "./in/b.mp4", "in"]))
    assert [str(path) for path in found] == ["in/b.mp4", "in/a.MKV", "in/deep/er/c.webm"]
    assert inputs.duplicates == {Path("in/hard.mp4"): Path("in/b.mp4"), Path("in/link.mp4"): Path("in/b.mp4")}


def test_inode_0_is_no_identity(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As network drives on Windows report it for every file."""
    stat = os.stat

    def zero(*args: object, **options: object) -> os.stat_result:
        values = list(stat(*args, **options))  # type: ignore[arg-type]
        return os.stat_result([values[0], 0, *values[2:]])

    monkeypatch.setattr(os, "stat", zero)
    assert names("in", "in/../in/b.mp4") == ["in/a.MKV", "in/b.mp4", "in/deep/er/c.webm"]


def test_list_that_is_a_device_or_a_pipe_is_refused(folder: Path) -> None:
    """/dev/zero has no end, and a pipe may have no other end; pipes that a shell makes are read."""
    os.mkfifo("list")
    assert "is a pipe or a device" in only_error("@/dev/zero") and "is a pipe or a device" in only_error("@list")
    read, write = os.pipe()
    os.write(write, b"in/b.mp4\n")
    os.close(write)
    assert names(f"@/dev/fd/{read}") == ["in/b.mp4"]
    os.close(read)


def test_address_is_refused(folder: Path) -> None:
    """As it was typed, with what to do."""
    told = "https://example.org/a.mp4: is an address, and only files are read; download it first"
    assert only_error("https://example.org/a.mp4") == told
