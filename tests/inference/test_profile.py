"""A run says what limits it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from annotating import ONE, clip_of, square_models
from click.testing import CliRunner
from running import use

from redtrack.cli import cli
from redtrack.inference.profile import PARTS, Profile


def test_what_takes_longest_limits() -> None:
    """The sentence names it, all shares, and what would help."""
    profile = Profile()
    profile.seconds |= {"decoder": 6.0, "network": 3.0, "rows": 1.0}
    assert profile.shares()["decoder"] == pytest.approx(0.6)
    sentence = profile.sentence()
    assert sentence.startswith("the decoder limits, with 60 % of the time (decoder 60 %, detector 0 %,")
    assert "more cores" in sentence and "network 30 %" in sentence


def test_time_is_counted_where_it_is_spent() -> None:
    """A block's time goes to its part, and what was a wait for another part is moved there."""
    profile = Profile()
    with pytest.raises(ValueError, match="x"), profile("detector"):
        time.sleep(0.02)
        raise ValueError("x")
    profile.move(0.01, "detector", "decoder")
    assert profile.seconds["detector"] > 0.005 and profile.seconds["decoder"] == 0.01


def test_nothing_done_is_said_too() -> None:
    """Where all videos were done before, there is nothing to tell."""
    assert Profile().sentence() == "nothing was done that could be timed"


def test_annotate_says_what_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--profile` ends with the sentence on stderr; several processes have none."""
    use(square_models(), monkeypatch)
    clip = clip_of(tmp_path / "one.mkv", (ONE,), 30)
    done = CliRunner().invoke(cli, ["annotate", str(clip), "-o", str(tmp_path / "out"), "--profile"])
    last = done.stderr.splitlines()[-1]
    assert done.exit_code == 0 and " limits, with " in last and all(part in last for part in PARTS)
    again = CliRunner().invoke(cli, ["annotate", str(clip), "-o", str(tmp_path / "out"), "--profile"])
    assert again.stderr.splitlines()[-1] == "nothing was done that could be timed", "it was skipped"
    done = CliRunner().invoke(cli, ["annotate", str(clip), "-o", str(tmp_path / "out"), "--profile", "--devices", "0"])
    assert done.exit_code == 2
