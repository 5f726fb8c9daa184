"""What the supervisor needs of an operating system: start a process, know of its end, end its whole tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from devstack.host.model import ProcessId
from devstack.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A process to be started. `env` is the whole environment and is never shown.

    Attributes:
        tag: name that the process and everything it starts carries in its environment.
        tty: give it a pseudo terminal instead of a pipe.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    tag: str = ""
    tty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a process ended: an exit code, or the name of a signal without SIG."""

    code: int | None = None
    signal: str | None = None


class SpawnError(Exception):
    """A process could not be started; the text says why in plain words.

    Attributes:
        is_missing: the program (not the folder) is not there.
    """

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_missing = is_missing


class Child(Protocol):
    """A started process and everything it started."""

    @property
    def id(self) -> ProcessId:
        """The leader."""
        ...

    @property
    def output(self) -> int:
        """Descriptor of its standard output and error; whoever reads it closes it."""
        ...

    @property
    def exit_handle(self) -> int:
        """Descriptor that becomes readable when the leader ended, whoever still holds its output."""
        ...

    def ending(self) -> Ending | None:
        """How the leader ended; None while it lives. Its pid stays reserved until `release`."""
        ...

    def members(self) -> tuple[ProcessId, ...]:
        """Living processes of its tree, the leader included, also those that left its group or session."""
        ...

    def signal(self, name: str) -> None:
        """Send signal `name` (without SIG) once to every member."""
        ...

    def resize(self) -> None:
        """Tell a pseudo terminal the size of ours."""
        ...

    def release(self) -> None:
        """Reap the leader and close what is left open; its tree is gone or given up."""
        ...


class Host(Protocol):
    """One operating system. Everything here returns at once."""

    def adopt_orphans(self) -> None:
        """Become the parent of every descendant that loses its own, where the system can do that."""
        ...

    def set_apart(self, pid: int) -> None:
        """`pid` is a child of ours that is no part of the run (the guard)."""
        ...

    def spawn(self, command: Command) -> Child:
        """Start a process in its own session. Raises SpawnError."""
        ...

    def reap(self) -> None:
        """Collect adopted processes that ended."""
        ...

    def strays(self) -> tuple[ProcessId, ...]:
        """Living processes of this run that belong to no known child any more."""
        ...

    def end(self, processes: tuple[ProcessId, ...], name: str) -> None:
        """Send signal `name` to exactly these processes; a recycled pid is never hit."""
        ...


def this_host(run: str) -> Host:
    """The host for this operating system; `run` tags every process that it starts."""
    import sys

    if sys.platform == "win32":
        from devstack.host.windows import WindowsHost

        return WindowsHost(run)
    from devstack.host.posix import PosixHost

    return PosixHost(run)
