"""`devstack ports`: argv to one function."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

_EXAMPLES = """\b
Examples:
  devstack ports                        every port that stack.toml declares
  devstack ports 3001 8000-8010 ws      these, by number, range or service
  devstack ports --all                  everything that listens
  devstack ports --kill 3001            free it: shows what stops, asks first
  devstack ports --kill ws --yes        the same in a script
"""


@click.command(epilog=_EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[PORT|RANGE|SERVICE]...")
@click.option("--all", "everything", is_flag=True, help="Every listener, declared or not.")
@click.option("--udp", is_flag=True, help="UDP sockets instead of TCP listeners.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--watch", is_flag=True, help="Show changes until Ctrl-C.")
@click.option("--kill", is_flag=True, help="Free the ports: stop who holds them, verify by binding.")
@click.option("--dry-run", is_flag=True, help="With --kill: only say what would be stopped.")
@click.option("--yes", "-y", is_flag=True, help="With --kill: do not ask.")
@click.option("--force", is_flag=True, help="With --kill: also programs that are not of this repository.")
@click.option(
    "--grace", metavar="DURATION", help="With --kill: how long to wait between TERM and KILL (default 5s)."
)
def ports(*, kill: bool, **given: Any) -> int:
    """Who holds the declared ports; free them safely."""
    from devstack.commands import ports as command

    request = command.Request(folder=Path.cwd(), environment=os.environ, **given)
    return command.kill(request) if kill else command.show(request)
