"""Errors are one sentence with the path and the remedy."""

import errno
import pickle
from pathlib import Path

import pytest

from redtrack import errors
from redtrack.errors import Bug, RedtrackError, VideoError, absent, as_bug, printable


def test_str_joins_path_message_and_remedy() -> None:
    """The text names the file first, then what is wrong, then what to do."""
    error = VideoError("no such file", "clips/a.mp4", "check the spelling")
    assert str(error) == "clips/a.mp4: no such file; check the spelling"


def test_str_without_path_or_remedy() -> None:
    """Path and remedy are optional."""
    assert str(RedtrackError("nothing to do")) == "nothing to do"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a b.mp4", "a b.mp4"), ("a\nb.mp4", "a\\nb.mp4"), ("é.mp4", "é.mp4"), ("\udcff.mp4", "\\xff.mp4")],
)
def test_message_stays_on_one_line(name: str, shown: str) -> None:
    """Newlines and bytes that are not UTF-8 in a file's name are escaped, the rest is left alone."""
    assert printable(name) == shown
    assert str(VideoError("not a video", name)) == f"{shown}: not a video"


@pytest.mark.parametrize("address", ["https://example.org/a.mp4", "rtsp://camera/1", "S3://bucket/a.mp4"])
def test_an_address_is_told_as_it_was_given(address: str) -> None:
    """A Path takes one of its slashes away; where a file is missing, an address is no misspelt name."""
    told = f"{address}: is an address, and only files are read; download it first"
    assert str(VideoError(*absent(Path(address)))) == told
    assert printable(Path("folder:/a.mp4")) == "folder:/a.mp4" and printable("C:/a.mp4") == "C:/a.mp4"


def test_errors_survive_pickling() -> None:
    """An error raised in a worker process arrives whole."""
    error = pickle.loads(pickle.dumps(VideoError("not a video", "x.mp4", "look at it")))
    assert isinstance(error, VideoError)
    assert str(error) == "x.mp4: not a video; look at it"


def test_every_exported_error_is_a_redtrack_error() -> None:
    """One except clause catches them all."""
    assert all(issubclass(getattr(errors, name), RedtrackError) for name in errors.__all__)


@pytest.mark.parametrize("number", [errno.EFBIG, errno.EMFILE, errno.ENOMEM])
def test_limit_of_the_system_is_no_bug(number: int) -> None:
    """What `ulimit` forbids is named for what it is."""
    found = as_bug(OSError(number, "whatever"))
    assert not isinstance(found, Bug) and "a limit of the system" in str(found) and "ulimit" in str(found)
    assert isinstance(as_bug(OSError(errno.EBADF, "whatever")), Bug)
