"""Makes a run happen: facts → fold → effects → host, probes, timers → facts. Owns the only TaskGroup."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Protocol

from devstack.host.base import Child, Command, Ending, Host, SpawnError
from devstack.host.model import ProcessId
from devstack.host.pump import Pump
from devstack.host.tree import computing
from devstack.probes.base import Answer
from devstack.run import effects, events, facts
from devstack.run.effects import Effect
from devstack.run.facts import Fact
from devstack.run.hub import Hub
from devstack.run.lifecycle import step
from devstack.run.state import Kind, RunState
from devstack.stack.model import ProbeKind
from devstack.supervisor.children import Children, Output, Running, in_loop
from devstack.supervisor.gate import Gate, SharedListening, Target

STRAY_GRACE = 0.3
STRAY_LIMIT = 3.0
SETTLE_STEP = 0.05
AGAIN_AFTER = (0.2, 1.0, 5.0)
"""Seconds until a gate that failed for a bug of ours is watched again, so many times."""
SETTLE_COMPUTED = 2.0
SETTLE_TRIES = 600
"""A service without a gate that keeps computing counts as ready after two seconds of processor time all the same,
which take long on a busy machine; one that hangs on a disk after half a minute."""


class Services(Protocol):
    """What the runner asks about the declared services; answered anew at every start."""

    def command(self, service: str) -> Command:
        """How to start it now, with the environment as it is now. Raises SpawnError."""
        ...

    def target(self, service: str, members: Callable[[], tuple[ProcessId, ...]]) -> Target:
        """What its gate watches."""
        ...

    def explain(self, service: str, ending: Ending, tail: tuple[str, ...]) -> tuple[str, bool]:
        """Cause of an exit in one line ("" when unknown), and whether starting again is hopeless."""
        ...

    def adopt(self) -> None:
        """Nothing of the former stack lives: answer for the new one."""
        ...

    def finished(self, service: str, ok: bool) -> None:
        """A setup step ended."""
        ...


class Runner:
    """One run. `execute` returns when nothing of it lives any more."""

    def __init__(
        self,
        state: RunState,
        *,
        hub: Hub,
        host: Host,
        services: Services,
        output: Callable[[str, int], Output],
        pump: Pump,
        record: Callable[[RunState, dict[str, Running]], None] = lambda state, running: None,
        ahead: MutableMapping[str, Child] | None = None,
        clock: Callable[[], float] = time.time,
        survive: Callable[[Exception], str] = lambda problem: f"devstack failed ({type(problem).__name__})",
    ) -> None:
        """`record` keeps on disk what lives; `clock` gives seconds since the epoch.

        `survive`: what to say of a bug of ours that concerns one service only. It costs that service at most.

        `ahead`: first processes of services that run already; each is taken out of it when its start is due.
        """
        self._state = state
        self._hub = hub
        self._host = host
        self._services = services
        self._output = output
        self._pump = pump
        self._record = record
        self._ahead = {} if ahead is None else ahead
        self._clock = clock
        self._survive = survive
        self._inbox: deque[Fact] = deque()
        self._is_folding = False
        self._timers: dict[tuple[str, facts.Timer], asyncio.TimerHandle] = {}
        self._gates: dict[str, asyncio.Task[None]] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self._listening = SharedListening()
        self._failure: BaseException | None = None
        self._last: events.Event | None = None
        self._is_recorded = True

    @property
    def state(self) -> RunState:
        """The run now."""
        return self._state

    async def execute(self, begin: Callable[[], None] = lambda: None) -> int:
        """Run to the end; `begin` is called once facts are accepted. Returns the exit code."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._over = asyncio.Event()
        self._children = Children(self._pump, output=self._output, post=self.accept, explain=self._exited)
        self._children.changed = self._mark_unrecorded
        self._hub.connect(self.accept)
        self._hub.state = self._state
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                begin()
                self.accept(facts.RunBegan())
                await self._over.wait()
                for gate in tuple(self._watching):  # also those that were cancelled before and did not end
                    gate.cancel()
        finally:
            self._children.kill_all()
            for timer in self._timers.values():
                timer.cancel()
            await self._sweep()
        if self._failure is not None:
            raise self._failure
        await self._handed_on()
        if self._last is not None:
            self._hub.publish(self._last, self._state)
        return self._state.code or 0

    def accept(self, fact: Fact) -> None:
        """Take a fact from any thread; it is folded in order of arrival."""
        if threading.get_ident() != self._thread:
            in_loop(self._loop, self.accept, fact)
            return
        self._inbox.append(fact)
        if self._is_folding:
            return
        self._is_folding = True
        try:
            while self._inbox:
                self._fold(self._inbox.popleft())
        except Exception as problem:  # a bug of ours: nothing may be left running because of it
            self._failure = self._failure or problem
            self._over.set()
        finally:
            self._is_folding = False

    def record(self) -> None:
        """Keep on disk again what lives: it was lost there."""
        self._mark_unrecorded()

    def resize(self) -> None:
        """The terminal's size changed."""
        self._children.resize()

    def _fold(self, fact: Fact) -> None:
        self._state, todo = step(self._state, fact, self._clock())
        if not any(isinstance(effect, effects.Publish) for effect in todo):
            self._hub.state = self._state
        for effect in todo:
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case effects.Publish(event=events.RunFinished()):
                self._last = effect.event
                self._hub.state = self._state
            case effects.Publish():
                self._hub.publish(effect.event, self._state)
            case effects.Spawn():
                self._spawn(effect)
            case effects.Signal():
                name = "KILL" if effect.kill else self._state.specs[effect.service].signal
                self._signal(effect, name)
            case effects.Watch():
                self._watch(effect)
            case effects.Unwatch():
                self._unwatch(effect.service)
            case effects.Arm():
                self._arm(effect)
            case effects.Adopt():
                self._services.adopt()
            case effects.Finish():
                self._over.set()

    def _spawn(self, effect: effects.Spawn) -> None:
        name, generation = effect.service, effect.generation
        if self._state.specs[name].kind is Kind.EXTERNAL:
            self.accept(facts.ProcessStarted(service=name, generation=generation))
            return
        try:
            process = self._children.start(name, generation, lambda: self._first_process(name))
        except Exception as problem:
            reason = problem.reason if isinstance(problem, SpawnError) else self._survive(problem)
            self.accept(facts.SpawnFailed(service=name, generation=generation, reason=reason))
            return
        self.accept(facts.ProcessStarted(service=name, generation=generation, pid=process.pid))

    def _first_process(self, service: str) -> Child:
        ahead = self._ahead.pop(service, None)
        return self._host.spawn(self._services.command(service)) if ahead is None else ahead

    def _signal(self, effect: effects.Signal, name: str) -> None:
        if self._children.get(effect.service, effect.generation) is not None:
            self._children.signal(effect.service, effect.generation, name)
        else:  # external services, and those whose start failed, have nothing to stop
            self.accept(facts.TreeGone(service=effect.service, generation=effect.generation))

    def _watch(self, effect: effects.Watch) -> None:
        watching = self._watched(effect.service, effect.generation)
        task = self._group.create_task(watching, name=f"gate of {effect.service}")
        self._gates[effect.service] = task
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _watched(self, name: str, generation: int) -> None:
        """A gate that fails is a bug of ours: told as a missed probe, and tried again before it is given up."""
        for pause in (*AGAIN_AFTER, None):
            try:
                return await self._gate(name, generation).watch()
            except Exception as problem:
                detail = self._survive(problem)
            self.accept(
                facts.ProbeMissed(service=name, generation=generation, detail=detail, fatal=pause is None)
            )
            if pause is not None:
                await asyncio.sleep(pause)
        return None

    def _gate(self, name: str, generation: int) -> Gate:
        target = self._services.target(name, lambda: self._children.members(name, generation))

        def report(answer: Answer) -> None:
            where = {"service": name, "generation": generation}
            if answer.ok:
                self.accept(facts.ProbePassed(**where, detail=answer.detail, note=answer.note))  # type: ignore[arg-type]
            else:
                self.accept(_missed(answer, **where))  # type: ignore[arg-type]

        gate = Gate(target, self._listening, report)
        running = self._children.get(name, generation)
        if target.ready.kind is ProbeKind.LOG and running is not None:
            running.output.watch(
                target.ready.target, lambda line: in_loop(self._loop, gate.log_matched, line)
            )
        return gate

    def _unwatch(self, service: str) -> None:
        gate = self._gates.pop(service, None)
        if gate is not None:
            gate.cancel()

    def _arm(self, effect: effects.Arm) -> None:
        key = (effect.service, effect.timer)
        if key in self._timers:
            self._timers[key].cancel()
        if effect.timer is facts.Timer.SETTLE:
            self._timers[key] = self._loop.call_later(effect.seconds, self._settled, effect, SETTLE_TRIES)
            return
        fact = facts.TimerFired(service=effect.service, generation=effect.generation, timer=effect.timer)
        self._timers[key] = self._loop.call_later(effect.seconds, self.accept, fact)

    def _settled(self, effect: effects.Arm, tries: int) -> None:
        """A program that is still loading (it computes) has not proved that it lives: look again."""
        running = self._children.get(effect.service, effect.generation)
        if running is not None and running.child.ending() is not None:
            return  # it is over, and that is told as soon as its last output is read
        members = self._children.members(effect.service, effect.generation)
        used = computing(one.pid for one in members)
        if tries and used is not None and used < SETTLE_COMPUTED:
            key = (effect.service, effect.timer)
            self._timers[key] = self._loop.call_later(SETTLE_STEP, self._settled, effect, tries - 1)
            return
        self.accept(
            facts.TimerFired(service=effect.service, generation=effect.generation, timer=effect.timer)
        )

    def _exited(self, service: str, running: Running) -> facts.ProcessExited:
        ending = running.child.ending() or Ending()
        told = self._state.services[service].goal.value != "run"
        tail = running.output.tail()
        cause, hopeless = "", False
        try:
            if not told:
                cause, hopeless = self._services.explain(service, ending, tail)
            if self._state.specs[service].kind is Kind.SETUP:
                self._services.finished(service, ending.code == 0)
        except Exception as problem:  # that it ended is known all the same
            cause = self._survive(problem)
        return facts.ProcessExited(
            service=service,
            generation=running.generation,
            code=ending.code,
            signal=ending.signal,
            remains=bool(running.child.members()),
            cause=cause,
            hopeless=hopeless,
            tail=tail,
        )

    def _mark_unrecorded(self) -> None:
        """Write the record once for all that changes in this turn of the loop."""
        if self._is_recorded:
            self._is_recorded = False
            self._loop.call_soon(self._write_record)

    def _write_record(self) -> None:
        self._is_recorded = True
        self._record(self._state, self._children.all())

    async def _handed_on(self) -> None:
        """Until everything that was written is with the hub: the end is told after it, however slow a reader is."""
        done = asyncio.Event()
        self._pump.finish(lambda: in_loop(self._loop, done.set))
        await done.wait()

    async def _sweep(self) -> None:
        """Whatever of the run still hangs below us belongs to nobody: TERM, then KILL."""
        began, name = time.monotonic(), "TERM"
        while strays := self._host.strays():
            waited = time.monotonic() - began
            if waited > STRAY_LIMIT:
                return
            if waited > STRAY_GRACE:
                name = "KILL"
            self._host.end(strays, name)
            await asyncio.sleep(0.02)


def _missed(answer: Answer, *, service: str, generation: int) -> facts.ProbeMissed:
    return facts.ProbeMissed(
        service=service,
        generation=generation,
        detail=answer.detail,
        fatal=answer.fatal,
        refused=answer.refused,
    )
