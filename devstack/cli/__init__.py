"""argv → one function of `commands/` → exit code. Only this package knows click."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; never lets an exception out. Returns the exit code of `errors.ExitCode`."""
    from devstack.cli.app import run

    return run(list(sys.argv[1:] if argv is None else argv))
