"""Starts the guard process and tells it what it has to watch over."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from devstack.host import guard_main, lineage
from devstack.host.model import ProcessId

MOST_LOST = 5
"""Whoever ends it more often means it."""


class Guard:
    """A process that outlives `kill -9` of devstack and then stops everything the run started.

    It holds nothing of ours but the reading end of a pipe: when we die, however, it reads end-of-file. It finds what
    we started by its mark and tag; where a system has neither, by the leaders that it was told of.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._part = str(lineage.run_part(lineage.mark(run, 0)))
        self._leaders: dict[ProcessId, None] = {}
        self._lost = 0
        self._start()

    def _start(self) -> None:
        reading, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(guard_main.__file__)), self._run, self._part],
                cwd="/",
                env={},
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(reading)

    @property
    def pid(self) -> int:
        """Its process id; it is our child and no part of the run."""
        return self._process.pid

    def watch(self, leader: ProcessId) -> None:
        """Also stop the group and session of `leader`."""
        if leader not in self._leaders:
            self._leaders[leader] = None
            self._tell(leader)

    def _tell(self, leader: ProcessId) -> None:
        with suppress(OSError):
            os.write(self._pipe, b"%d %d\n" % (leader.pid, int(leader.started_at)))

    def replace_if_gone(self) -> str | None:
        """Somebody ended the guard: another one takes over. What to say of it; None when it lives.

        Called when a child of ours ended; OSError when no other one can be started.
        """
        if self._process.poll() is None or self._lost > MOST_LOST:
            return None
        self._lost += 1
        former = self._pipe
        if self._lost > MOST_LOST:
            _let_go(former)
            return (
                "the guard was ended again and again: after `kill -9` of devstack the services would live on"
            )
        self._start()
        for leader in self._leaders:
            self._tell(leader)
        _let_go(former)  # the twin of the one that is gone watched until now
        return "the guard was ended by somebody; another one has taken over"

    def dismiss(self) -> None:
        """Nothing lives any more: the guard may go."""
        _let_go(self._pipe)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)


def _let_go(pipe: int) -> None:
    with suppress(OSError):
        os.write(pipe, b"done\n")
    with suppress(OSError):
        os.close(pipe)
