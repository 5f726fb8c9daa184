"""`devstack ws` and `devstack token`: argv to one function each."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from devstack import foreign
from devstack.errors import UsageError

_WS_EXAMPLES = """\b
Examples:
  devstack ws server                   every step, the tokens, one verdict
  devstack ws ws://localhost:3001/ws   a URL; what the stack knows is used
  devstack ws server --idle 70         who drops an idle socket, if anybody?
  devstack ws server --parallel 20     do twenty open at the same time?
  devstack ws server --restart         what do open pages see then?
"""


@click.command(epilog=_WS_EXAMPLES)
@click.argument("target", metavar="SERVICE|URL")
@click.option("--token", metavar="TOKEN", help="Use this token; - reads it from standard input.")
@click.option("--origin", metavar="ORIGIN", help="Send this Origin; an empty one sends none.")
@click.option(
    "--idle",
    type=click.FloatRange(0, 86_400),
    default=0.0,
    metavar="SECONDS",
    help="Stay connected and silent this long.",
)
@click.option(
    "--parallel", type=click.IntRange(0, 200), default=0, metavar="N", help="Also open N at the same time."
)
@click.option(
    "--restart",
    is_flag=True,
    help="Restart the service meanwhile: do pages get back in? Needs `devstack up`.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.01, 600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="Per step.",
)
@click.option("--remote", is_flag=True, help="Allow a host that is not this machine.")
@click.option("--json", "as_json", is_flag=True, help="The diagnosis as JSON.")
def ws(*, token: str | None, **given: Any) -> int:
    """Diagnose a WebSocket step by step: what failed, what a browser shows, what to change."""
    from devstack.commands.ws import Request
    from devstack.commands.ws import ws as command

    return command(Request(folder=Path.cwd(), environment=dict(os.environ), token=_given(token), **given))


@click.group(epilog="Example: devstack token mint server | pbcopy")
def token() -> None:
    """Mint a short-lived token, or say who would accept one."""


@token.command(epilog="Example: devstack token mint server --claim role=admin --ttl 300")
@click.argument("service")
@click.option(
    "--claim", "claims", multiple=True, metavar="NAME=VALUE", help="Add a claim; VALUE may be JSON."
)
@click.option("--ttl", type=float, metavar="SECONDS", help="How long it is valid.")
@click.option("--json", "as_json", is_flag=True)
def mint(service: str, claims: tuple[str, ...], ttl: float | None, as_json: bool) -> int:
    """Print a token that SERVICE should accept."""
    from devstack.commands.token import mint_token

    return mint_token(
        service,
        folder=Path.cwd(),
        environment=dict(os.environ),
        claims=dict(_claim(text) for text in claims),
        ttl=ttl,
        as_json=as_json,
    )


@token.command(epilog="Example: pbpaste | devstack token check -")
@click.argument("text", metavar="TOKEN|-", default="-")
@click.option("--json", "as_json", is_flag=True)
def check(text: str, as_json: bool) -> int:
    """Decode TOKEN and say which services would accept it, else why not. `-` reads standard input."""
    from devstack.commands.token import check_token

    return check_token(_given(text) or "", folder=Path.cwd(), environment=dict(os.environ), as_json=as_json)


def _given(text: str | None) -> str | None:
    return sys.stdin.read().strip() if text == "-" else text


def _claim(text: str) -> tuple[str, object]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UsageError(f"`--claim {name}` needs the form NAME=VALUE")
    parsed = foreign.from_json(value)
    return name, value if parsed is None and value.strip() != "null" else parsed
