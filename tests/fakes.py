"""A fake operating system at the real seam (`host.base`): no processes, everything decided by the test."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from devstack.host.base import Command, Ending, SpawnError
from devstack.host.model import ProcessId


@dataclass
class FakeClock:
    """Seconds that pass only when the test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeChild:
    """A process that ends when the test (or a signal it obeys) says so."""

    command: Command
    id: ProcessId
    output: int
    exit_handle: int
    exit_writer: int
    is_stubborn: bool = False
    others: int = 0
    signals: list[str] = field(default_factory=list)
    result: Ending | None = None
    is_released: bool = False

    def ending(self) -> Ending | None:
        return self.result

    def members(self) -> tuple[ProcessId, ...]:
        leader = () if self.result is not None else (self.id,)
        return leader + tuple(ProcessId(pid=self.id.pid + n, started_at=1) for n in range(1, self.others + 1))

    def signal(self, name: str) -> None:
        self.signals.append(name)
        if name == "KILL" or not self.is_stubborn:
            self.others = 0
            self.end(Ending(signal=name))

    def end(self, ending: Ending) -> None:
        """The leader ends now."""
        if self.result is None:
            self.result = ending
            os.close(self.exit_writer)

    def resize(self) -> None:
        pass

    def release(self) -> None:
        if not self.is_released:
            self.is_released = True
            os.close(self.exit_handle)


class FakeHost:
    """Hands out FakeChild objects; `started` holds them in order."""

    def __init__(self, prepare: Callable[[FakeChild], None] = lambda child: None) -> None:
        self.started: list[FakeChild] = []
        self.prepare = prepare
        self.missing: set[str] = set()

    def adopt_orphans(self) -> None:
        pass

    def set_apart(self, pid: int) -> None:
        pass

    def spawn(self, command: Command) -> FakeChild:
        if command.argv[0] in self.missing:
            raise SpawnError(f"{command.argv[0]} not found", is_missing=True)
        reading, writing = os.pipe()
        os.close(writing)  # a fake writes nothing
        exit_handle, exit_writer = os.pipe()
        child = FakeChild(
            command=command,
            id=ProcessId(pid=1000 + 10 * len(self.started), started_at=1),
            output=reading,
            exit_handle=exit_handle,
            exit_writer=exit_writer,
        )
        self.started.append(child)
        self.prepare(child)
        return child

    def reap(self) -> None:
        pass

    def strays(self) -> tuple[ProcessId, ...]:
        return ()

    def end(self, processes: tuple[ProcessId, ...], name: str) -> None:
        pass
