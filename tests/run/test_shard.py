"""A run is shared out: the shares together do each video exactly once, the same way everywhere and always."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redtrack.errors import UsageError, VideoError
from redtrack.run.shard import Shard

NAMES = st.lists(st.text("abc/é. ", min_size=1).filter(lambda name: name.strip("/. ")), unique=True, max_size=30)


@given(names=NAMES, count=st.integers(1, 9))
def test_shards_together_have_each_video_once(names: list[str], count: int) -> None:
    """Whatever the names and the number of shards, no video is left out and none is done twice."""
    paths = [Path(name) for name in names]
    shares = [Shard(index, count).of(paths) for index in range(count)]
    assert sorted(path for share in shares for path in share) == sorted(paths)


def test_a_video_keeps_its_shard_whatever_else_is_there() -> None:
    """Other videos, other ways to write the path, and another process change nothing."""
    paths = [Path(f"videos/{number}.mp4") for number in range(40)]
    first = Shard(0, 3).of(paths)
    assert Shard(0, 3).of(paths[::2]) == [path for path in first if path in paths[::2]]
    assert Shard(0, 3).has("videos/./0.mp4") == Shard(0, 3).has("videos/0.mp4")
    assert [path.stem for path in first][5:8] == ["5", "8", "9"], "a hash that stays the same between versions"


def test_shards_are_about_equal() -> None:
    """A thousand videos are shared out within a few percent."""
    paths = [Path(f"{number // 10}/vid{number}.avi") for number in range(3000)]
    assert all(abs(len(Shard(index, 3).of(paths)) - 1000) < 100 for index in range(3))


def test_an_error_belongs_to_one_shard() -> None:
    """An argument that means no video is complained of once."""
    errors = [VideoError("fits no file", f"{number}*.mp4") for number in range(9)]
    assert sum(len(Shard(index, 2).of(errors)) for index in range(2)) == 9


@pytest.mark.parametrize(("text", "shard"), [("0/1", Shard()), ("2/3", Shard(2, 3))])
def test_a_shard_is_written_with_a_slash(text: str, shard: Shard) -> None:
    """I/N counts from 0."""
    assert Shard.parse(text) == shard and str(shard) == text


@pytest.mark.parametrize("text", ["3/3", "1", "-1/3", "1/0", "a/b", "", "0/3 "])
def test_anything_else_is_refused(text: str) -> None:
    """A shard that does not exist would leave videos out without a word."""
    with pytest.raises(UsageError):
        Shard.parse(text)


@pytest.mark.parametrize("numbers", [(0, 1, 2), (1, 2, 3), (10, 15, 20)])
def test_auto_is_the_task_of_a_slurm_array(numbers: tuple[int, ...]) -> None:
    """--array=0-2, 1-3 and 10-20:5 are three shards each."""
    step = numbers[1] - numbers[0]
    shards = [Shard.parse("auto", array(task, numbers[0], len(numbers), step)) for task in numbers]
    assert shards == [Shard(0, 3), Shard(1, 3), Shard(2, 3)]


@pytest.mark.parametrize(
    "variables", [{}, {"SLURM_ARRAY_TASK_ID": "1"}, {"SLURM_ARRAY_TASK_ID": "x", "SLURM_ARRAY_TASK_COUNT": "2"}]
)
def test_auto_without_an_array_is_refused(variables: dict[str, str]) -> None:
    """Outside of an array, or with half of its variables, nothing is guessed."""
    with pytest.raises(UsageError):
        Shard.parse("auto", variables)


@pytest.mark.parametrize(("text", "known"), [("2/2", "0/2 to 1/2"), ("0/0", "0/3, 1/3, 2/3")])
def test_a_shard_that_there_is_not_is_refused(text: str, known: str) -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match=f"no shard {text}; shards count from 0: {known}"):
        Shard.parse(text, {})


def test_an_array_with_gaps_is_refused() -> None:
    """--array=1,2,7 has no shard 6 of 3."""
    with pytest.raises(UsageError, match="evenly"):
        Shard.parse("auto", array(7, 1, 3, 1))


def array(task: int, least: int, count: int, step: int) -> dict[str, str]:
    """What Slurm sets for a task."""
    values = {"ID": task, "MIN": least, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}
