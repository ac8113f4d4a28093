"""redtrack's commands as on Windows, run on Linux: without what Windows lacks, and no open file is renamed or removed.

    python tests/support/pretend_windows.py CLIP FOLDER

annotates the clip in two parts, and then has every command work on the result.
"""

import errno
import importlib
import io
import mmap
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

LACKING = {
    os: ["fork", "register_at_fork", "memfd_create", "geteuid", "getuid", "killpg", "mkfifo", "sched_getaffinity",
         "statvfs", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"],
    signal: ["SIG_BLOCK", "SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "pthread_sigmask", "setitimer"],
    mmap: ["MADV_HUGEPAGE", "MAP_ANONYMOUS", "MAP_PRIVATE", "MAP_SHARED"],
}  # fmt: skip


def pretend() -> None:
    """Makes this process believe that it is on Windows; libraries that look when they are imported are so before."""
    for library in ("torch._dynamo", "av", "h5py", "click", "rich.console", "tqdm", "multiprocessing.reduction"):
        importlib.import_module(library)
    sysconfig.get_config_vars()
    for module in ("fcntl", "resource", "termios"):
        sys.modules[module] = None  # type: ignore[assignment]
    for library, names in LACKING.items():  # type: ignore[assignment]
        for name in names:
            delattr(library, name)
    sys.platform = "win32"
    for name in ("rename", "replace", "unlink", "remove"):
        setattr(os, name, refusing(getattr(os, name)))
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    tempfile.TemporaryFile = lambda *_, **__: io.BytesIO()  # type: ignore[assignment]


def refusing(change: Callable[..., None]) -> Callable[..., None]:
    """Returns a change of a file's name that refuses what is open."""

    def changed(*paths: Any, **options: Any) -> None:
        for path in map(os.path.realpath, paths):
            if path in map(os.path.realpath, Path("/proc/self/fd").iterdir()):
                raise PermissionError(errno.EACCES, "The file is being used by another process", path)
        change(*paths, **options)

    return changed


def annotate_half(clip: Path, out: Path) -> None:
    """Stops a run in the middle."""
    from redtrack.inference.options import Options, Resources
    from redtrack.run.annotation import Annotation
    from redtrack.run.export import Where
    from redtrack.run.folder import prepare_folder
    from redtrack.run.inline import Inline
    from redtrack.run.networks import Networks
    from redtrack.run.plan import make_tasks
    from redtrack.run.progress import SilentReporter
    from redtrack.run.run import Run

    prepare_folder(out)
    steps = iter(range(20))
    plan, reporter = Annotation(Where(out), Networks(None, Options(), Resources("cpu", 10))), SilentReporter()
    run = Run(make_tasks([clip]), plan, reporter, stopping=lambda: next(steps, None) is None)
    print([outcome.state for outcome in run.run(Inline(plan, reporter))])


def main(clip: Path, out: Path) -> None:
    """Prints what every command says."""
    pretend()
    from redtrack.cli import cli

    annotate_half(clip, out)
    tracks, more = str(out / f"{clip.stem}.h5"), str(out / "more")
    lines = [
        ["annotate", str(clip), "-o", str(out), "--format", "csv", "--format", "pts"],
        ["verify", tracks],
        ["info", tracks],
        *(["convert", tracks, "--to", format, "-o", more] for format in ("csv", "pts", "coco", "sleap", "deeplabcut")),
        ["convert", str(out / clip.stem), "--to", "hdf5", "-o", more],
        ["evaluate", tracks, str(out / f"{clip.stem}.csv")],
        ["render", str(clip), tracks, "-o", str(out / "drawn.mp4")],
        ["annotate", str(clip), "-o", str(out), "--end", "1", "--format", "csv", "--format", "pts"],
    ]
    for line in lines:
        print("$", *line)
        try:
            cli.main(line, standalone_mode=False)
        except SystemExit as end:
            if end.code:
                raise


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
