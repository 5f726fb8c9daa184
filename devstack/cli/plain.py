"""Command lines that hold words and a known flag only: nothing to parse, so nothing is loaded to parse it.

Importing click takes a quarter of the time until the first service starts, and a fifth of a whole `doctor` of a
small stack. Whatever has another option goes its way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

_FLAGS = {"up": frozenset[str](), "doctor": frozenset({"--json"})}


def is_plain(argv: Sequence[str]) -> bool:
    """Whether `argv` is a command of `run` with words and flags that it knows."""
    flags = {word for word in argv[1:] if word.startswith("-")}
    return bool(argv) and argv[0] in _FLAGS and flags <= _FLAGS[argv[0]]


def run(argv: Sequence[str]) -> int:
    """Run it; raises what the command raises."""
    return _up(tuple(argv[1:])) if argv[0] == "up" else _doctor(as_json="--json" in argv)


def _up(services: tuple[str, ...]) -> int:
    from pathlib import Path

    from devstack.commands.up import up
    from devstack.commands.up_job import Request

    return up(Request(folder=Path.cwd(), environment=dict(os.environ), ask=asker(), services=services))


def _doctor(*, as_json: bool) -> int:
    """The words are files, which doctor accepts and does not look at."""
    from pathlib import Path

    from devstack.commands.doctor import Request, doctor

    form = "json" if as_json else "text"
    return doctor(Request(folder=Path.cwd(), environment=dict(os.environ), format=form))


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
