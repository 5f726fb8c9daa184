"""`devstack env sync`, `env set`, `env rotate`: argv to one function each."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from devstack.commands.env_edit import Request


@click.command(epilog="Example: devstack env sync --check      (in CI: exit 1 when something is missing)")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when something is missing.")
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def sync(check: bool, dry_run: bool, yes: bool) -> int:
    """Create env files from examples, add missing names, give every shared value to all who share it.

    Never overwrites a real value: empty ones and placeholders count as missing. Shared secrets that nobody has
    yet get one strong random value.
    """
    from devstack.commands import env_edit as command

    return command.sync(_request(yes=yes, check=check, dry_run=dry_run))


@click.command("set", epilog="Example: devstack env set web:NEXT_PUBLIC_WS_URL ws://localhost:3001")
@click.argument("target", metavar="REF")
@click.argument("value", required=False)
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def set_(target: str, value: str | None, dry_run: bool, yes: bool) -> int:
    """Set a variable (SERVICE:NAME) or a whole [shared] group.

    What is shared is written for every member. VALUE `-` reads standard input; without VALUE it is asked for and
    not shown, so that a secret stays out of the shell's history.
    """
    from devstack.commands import env_edit as command

    return command.set_value(
        _request(yes=yes, dry_run=dry_run, reads_input=value == "-"), target, _value(value)
    )


@click.command(epilog="Example: devstack env rotate jwt")
@click.argument("shared", metavar="SHARED")
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def rotate(shared: str, dry_run: bool, yes: bool) -> int:
    """Give a shared secret a new random value, in the files of all its members."""
    from devstack.commands import env_edit as command

    return command.rotate(_request(yes=yes, dry_run=dry_run), shared)


def _request(*, yes: bool, check: bool = False, dry_run: bool = False, reads_input: bool = False) -> Request:
    from devstack.commands import env_edit as command

    can_ask = sys.stdin.isatty() and sys.stderr.isatty() and not reads_input
    return command.Request(
        folder=Path.cwd(),
        environment=dict(os.environ),
        ask=(lambda question: click.confirm(question, err=True)) if can_ask else None,
        yes=yes,
        check=check,
        dry_run=dry_run,
    )


def _value(given: str | None) -> str:
    if given == "-":
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise click.UsageError("VALUE is missing; `-` reads it from standard input.")
    return str(click.prompt("Value", hide_input=True, err=True))
