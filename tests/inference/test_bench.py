"""The benchmark measures every part and says what limits."""

import json

import pytest
from click.testing import CliRunner

import redtrack
from redtrack.bench import Part, Report
from redtrack.cli.bench import bench as command
from redtrack.inference.crop import as_windows
from redtrack.render.face import made_up_clip


def test_the_slowest_part_is_named():
    """What limits is the part with the fewest frames a second, and the whole job is told as a share of it."""
    report = Report((Part("decoder", 100, 1.0), Part("network", 100, 4.0), Part("whole job", 100, 5.0)), {})
    assert report.verdict() == "The network limits: alone it does 25 frames/s, and the whole job 20, 80 % of it."
    assert report.share(report.parts[1]) == pytest.approx(0.8)


def test_shares_are_of_what_the_parts_compete_for():
    """On a CPU the processors' time, whatever the number of threads that a part has; on a GPU the clock's."""
    parts = (Part("detector", 50, 1.0, 1.0), Part("network", 100, 4.0, 8.0), Part("whole job", 100, 5.0, 10.0))
    for device, shares in (("CPU", (0.2, 0.8, 1.0)), ("some GPU", (0.4, 0.8, 1.0))):
        report = Report(parts, {"device": device})
        assert [report.share(part) for part in parts] == pytest.approx(shares)


def test_what_a_job_without_faces_did_not_do_does_not_limit_it():
    """The network's rate is told, but neither a share of the job nor what limits it."""
    parts = (Part("decoder", 100, 1.0), Part("network", 100, 4.0), Part("whole job", 100, 1.25))
    report = Report(parts, {"faces_per_frame": 0.0})
    assert report.verdict().startswith("The decoder limits") and report.share(parts[1]) == 0
    assert Report(parts, {"faces_per_frame": 0.5}).verdict().startswith("The network limits")


def test_windows_are_padded_at_the_end():
    """Seven crops are two windows of five, the second two long."""
    import torch

    windows, lengths = as_windows(torch.ones(7, 3, 4, 4), 5)
    assert windows.shape == (2, 5, 3, 4, 4) and lengths.tolist() == [5, 2]
    assert windows[1, 2:].abs().max() == 0


def test_the_made_up_clip_has_a_face_on_every_frame(tmp_path):
    """Without a video there is as much work for the network as with one: the face is seen, in its box and without."""
    clip, boxes = made_up_clip(tmp_path, frames=5)
    for tracks in (redtrack.annotate(clip), redtrack.annotate(clip, boxes=str(boxes))):
        assert len(tracks) == 5 and tracks.scores.mean() > 0.7


def test_bench_prints_a_line_for_each_part(monkeypatch):
    """`redtrack bench --json` on the made-up clip has all parts, their rates, and the conditions."""
    monkeypatch.setattr("redtrack.bench.made_up_clip", lambda folder: made_up_clip(folder, frames=20))
    result = CliRunner().invoke(command, ["--json", "--device", "cpu"], catch_exceptions=False)
    report = json.loads(result.stdout)
    names = [part["name"] for part in report["parts"]]
    assert names == ["decoder", "detector", "cropping", "network", "writer", "whole job"]
    assert all(part["frames_per_second"] > 0 for part in report["parts"])
    assert all(part["frames_per_second"] < 1e6 for part in report["parts"])  # none was left out
    assert report["frames"] == 20 and report["faces_per_frame"] == 1 and " limits: alone it does " in report["verdict"]
