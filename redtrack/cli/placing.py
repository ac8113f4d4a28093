"""Options of `redtrack annotate` that say where the work is done, and the run that they ask for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.inference.options import DECODERS
from redtrack.precision import PRECISIONS

if TYPE_CHECKING:
    from redtrack.errors import RedtrackError
    from redtrack.inference.options import Options
    from redtrack.run.export import Where
    from redtrack.run.progress import Reporter
    from redtrack.run.run import Batch
    from redtrack.run.shared import SharedRun

PLACES = ("device", "devices", "ray", "gpu_share", "shard", "batch", "precision", "decode", "profile")


class AutoCount(click.ParamType):
    """`auto`, which is None, or a whole number from 1."""

    name = "auto|n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value is None or value == "auto":
            return None
        return click.IntRange(min=1).convert(value, param, ctx)


def placing(command: Any) -> Any:
    """Adds the options that the points do not depend on."""
    for option in reversed(
        [
            click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda:N",
                         help="Where the networks run."),
            click.option("--devices", metavar="LIST|all",
                         help="Several devices share the videos, a process on each: 0,1 are GPUs; cpu,cpu works too."),
            click.option("--shard", metavar="I/N|auto",
                         help="Do only share I, from 0, of N of the videos; auto is that of a Slurm array's task."),
            click.option("--ray", metavar="ADDRESS|local", help="Share the videos on a Ray cluster."),
            click.option("--gpu-share", type=click.FloatRange(min=0), metavar="GPUS",
                         help="What a video takes of a GPU on Ray.  [default: 1 where there are any]"),
            click.option("--batch", type=AutoCount(), default="auto", show_default=True,
                         help="Crops in one call of the network; the points do not depend on it."),
            click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True,
                         help="Of the networks; moves points by less than 0.1 px. auto: fp32 on a CPU, half on a GPU."),
            click.option("--decode", type=click.Choice(DECODERS), default="auto", show_default=True,
                         help="Which device decodes; cuda is the networks' GPU, for what it can decode. auto: cpu."),
            click.option("--profile", is_flag=True, help="Say at the end where the time went, and what would help."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def taken(chosen: dict[str, Any]) -> dict[str, Any]:
    """Takes the options of `placing` out of all that were chosen; wrong usage where two of them exclude each other."""
    place = {name: chosen.pop(name) for name in PLACES}
    if place["devices"] and place["ray"]:
        raise click.UsageError("--devices and --ray are two ways to share the videos out; choose one")
    if place["devices"] and place["device"] != "auto":
        raise click.UsageError("--device is one and --devices several; choose one of the two")
    if place["profile"] and (place["devices"] or place["ray"]):
        raise click.UsageError("--profile looks at one process; leave out --devices and --ray")
    if place["gpu_share"] is not None and not place["ray"]:
        raise click.UsageError("--gpu-share is for --ray")
    return place


def make_run(
    found: list[Path | RedtrackError],
    where: Where,
    options: Options,
    weights: str | None,
    reporter: Reporter,
    fail_fast: bool,
    stop: Callable[[], bool],
    place: dict[str, Any],
) -> Batch | SharedRun:
    """Returns the run over `found`: in this process, in several, or on a cluster."""
    from redtrack.inference.landmarker import load_models
    from redtrack.inference.options import Resources
    from redtrack.inference.profile import Profile
    from redtrack.run.names import name_outputs
    from redtrack.run.run import Batch
    from redtrack.run.shard import Shard
    from redtrack.run.shared import Plan

    paths = [path for path in found if isinstance(path, Path)]
    how: dict[str, Any] = {"fail_fast": fail_fast, "stopping": stop}
    how["names"] = dict(zip(paths, name_outputs(paths), strict=True))
    if place["shard"]:
        found = Shard.parse(place["shard"]).of(found)
    if not place["devices"] and not place["ray"]:
        models = load_models(weights, place["device"], options, True, place["precision"], place["decode"])
        profile = Profile() if place["profile"] else None
        return Batch(found, where, models, options, reporter, place["batch"], profile=profile, **how)
    resources = Resources(*(place[name] for name in ("device", "batch", "precision", "decode")))
    plan = Plan(where, options, weights, resources, load_models)
    if place["ray"]:
        from redtrack.run.ray_cluster import RayRun

        return RayRun(found, plan, reporter, address=place["ray"], gpus=place["gpu_share"], **how)
    from redtrack.run.processes import Crew, parse_devices

    return Crew(found, plan, reporter, devices=parse_devices(place["devices"]), **how)
