"""`devstack up` and `devstack run`: argv to one function each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

_UP_EXAMPLES = """\b
Examples:
  devstack up                    everything, until Ctrl-C
  devstack up web --yes          web and what it needs; asks nothing
  devstack up --wait             in the background; returns once all is ready
  devstack up --exit-when-done   for CI: until every one-shot has completed

A service that fails for good is told with its cause, what needs it is skipped, the others run on; with --wait,
--timeout or --exit-when-done the run ends at once instead.

\b
Exit codes:
  0    ended with `devstack down`, or everything completed
  4    a service failed for good, however the run was ended afterwards
  124  not ready within --timeout
  130  Ctrl-C (143: SIGTERM)
"""
_RUN_EXAMPLES = """\b
Examples:
  devstack run server -- python -m pytest     in its folder and environment
  devstack run web -- npm test
"""


def _seconds(ctx: click.Context, option: click.Parameter, text: str | None) -> float | None:
    from devstack import durations

    try:
        return None if text is None else durations.parse(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem), ctx, option) from None


@click.command(epilog=_UP_EXAMPLES)
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option(
    "--yes", "-y", is_flag=True, help="Free ports of our own, create env files, run setup: do not ask."
)
@click.option("--no-doctor", is_flag=True, help="Start although the configuration has errors.")
@click.option("--profile", "profiles", multiple=True, metavar="NAME", help="Also services of this profile.")
@click.option("--without", multiple=True, metavar="SERVICE", help="Not this one; dependents start anyway.")
@click.option("--wait", is_flag=True, help="Return 0 once all is ready; the stack runs in the background.")
@click.option(
    "--timeout",
    metavar="DURATION",
    callback=_seconds,
    help="Give up (124) when not everything is ready by then.",
)
@click.option("--exit-when-done", is_flag=True, help="End when every one-shot service has completed (CI).")
@click.option("--isolate", is_flag=True, help="Other ports than declared, to run beside another checkout.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
def up(*, no_doctor: bool, as_json: bool, **given: Any) -> int:
    """Check the configuration, free the ports, start everything in order behind its gates, follow.

    With names: only those services and what they need.
    """
    from devstack.cli.plain import asker
    from devstack.commands.up import up as perform
    from devstack.commands.up_job import Request

    return perform(
        Request(
            folder=Path.cwd(),
            environment=dict(os.environ),
            ask=None if as_json else asker(),
            check=not no_doctor,
            fails_fast=given["wait"] or given["exit_when_done"] or given["timeout"] is not None,
            as_json=as_json,
            **given,
        )
    )


@click.command(epilog=_RUN_EXAMPLES, context_settings={"ignore_unknown_options": True})
@click.argument("service")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def run(service: str, command: tuple[str, ...]) -> int:
    """Run a one-off command in a service's folder with its environment; its exit code is passed on."""
    from devstack.commands.run import Request
    from devstack.commands.run import run as perform

    return perform(Request(folder=Path.cwd(), environment=dict(os.environ), service=service, command=command))
