"""A run in a process of its own, that its starter waits for until it is ready."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from devstack.errors import SystemProblem

READY = b"ready\n"


class Announcer:
    """The background process's way to say that its starter may go."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def ready(self) -> None:
        """Let the starter go, and let go of its terminal and pipes."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        os.close(nothing)
        with suppress(OSError):
            os.write(self._handle, READY)
        os.close(self._handle)


def run_in_background(work: Callable[[Announcer], int], *, went_well: Callable[[], None]) -> int:
    """Fork; both return: the child what `work` does, errors included, as if it were the command itself.

    The starter calls `went_well` and returns 0 once `work` announces that it is ready; else it returns the child's
    exit code.
    """
    if not hasattr(os, "fork"):
        raise SystemProblem("a run in the background is not possible on this system.", hint="devstack up")
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child, signals = _forked()
    if child == 0:
        os.close(reading)
        return work(Announcer(writing))
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            if pipe.read() == READY:
                went_well()
                return 0
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    finally:
        for number, handler in signals.items():
            signal.signal(number, handler)


def _forked() -> tuple[int, dict[int, Any]]:
    """The child's pid, and what our signals did before they went to it; in the child, which leads a session, 0."""
    before: dict[int, Any] = {}
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)  # who ends us now means the child
    try:
        child = os.fork()
        if child:
            before = {n: signal.signal(n, lambda n, frame: os.kill(child, n)) for n in _FORWARDED}
        else:
            os.setsid()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)
    return child, before


_FORWARDED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
