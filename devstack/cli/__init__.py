"""argv → one function of `commands/` → exit code. Only this package knows click."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

# Objects until the first search for garbage. A start makes tens of thousands that all stay: with Python's 700 it
# would be searched again and again, a tenth of its time.
_GARBAGE = 50_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; never lets an exception out. Returns the exit code of `errors.ExitCode`."""
    gc.set_threshold(_GARBAGE)
    atexit.register(gc.freeze)  # nor is all of it searched once more when it goes anyway
    _open_closed_streams()
    _write_anywhere()
    from devstack.cli import failure, plain

    given = list(sys.argv[1:] if argv is None else argv)
    return failure.reported(plain.run if plain.is_plain(given) else _parsed, given)


def _open_closed_streams() -> None:
    """Whoever starts us with `>&-` wants nothing said: not in the next file either, which would get that number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _write_anywhere() -> None:
    """A terminal or a pipe that knows ASCII only shows `?`: a sentence with one is better than none."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _parsed(argv: list[str]) -> int:
    from devstack.cli.app import run

    return run(argv)
