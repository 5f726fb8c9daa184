"""Starts the guard process and tells it what it has to watch over."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from devstack.host.model import ProcessId


class Guard:
    """A process that outlives `kill -9` of devstack and then stops everything the run started.

    It holds nothing of ours but the reading end of a pipe: when we die, however, it reads end-of-file.
    """

    def __init__(self, run: str) -> None:
        reading, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard_main.py")), run],
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
        """Also stop the group and session of `leader`, even if its members clear their environment."""
        with suppress(OSError):
            os.write(self._pipe, b"%d %d\n" % (leader.pid, int(leader.started_at)))

    def dismiss(self) -> None:
        """Nothing lives any more: the guard may go."""
        with suppress(OSError):
            os.write(self._pipe, b"done\n")
        os.close(self._pipe)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
