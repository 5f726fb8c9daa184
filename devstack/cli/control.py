"""Commands for a stack that runs, or ran: argv to one function each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from devstack.commands.running import Place

_TIMEOUT = click.option("--timeout", metavar="DURATION", help="Give up after this time (exit 124), e.g. 30s.")
_SERVICES = click.argument("services", nargs=-1, metavar="[SERVICE]...")
_ALL = click.option("--all", "everything", is_flag=True, help="Every service of the run.")


def _place() -> Place:
    from devstack.commands.running import Place

    return Place(folder=Path.cwd(), environment=os.environ)


@click.command(epilog="Example: devstack ps --json | jq '.services[].phase'")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def ps(as_json: bool) -> int:
    """State of each service: phase, since when, pid, port, restarts, why it waits."""
    from devstack.commands.ps import ps

    return ps(_place(), as_json=as_json)


@click.command(epilog="Example: devstack down        (returns when every port can be bound again)")
@click.option("--force", is_flag=True, help="Kill at once instead of stopping in order.")
@_TIMEOUT
def down(force: bool, timeout: str | None) -> int:
    """Stop the running stack, or what is left of one that died."""
    from devstack.commands.down import down

    return down(_place(), force=force, timeout=timeout)


_LOG_EXAMPLES = """\b
Examples:
  devstack logs                  everything of the last run, in time order
  devstack logs web ws -f        two services, and what comes
  devstack logs --since 5m --grep Error
"""


@click.command(epilog=_LOG_EXAMPLES)
@_SERVICES
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--since", metavar="WHEN", help="5m, 14:30 or 2026-01-31T14:30; reaches into earlier runs.")
@click.option("--grep", metavar="REGEX", help="Only lines that match.")
@click.option("--no-prefix", is_flag=True, help="Lines as the services wrote them, without their names.")
def logs(
    *, services: tuple[str, ...], follow: bool, since: str | None, grep: str | None, no_prefix: bool
) -> int:
    """Output of services, from the log files; works while the stack runs and after."""
    from devstack.commands.logs import Options, logs

    options = Options(services=services, follow=follow, since=since, grep=grep, prefixes=not no_prefix)
    return logs(_place(), options)


def _action(name: str, text: str) -> Callable[..., Any]:
    """The command that asks the running stack for `name`."""

    @click.command(name, help=text, epilog=f"Example: devstack {name} web")
    @_SERVICES
    @_ALL
    @_TIMEOUT
    def command(services: tuple[str, ...], everything: bool, timeout: str | None) -> int:
        from devstack.commands.requests import request

        return request(_place(), name, services, everything=everything, timeout=timeout)  # type: ignore[arg-type]

    return command


_RESTART_EXAMPLES = """\b
Examples:
  devstack restart web
  devstack restart --all        with stack.toml as it is now
"""


@click.command(epilog=_RESTART_EXAMPLES)
@_SERVICES
@_ALL
@click.option("--yes", "-y", is_flag=True, help="With --all: consent to what a changed stack.toml needs.")
@_TIMEOUT
def restart(services: tuple[str, ...], everything: bool, yes: bool, timeout: str | None) -> int:
    """Restart services of the running stack, in order, through their gates.

    With --all, a changed stack.toml is checked as by `up` and applied.
    """
    from devstack.commands.requests import request

    return request(_place(), "restart", services, everything=everything, timeout=timeout, yes=yes)


stop = _action("stop", "Stop services of the running stack; they stay stopped.")
start = _action("start", "Start services of the running stack, and what they need.")


@click.command(epilog="Example: devstack wait ws:ready --timeout 60s && npm run e2e")
@click.argument("target", metavar="SERVICE[:ready|started|stopped]")
@_TIMEOUT
def wait(target: str, timeout: str | None) -> int:
    """Wait until a service is ready: exit 0 ready, 4 failed, 124 timed out."""
    from devstack.commands.requests import wait

    return wait(_place(), target, timeout=timeout)
