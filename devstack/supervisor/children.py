"""The processes of a run: starting them, knowing when they ended, waiting until their trees are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from devstack.host.base import Child
from devstack.host.model import ProcessId
from devstack.host.pump import Pump, Receiver, Source
from devstack.records import dataclass, field
from devstack.run.facts import Fact, ProcessExited, TreeGone

POLL_FIRST, POLL_LAST = 0.005, 0.05
"""Seconds between looks at a tree whose leader ended."""
OUTPUT_PATIENCE = 1.0
"""An exit is told after so long even if a screen holds up the last output. A busy machine alone hardly takes that long:
without its last lines nobody could say why a service failed."""
AFTER_KILL = 2.0
"""What lives so long after KILL cannot be killed by us: it is named and given up."""
LINGER = 0.5
"""Output is read so much longer when somebody outside the tree holds the pipe."""


class Output(Receiver, Protocol):
    """What takes a generation's output and remembers its end."""

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """The last lines, redacted."""
        ...

    def watch(self, pattern: str, matched: Callable[[str], None]) -> None:
        """Tell the first line that matches `pattern` from now on, on the output thread."""
        ...


@dataclass(slots=True, kw_only=True)
class Running:
    """One generation's process."""

    child: Child
    source: Source
    output: Output
    generation: int
    is_killed: bool = False
    has_ended: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


Explain = Callable[[str, Running], ProcessExited]


def in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    """Have it called in the loop, from any thread. A run that is over needs no calls any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


class Children:
    """Starts and ends the processes of services; everything that happens to them becomes a posted fact."""

    def __init__(
        self,
        pump: Pump,
        *,
        output: Callable[[str, int], Output],
        post: Callable[[Fact], None],
        explain: Explain,
    ) -> None:
        """`explain` makes the fact of an exit: code, cause, last lines."""
        self._pump = pump
        self._output = output
        self._post = post
        self._explain = explain
        self._running: dict[str, Running] = {}
        self._loop = asyncio.get_running_loop()
        self.changed: Callable[[], None] = lambda: None

    def start(self, service: str, generation: int, first: Callable[[], Child]) -> ProcessId:
        """What `first` starts is this generation's process. Raises what it raises."""
        output = self._output(service, generation)
        child = first()
        source = self._pump.source(child.output, output)
        running = Running(child=child, source=source, output=output, generation=generation)
        self._running[service] = running
        self._loop.call_soon(source.begin)  # the fact that it started is folded before its first line is told
        self._loop.add_reader(child.exit_handle, self._ended, service, running)
        self.changed()
        return child.id

    def get(self, service: str, generation: int) -> Running | None:
        """The process of this generation while its tree may live."""
        running = self._running.get(service)
        return running if running is not None and running.generation == generation else None

    def all(self) -> dict[str, Running]:
        """Every service's process whose tree may live."""
        return dict(self._running)

    def members(self, service: str, generation: int) -> tuple[ProcessId, ...]:
        """Living processes of the tree; none when it is gone."""
        running = self.get(service, generation)
        return running.child.members() if running is not None else ()

    def signal(self, service: str, generation: int, name: str) -> None:
        """Signal the whole tree; after KILL it is followed until it is gone or given up."""
        running = self.get(service, generation)
        if running is None:
            return
        running.child.signal(name)
        if name == "KILL" and not running.is_killed:
            running.is_killed = True
            self._loop.call_later(AFTER_KILL, self._give_up, service, running)

    def kill_all(self) -> None:
        """KILL to everything, now: for the way out after an error of our own."""
        for running in self._running.values():
            running.child.signal("KILL")

    def resize(self) -> None:
        """Our terminal has another size."""
        for running in self._running.values():
            running.child.resize()

    def _ended(self, service: str, running: Running) -> None:
        """The leader ended: first its last output, then the fact."""
        self._loop.remove_reader(running.child.exit_handle)
        fallback = self._loop.call_later(OUTPUT_PATIENCE, self._tell_end, service, running)

        running.source.exited(lambda: in_loop(self._loop, self._caught_up, service, running, fallback))

    def _caught_up(self, service: str, running: Running, fallback: asyncio.TimerHandle) -> None:
        fallback.cancel()
        self._tell_end(service, running)

    def _tell_end(self, service: str, running: Running) -> None:
        if running.has_ended or self._running.get(service) is not running:
            return
        running.has_ended = True
        fact = self._explain(service, running)
        if fact.remains:
            running.task = self._loop.create_task(self._until_gone(service, running))
        else:
            self._forget(service, running)
        self._post(fact)

    async def _until_gone(self, service: str, running: Running) -> None:
        """Members that outlive their leader were signalled by the fold; wait for them."""
        pause = POLL_FIRST
        while running.child.members():
            if running.is_killed:
                running.child.signal("KILL")  # it may have forked meanwhile
            await asyncio.sleep(pause)
            pause = min(pause * 2, POLL_LAST)
        self._gone(service, running, ())

    def _give_up(self, service: str, running: Running) -> None:
        if self._running.get(service) is running:
            if running.task is not None:
                running.task.cancel()
            self._gone(service, running, tuple(one.pid for one in running.child.members()))

    def _gone(self, service: str, running: Running, survivors: tuple[int, ...]) -> None:
        self._forget(service, running)
        self._post(TreeGone(service=service, generation=running.generation, survivors=survivors))

    def _forget(self, service: str, running: Running) -> None:
        del self._running[service]
        if not running.has_ended:
            self._loop.remove_reader(running.child.exit_handle)
        running.source.close(LINGER)
        running.child.release()
        self.changed()
