"""Tables and sentences: one line a row for programs, folded to its width on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from redtrack.cli import table as module
from redtrack.cli.table import fold, outcome_table, shorten, table, width_of
from redtrack.run.outcome import Outcome
from redtrack.run.result import Counts

ROWS = [["state", "frames", "video", "reason"], ["done", "100", "a/clip.mp4", "out/clip.h5"], ["failed", "-", "b", ""]]


def test_columns_are_flush() -> None:
    """Cells stand below their heads, numbers flush right, and no line ends in blanks."""
    assert table(ROWS, right=[1]).splitlines() == [
        "state   frames  video       reason",
        "done       100  a/clip.mp4  out/clip.h5",
        "failed       -  b",
    ]


def test_table_that_fits_is_left_as_it_is() -> None:
    """A width that is enough, or none, changes nothing; nor does one where there is no text to fold."""
    plain = table(ROWS, right=[1])
    assert table(ROWS, right=[1], width=39) == plain == table(ROWS, right=[1], width=None)
    assert table(ROWS, right=range(4), width=20) == table(ROWS, right=range(4))


@pytest.mark.parametrize("width", [50, 60, 80])
def test_texts_are_folded_beside_the_numbers(width: int) -> None:
    """No line is wider than the terminal, nothing is lost, and texts stand below each other."""
    reason = "has no index (moov), so the recording was cut short; record it again or rebuild the index"
    rows = [*ROWS, ["failed", "-", "a/folder/with/" + "x" * 60 + ".mp4", reason]]
    lines = table(rows, right=[1], width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[:4] == ["state   frames  video", "                reason", "done       100  a/clip.mp4",
                         "                out/clip.h5"]  # fmt: skip
    words = "".join(line[16:] for line in lines if line.startswith(" ") or "a/folder" in line)
    assert reason.replace(" ", "") in words.replace(" ", "") and "x" * 60 in words


def test_only_the_last_column_is_folded_where_that_is_enough() -> None:
    """On a wide terminal the columns stay, and a long reason goes on below itself."""
    rows = [["n", "video", "reason"], ["1", "clip.mp4", "word " * 20 + "end"], ["2", "b.mp4", "short"]]
    lines = table(rows, right=[0], width=60).splitlines()
    assert lines[0] == "n  video     reason" and lines[-1] == "2  b.mp4     short"
    assert lines[2].startswith(" " * 13 + "word") and max(map(len, lines)) <= 60


def test_texts_are_folded_below_many_numbers() -> None:
    """Where the numbers leave no room, the texts stand below them, a little to the right."""
    rows = [["n"] * 8 + ["by", "file"], ["1.234567"] * 8 + ["disagreement", "clip.h5"]]
    lines = table(rows, right=range(8), width=82).splitlines()
    assert lines[-2:] == ["  ".join(["1.234567"] * 8), "    disagreement  clip.h5"]
    rows[1][-1] = "clip " * 20
    assert max(map(len, table(rows, right=range(8), width=82).splitlines())) <= 82


def test_outcomes_are_folded_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets a line a video, a terminal lines that fit it."""
    source = Path("a/long/folder/of/videos/with_a_long_name_that_goes_on_and_on.mp4")
    result = Path("tracks/with_a_long_name_that_goes_on_and_on.h5")
    outcomes = [Outcome(source, "done", result, None, Counts(9, 0, 1, 9))]
    wide = outcome_table(outcomes).splitlines()
    assert len(wide) == 4 and str(source) in wide[1] and wide[-1] == "1 video: 1 done"
    monkeypatch.setattr(module, "width_of", lambda: 80)
    narrow = outcome_table(outcomes).splitlines()
    assert len(narrow) > 4 and max(map(len, narrow)) <= 80


@pytest.mark.parametrize("most", [12, 13, 28])
def test_long_names_lose_their_middle(most: int) -> None:
    """A short name stays; of a long one both ends are left, in as much room as there is."""
    assert shorten("clip.h5", most) == "clip.h5"
    short = shorten("a_recording_of_tuesday_and_wednesday.h5", most)
    assert len(short) == most and short.startswith("a_rec") and short.endswith("ay.h5")


def test_sentences_break_between_words() -> None:
    """Lines of a terminal end with words; without a terminal a sentence is one line."""
    text = "Error: a.h5: is of no known format; known are hdf5, csv, pts, sleap, deeplabcut, deeplabcut-hdf5, coco"
    assert fold(text, None) == text and fold(text, 200) == text
    lines = fold(text, 80).splitlines()
    assert max(map(len, lines)) <= 80 and " ".join(line.strip() for line in lines) == text
    assert lines[1].startswith("  ")


def test_width_is_that_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or a pipe has no width."""
    assert width_of(io.StringIO()) is None
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "91")
    assert width_of(terminal) == 91


def test_where_no_video_was_dealt_with_there_is_no_table() -> None:
    assert outcome_table([]) == "0 videos"
    assert outcome_table([], not_begun=2) == "2 videos: 2 not begun"
