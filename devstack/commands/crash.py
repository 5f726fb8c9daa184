"""Bugs of devstack: the crash file with what failed and where, without any value, and what is said of it."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from devstack import __version__
from devstack.errors import DevstackError


class Crashes:
    """Bugs that a run outlives. Each one is kept in a crash file and told once; may be called from any thread."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._known: dict[str, str] = {}

    def survive(self, problem: BaseException) -> str:
        """What to say of it. An error that people can mend speaks for itself."""
        problem = cause(problem)
        if isinstance(problem, DevstackError):
            return problem.message
        mark = "\n".join(_told(problem))
        if mark not in self._known:
            self._known[mark] = words = report(problem, ["up"])
            self._tell(f"{words} (the run goes on)")
        return self._known[mark]


def report(problem: BaseException, argv: Sequence[str]) -> str:
    """Write the crash file; one line that names it."""
    path = write_crash_file(problem, argv)
    real = cause(problem)
    why = f": {real.strerror}" if isinstance(real, OSError) and real.strerror else ""
    return f"devstack failed ({type(real).__name__}{why})" + (f"; details in {path}" if path else "")


def cause(problem: BaseException) -> BaseException:
    """What really failed: tasks of a group report their errors wrapped, mostly a single one."""
    while isinstance(problem, BaseExceptionGroup) and len(problem.exceptions) == 1:
        problem = problem.exceptions[0]
    return problem


def write_crash_file(problem: BaseException, argv: Sequence[str]) -> Path | None:
    """Write type and frames of `problem`: no message, no locals, no values. None where no file can be had."""
    lines = [f"devstack {__version__}", f"command: {argv[0] if argv else '-'}", *_told(problem)]
    try:
        handle, name = tempfile.mkstemp(prefix="devstack-crash-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
    except OSError:
        return None
    return Path(name)


def _told(problem: BaseException) -> Iterator[str]:
    """Type and frames; then the same of what it wraps, or of what it was raised from."""
    yield type(problem).__name__
    for frame in traceback.extract_tb(problem.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} {frame.name}"
    if isinstance(problem, BaseExceptionGroup):
        for one in problem.exceptions:
            yield "of which:"
            yield from _told(one)
    elif problem.__cause__ is not None:
        yield "because of:"
        yield from _told(problem.__cause__)
