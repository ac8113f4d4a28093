"""A run of a command over many videos: its options, its display, its signals, its exit status, its table."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from redtrack.errors import UsageError, printable

if TYPE_CHECKING:
    from redtrack.inference.profile import Profile
    from redtrack.run.outcome import Outcome
    from redtrack.run.plan import Plan, Task
    from redtrack.run.progress import Reporter
    from redtrack.run.run import Executor, Run
    from redtrack.run.shard import Shard

__all__ = ["DISPLAYS", "AutoCount", "display_options", "do_run", "here", "jobs_option", "make_reporter", "tasks_of"]

DISPLAYS = ("rich", "plain", "json", "none")


class AutoCount(click.ParamType):
    """`auto`, which is None, or a whole number from 1."""

    name = "auto|n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value is None or value == "auto":
            return None
        try:
            return click.IntRange(min=1).convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is neither auto nor a whole number from 1", param, ctx)


jobs_option = click.option(
    "--jobs",
    type=AutoCount(),
    default=1,
    show_default=True,
    help="Processes on this machine's CPU that share the videos; auto is by cores and memory.",
)


def display_options(command: Any) -> Any:
    """Adds the options that say when a run ends early and what it shows."""
    for option in reversed(
        [
            click.option("--fail-fast", is_flag=True, help="Stop at the first video that fails or is partial."),
            click.option("-q", "--quiet", is_flag=True, help="No progress and no table; errors only."),
            click.option("--progress", type=click.Choice(DISPLAYS),
                         help="Display on stderr.  [default: rich on a terminal, else plain]"),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def do_run(
    videos: Sequence[str],
    plan: Plan,
    make_executor: Callable[[Reporter], Executor],
    *,
    fail_fast: bool,
    quiet: bool,
    progress: str | None,
    shard: Shard | None = None,
    keep_tree: bool = False,
) -> tuple[int, Run]:
    """Does a run and lists what became of the videos; returns the exit status, and the run."""
    from redtrack.run.folder import prepare_folder
    from redtrack.run.progress import UnfailingReporter
    from redtrack.run.run import Run
    from redtrack.run.stop import StopSignals

    reporter = UnfailingReporter(make_reporter("none" if quiet else progress))
    about = plan.about()
    prepare_folder(plan.folder)
    status = 2
    with StopSignals(reporter.say) as stop:
        tasks, remark = tasks_of(videos, shard, keep_tree)
        run = Run(tasks, plan, reporter, fail_fast, stop, remark)
        reporter.begin(len(run.tasks), {name: about[name] for name in ("version", "options")})
        try:
            run.run(make_executor(reporter))
            status = stop.status if stop() else int(not run.is_good)
        finally:
            reporter.close(stop.status if stop() else status)
    _tell(run.outcomes, run.not_begun, quiet, reporter)
    return status, run


def here(plan: Plan, reporter: Reporter, jobs: int | None, profile: Profile | None = None) -> Executor:
    """Returns what does the tasks on this machine: this process, or several; None is by cores and memory."""
    if jobs == 1:
        from redtrack.run.inline import Inline

        return Inline(plan, reporter, profile)
    from redtrack.machine import cores, free_memory, jobs_for
    from redtrack.run.processes import Jobs

    return Jobs(plan, reporter, jobs or jobs_for(cores(), free_memory()))


def tasks_of(videos: Sequence[str], shard: Shard | None, keep_tree: bool) -> tuple[list[Task | Outcome], str | None]:
    """Returns what there is to do, and what the user may not know of the inputs."""
    from redtrack.run.inputs import Inputs
    from redtrack.run.plan import make_tasks

    inputs = Inputs()
    found = list(inputs.find(videos))
    return make_tasks(found, shard, inputs.duplicates, inputs.roots if keep_tree else None), inputs.remark()


def make_reporter(display: str | None) -> Reporter:
    """Returns the reporter of a display; where none is asked for, the live one on a terminal, lines elsewhere."""
    from redtrack.run.progress import JsonReporter, PlainReporter, SilentReporter

    display = display or ("rich" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "plain")
    if display == "rich":
        from redtrack.run.live_display import LiveReporter

        return LiveReporter()
    kinds = {"plain": PlainReporter, "json": JsonReporter, "none": SilentReporter}
    if display not in kinds:
        raise UsageError(f"no progress display {display!r}", remedy=f"use {', '.join(DISPLAYS)}")
    return kinds[display]()


def _tell(outcomes: list[Outcome], not_begun: int, quiet: bool, reporter: Reporter) -> None:
    """Lists what became of the videos, those that failed or are partial last."""
    from redtrack.cli.table import outcome_table

    if quiet:
        for outcome in outcomes:
            if not outcome.good:
                reporter.say(f"{outcome.state}: {printable(outcome.source)}: {outcome.reason}")
        return
    click.echo(outcome_table(outcomes, not_begun))
