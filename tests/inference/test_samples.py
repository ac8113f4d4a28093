"""`annotate --samples`: how far samples of a variational network's code lie apart, in the rows."""

from pathlib import Path

import numpy as np
import pytest
import torch
from annotating import ONE, clip_of, true_box
from click.testing import CliRunner, Result

import redtrack
from redtrack import checkpoint
from redtrack.cli import cli
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet

FRAMES = 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "one.mkv", (ONE,), FRAMES)


def weights(path: Path, config: RedNetConfig) -> Path:
    """Writes an untrained network that believes in every face."""
    torch.manual_seed(0)
    net = RedNet(config)
    torch.nn.init.constant_(net.heads["reg68"].bias, 4.0)
    checkpoint.save(path, net, "rednet", {})
    return path


def annotate(clip: Path, network: Path, *options: str) -> Result:
    """Runs the command with the true boxes; results lie in the folder of the weights."""
    boxes = network.parent / "boxes.csv"
    lines = [f"{frame}," + ",".join(map(str, true_box(ONE, frame))) for frame in range(FRAMES)]
    boxes.write_text("\n".join(["frame,x0,y0,x1,y1", *lines]))
    out = ["-o", str(network.parent), "--weights", str(network), "--boxes", str(boxes)]
    return CliRunner().invoke(cli, ["annotate", str(clip), *out, *options])


def test_rows_have_the_spread_of_samples(tmp_path: Path, clip: Path) -> None:
    """Each point has one, in pixels; the points stay as they are, and what shares a call changes nothing."""
    network = weights(tmp_path / "net.safetensors", RedNetConfig(steps=("var68", "reg68"), temporal=True))
    found = []
    for options in ([], ["--samples", "3"], ["--samples", "3", "--batch", "2"], ["--samples", "4"]):
        done = annotate(clip, network, "--overwrite", "--window", "2", "--no-shape", *options)
        assert done.exit_code == 0, done.output
        found.append(redtrack.load(tmp_path / "one.h5"))
    plain, three, again, four = found
    assert plain.spread is None and three.spread is not None and again.spread is not None and four.spread is not None
    assert len(three) == FRAMES and np.isfinite(three.spread).all() and (three.spread > 0).all()
    assert np.allclose(three.points, plain.points, atol=1e-3)
    assert np.allclose(again.spread, three.spread, rtol=1e-3) and not np.allclose(four.spread, three.spread, rtol=1e-3)
    assert three.info["options"]["samples"] == 3


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (RedNetConfig(), []),
        (RedNetConfig(steps=("var68", "reg68"), sampled=False), []),
        (RedNetConfig(steps=("var68", "reg68")), ["--spatial-steps", "1"]),
    ],
)
def test_a_network_that_samples_nothing_is_refused(
    tmp_path: Path, clip: Path, config: RedNetConfig, options: list[str]
) -> None:
    """In one sentence, before any video is opened."""
    done = annotate(clip, weights(tmp_path / "net.safetensors", config), "--samples", "4", *options)
    assert done.exit_code == 2 and not (tmp_path / "one.h5").exists()
    assert "draws no samples" in done.stderr and "net.safetensors" in done.stderr and "Traceback" not in done.stderr
