"""What laptops with Windows need, tried on Linux; see `pretend_windows`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="nobody tells which files are open")
def test_every_command_works_where_open_files_keep_their_names(clip: Path, tmp_path: Path) -> None:
    """A run that was stopped goes on, and results are replaced, converted, scored and drawn; nothing is left over."""
    script = Path(__file__).parents[1] / "support" / "pretend_windows.py"
    env = os.environ | {"PYTHONPATH": str(script.parents[2])}
    call = [sys.executable, script, clip, tmp_path]
    done = subprocess.run(call, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("['partial']") and "failed" not in done.stdout
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"run.jsonl", "more", "drawn.mp4", clip.stem, f"{clip.stem}.h5", f"{clip.stem}.csv"}
