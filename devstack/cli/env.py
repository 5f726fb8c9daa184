"""`devstack env` and its subcommands: argv to one function each."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from devstack.cli import env_edit

_EXAMPLES = """\b
Examples:
  devstack env                     every service: values, and their files
  devstack env web --reveal        one service, secrets in clear (asks first)
  devstack env --diff web ws       what two services see differently
  devstack env why ws:JWT_SECRET   one variable: all layers, all readers
  devstack env sync                create and complete env files
"""


class EnvGroup(click.Group):
    """A group whose default subcommand is `show`: `devstack env web` means `devstack env show web`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `show` in front of what is no subcommand."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=EnvGroup, epilog=_EXAMPLES)
def env() -> None:
    """The environment each service will really see, and where every value comes from.

    Without a subcommand: `show`.
    """


for _edits in (env_edit.sync, env_edit.set_, env_edit.rotate):
    env.add_command(_edits)


@env.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--reveal", is_flag=True, help="Show secrets in clear; asks on a terminal.")
@click.option("--diff", "pair", nargs=2, metavar="A B", help="Compare two services.")
def show(services: tuple[str, ...], as_json: bool, reveal: bool, pair: tuple[str, str] | None) -> int:
    """Each service's variables: value (secrets masked), origin, and what it hides."""
    from devstack.commands import env as command

    if pair and services:
        raise click.UsageError("--diff takes the two services itself.")
    request = command.Request(
        folder=Path.cwd(),
        environment=dict(os.environ),
        services=tuple(pair or services),
        as_json=as_json,
        reveal=reveal and _may_reveal(),
    )
    return command.diff(request) if pair else command.show(request)


@env.command(epilog="Example: devstack env why web:NEXT_PUBLIC_WS_URL")
@click.argument("reference", metavar="REF")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--reveal", is_flag=True, help="Show secrets in clear; asks on a terminal.")
def why(reference: str, as_json: bool, reveal: bool) -> int:
    """One variable (service:NAME, or NAME in all services) through all layers, and every reader of it."""
    from devstack.commands.env_why import why as command

    return command(Path.cwd(), reference, os.environ, as_json=as_json, reveal=reveal and _may_reveal())


def _may_reveal() -> bool:
    """Ask where a person would see the secrets; a pipe or a file is the caller's own decision."""
    if not sys.stdout.isatty():
        return True
    click.confirm("Show secrets in clear on this terminal?", err=True, abort=True)
    return True
