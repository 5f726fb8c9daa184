"""The processes that nothing holds back; they start before what follows a run is loaded.

The event loop, the views and the control server take as long to load as all that comes before the first service.
None of them is needed to start a process: that takes a host, a guard and the declared services. The others load
while the services do. `up_run` takes over whatever runs then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from devstack.host import limits, signals
from devstack.host.base import SpawnError, this_host
from devstack.host.guard import Guard
from devstack.run import facts
from devstack.run.effects import Spawn
from devstack.run.lifecycle import begin, step
from devstack.run.state import Kind
from devstack.supervisor import plan
from devstack.supervisor.services import DeclaredServices, Display, stamp

if TYPE_CHECKING:
    from devstack.commands.up_job import Job
    from devstack.env.model import Environment
    from devstack.host.base import Child
    from devstack.run.state import RunState


class First:
    """A run's host and guard, and the services that run already; all of it ends with the `with` block.

    Attributes:
        state: the run before anything happened.
        children: what was started, by service (or setup step); the runner takes each out when its turn comes.
        held: signals that came before anybody listens.
    """

    job: Job
    state: RunState
    services: DeclaredServices
    held: signals.Held | None = None

    def __init__(self) -> None:
        """The guard loads while the checks of `up` go on."""
        self.run = stamp()
        self.host = this_host(self.run)
        self.host.adopt_orphans()
        self.terminal = signals.Terminal()
        self.guard = Guard(self.run)
        self.host.set_apart(self.guard.pid)
        self.children: dict[str, Child] = {}
        self._resolved: list[tuple[str, Environment]] = []
        self._hear: Callable[[str, Environment], None] = lambda service, made: self._resolved.append(
            (service, made)
        )

    def start(self, job: Job) -> None:
        """Start what waits for nothing. What cannot be started is left to the runner, which tells why.

        So is all of it where files are short: what is loaded next needs some, too.
        """
        self.job = job
        self.state = initial_state(job)
        self.services = self._services()
        self.held = signals.Held()
        for name in _unhindered(self.state) if limits.make_room(len(job.names)) else ():
            try:
                child = self.host.spawn(self.services.command(name))
            except SpawnError:
                continue
            self.children[name] = child
            self.guard.watch(child.id)

    def __enter__(self) -> First:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as ending:  # last in, first out; each step happens whatever another one raises
            if self.held is not None:
                ending.callback(self.held.let_go)
            ending.callback(self.guard.dismiss)
            ending.callback(self.terminal.restore)
            for child in self.children.values():  # the run did not come so far
                ending.callback(child.release)
                ending.callback(child.signal, "KILL")

    def listen(self, hear: Callable[[str, Environment], None]) -> None:
        """`hear` is told which environment each process was given, so far and from now on."""
        for service, made in self._resolved:
            hear(service, made)
        self._hear = hear

    def _services(self) -> DeclaredServices:
        job, request = self.job, self.job.request
        return DeclaredServices(
            job.stack,
            process=request.environment,
            host=self.host,
            setups=job.setups,
            display=Display(
                is_terminal=sys.stdout.isatty(), wants_colour=job.look.colour and not request.as_json
            ),
            holder=self._holder,
            resolved=lambda service, made: self._hear(service, made),
            current=None if job.moved is None else job.moved.current,
        )

    def _holder(self, port: int) -> str:
        """Who holds `port`, in words."""
        from devstack.contract.port_context import context_of
        from devstack.contract.port_plan import holder_words
        from devstack.host import ports

        found = ports.holders([port], context_of(self.job.stack.root)).get(port)
        return holder_words(found[0], time.time()) if found else ""


def initial_state(job: Job) -> RunState:
    """The run before anything happened."""
    return begin(
        plan.specs(job.stack, job.names, [one.service for one in job.due]),
        exit_when_done=job.request.exit_when_done,
        stop_on_failure=job.request.fails_fast,
    )


def _unhindered(state: RunState) -> Iterator[str]:
    """What the fold starts at once when the run begins, as far as it is ours to start."""
    _, effects = step(state, facts.RunBegan(), time.time())
    for effect in effects:
        if isinstance(effect, Spawn) and state.specs[effect.service].kind is not Kind.EXTERNAL:
            yield effect.service
