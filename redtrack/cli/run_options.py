"""Options of `redtrack annotate` that say how a run is done and shown: the points do not depend on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redtrack.cli.running import AutoCount, display_options, here, jobs_option
from redtrack.device import PRECISIONS
from redtrack.inference.options import DECODERS, Options, Resources

if TYPE_CHECKING:
    from redtrack.inference.profile import Profile
    from redtrack.run.annotation import Annotation
    from redtrack.run.networks import Networks
    from redtrack.run.progress import Reporter
    from redtrack.run.run import Executor
    from redtrack.run.shard import Shard

RUN_OPTIONS = (
    *("device", "devices", "jobs", "ray", "gpu_share", "shard", "batch", "precision", "decode", "profile"),
    *("keep_tree", "overwrite", "fail_fast", "dry_run", "quiet", "progress"),
)


def run_options(command: Any) -> Any:
    """Adds the options that the points do not depend on."""
    for option in reversed(
        [
            click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda:N",
                         help="Where the networks run."),
            click.option("--devices", metavar="LIST|all",
                         help="Several devices share the videos, a process on each: 0,1 are GPUs; cpu,cpu works too."),
            jobs_option,
            click.option("--shard", metavar="I/N|auto",
                         help="Do only share I, from 0, of N of the videos; auto is that of a Slurm array's task."),
            click.option("--ray", metavar="ADDRESS|local", help="Share the videos on a Ray cluster."),
            click.option("--gpu-share", type=click.FloatRange(min=0), metavar="GPUS",
                         help="What a video takes of a GPU on Ray.  [default: 1 where there are any]"),
            click.option("--batch", type=AutoCount(), default="auto", show_default=True,
                         help="Crops in one call of the network; the points do not depend on it."),
            click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True,
                         help="Numerical precision; moves points by less than 0.1 px on average. auto: what is "
                         "fastest."),
            click.option("--decode", type=click.Choice(DECODERS), default="auto", show_default=True,
                         help="Which device decodes; cuda is the networks' GPU, for what it can decode. auto: cpu."),
            click.option("--profile", is_flag=True, help="Say at the end where the time went, and what would help."),
            click.option("--keep-tree", is_flag=True,
                         help="Keep the folders of the videos below DIR: in/a/b.mp4 gives DIR/a/b.h5."),
            click.option("--overwrite", is_flag=True, help="Annotate complete videos again, too."),
            click.option("--dry-run", is_flag=True,
                         help="List what would be done with each video, and under which name; write nothing."),
            display_options,
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def take_run_options(chosen: dict[str, Any]) -> dict[str, Any]:
    """Takes the options of `run_options` out of all that were chosen; wrong usage where two exclude each other."""
    how = {name: chosen.pop(name) for name in RUN_OPTIONS}
    ways = [name for name in ("devices", "ray") if how[name]] + ["jobs"] * (how["jobs"] != 1)
    if len(ways) > 1:
        names = " and ".join(f"--{name}" for name in ways)
        raise click.UsageError(f"{names} are two ways to share the videos out; choose one")
    if how["devices"] and how["device"] != "auto":
        raise click.UsageError("--device is one and --devices several; choose one of the two")
    if ways == ["jobs"] and how["device"] not in ("auto", "cpu"):
        raise click.UsageError("--jobs is for the CPU; for several GPUs there is --devices")
    if how["profile"] and ways:
        raise click.UsageError(f"--profile looks at one process; leave out --{ways[0]}")
    if how["gpu_share"] is not None and not how["ray"]:
        raise click.UsageError("--gpu-share is for --ray")
    return how


def shard_of(how: dict[str, Any]) -> Shard | None:
    """Returns the share of the videos that the run is to do, None for all."""
    from redtrack.run.shard import Shard

    return Shard.parse(how["shard"]) if how["shard"] else None


def networks_of(weights: str | None, options: Options, how: dict[str, Any]) -> Networks:
    """Returns the networks that a run is to use."""
    from redtrack.run.networks import Networks

    return Networks(weights, options, Resources(*(how[name] for name in ("device", "batch", "precision", "decode"))))


def make_executor(plan: Annotation, reporter: Reporter, how: dict[str, Any], profile: Profile | None) -> Executor:
    """Returns what does the tasks: this process, several, or a cluster."""
    if how["ray"]:
        from redtrack.run.ray_cluster import RayCluster

        return RayCluster(plan, reporter, how["ray"], how["gpu_share"])
    if how["devices"]:
        from redtrack.device import parse_devices
        from redtrack.run.processes import Processes

        return Processes(plan, reporter, parse_devices(how["devices"]))
    return here(plan, reporter, how["jobs"], profile)
