"""`devstack up` with no more than names of services: nothing to parse, so nothing is loaded to parse it.

Importing click takes a quarter of the time until the first service starts. Whatever has an option goes its way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence


def is_plain(argv: Sequence[str]) -> bool:
    """Whether `argv` is `up` without options."""
    return argv[:1] == ["up"] and not any(word.startswith("-") for word in argv)


def up(argv: Sequence[str]) -> int:
    """Run it; raises what the command raises."""
    from pathlib import Path

    from devstack.commands.up import up as perform
    from devstack.commands.up_job import Request

    names = tuple(argv[1:])
    return perform(Request(folder=Path.cwd(), environment=dict(os.environ), ask=asker(), services=names))


def asker() -> Callable[[str], bool] | None:
    """Puts a yes/no question to the person at the terminal; None where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(question: str) -> bool:
        import click

        try:
            return click.confirm(question, err=True)
        except click.Abort:
            raise KeyboardInterrupt from None

    return ask
