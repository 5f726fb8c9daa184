"""The fold: `step(state, fact, at) -> (state, effects)`. Pure; all of a run's behaviour is decided here.

This module says what each fact and request means; `moves` holds what can happen to one service, `verdict`
what follows for the others and for the run, `transitions` which phase may follow which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any

from devstack.records import replace
from devstack.run import events, facts
from devstack.run.effects import Effect, Signal, Watch
from devstack.run.facts import Fact, ServiceFact, Timer
from devstack.run.moves import after_tree, arm, become_ready, begin_stop, fail, give_up, kill, revive
from devstack.run.schedule import closure, runs_on
from devstack.run.state import LIVE, Exit, Goal, Kind, Phase, Probe, RunState, ServiceState, Spec
from devstack.run.transitions import TRANSITIONS, WATCHED, Draft, IllegalTransition
from devstack.run.verdict import settle, shut_down

__all__ = ["TRANSITIONS", "IllegalTransition", "begin", "step"]


def begin(specs: Iterable[Spec], *, exit_when_done: bool = False, stop_on_failure: bool = False) -> RunState:
    """The state before anything happened; `specs` in start order."""
    table = {spec.name: spec for spec in specs}
    return RunState(
        specs=MappingProxyType(table),
        services=MappingProxyType({name: ServiceState() for name in table}),
        exit_when_done=exit_when_done,
        stop_on_failure=stop_on_failure,
    )


def step(state: RunState, fact: Fact, at: float = 0.0) -> tuple[RunState, tuple[Effect, ...]]:
    """What follows from `fact` at time `at` (seconds since the epoch). Old generations change nothing."""
    if state.finished:
        return state, ()
    draft = Draft(state, at)
    if isinstance(fact, ServiceFact):
        current = state.services.get(fact.service)
        if current is None or current.generation != fact.generation:
            return state, ()
        _SERVICE_FACTS[type(fact)](draft, fact)
    elif not state.stopping or isinstance(fact, facts.ShutdownRequested):
        _REQUESTS[type(fact)](draft, fact)
    settle(draft)
    return draft.finish()


def _process_started(draft: Draft, fact: facts.ProcessStarted) -> None:
    name, spec = fact.service, draft.spec(fact.service)
    service = draft.change(name, pid=fact.pid, started_at=draft.at)
    if service.phase is not Phase.STARTING:
        return
    if spec.kind is not Kind.SETUP:
        draft.publish(
            events.ServiceStarted(service=name, generation=fact.generation, pid=fact.pid, port=spec.port)
        )
    if spec.gate:
        draft.effects.append(Watch(service=name, generation=fact.generation))
        arm(draft, name, Timer.BUDGET, spec.within)
    elif spec.kind is Kind.EXTERNAL:
        become_ready(draft, name, "not probed", "")
    elif not spec.oneshot:
        arm(draft, name, Timer.SETTLE, spec.settle)


def _spawn_failed(draft: Draft, fact: facts.SpawnFailed) -> None:
    draft.change(fact.service, exit=Exit(cause=fact.reason, hopeless=True))
    service = draft.services[fact.service]
    if service.phase is Phase.STOPPING:
        _tree_gone(draft, facts.TreeGone(service=fact.service, generation=fact.generation))
    elif service.phase is Phase.STARTING:
        fail(draft, fact.service, fact.reason)


def _process_exited(draft: Draft, fact: facts.ProcessExited) -> None:
    service = draft.services[fact.service]
    if service.phase not in LIVE:
        return
    ended = Exit(code=fact.code, signal=fact.signal, cause=fact.cause, hopeless=fact.hopeless)
    told = service.phase is Phase.STOPPING
    draft.change(fact.service, exit=ended)
    if draft.spec(fact.service).kind is not Kind.SETUP:
        draft.publish(
            events.ServiceExited(
                service=fact.service,
                generation=fact.generation,
                code=fact.code,
                signal=fact.signal,
                expected=told,
                cause=fact.cause,
                tail=() if told else fact.tail,
            )
        )
    if not fact.remains:
        after_tree(draft, fact.service, ())
    elif not told:
        begin_stop(draft, fact.service, "processes it started outlive it")


def _tree_gone(draft: Draft, fact: facts.TreeGone) -> None:
    if draft.services[fact.service].phase is Phase.STOPPING:
        after_tree(draft, fact.service, fact.survivors)


def _probe_passed(draft: Draft, fact: facts.ProbePassed) -> None:
    service = draft.services[fact.service]
    if service.phase in (Phase.STARTING, Phase.DEGRADED):
        become_ready(draft, fact.service, fact.detail, fact.note)
    elif service.phase is Phase.READY:
        draft.change(fact.service, probe=Probe(ok=True, detail=fact.detail, at=draft.at))


def _probe_missed(draft: Draft, fact: facts.ProbeMissed) -> None:
    name, service = fact.service, draft.services[fact.service]
    if service.phase not in WATCHED:
        return
    is_new = service.probe is None or service.probe.detail != fact.detail
    draft.change(name, probe=Probe(ok=False, detail=fact.detail, at=draft.at, refused=fact.refused))
    if fact.fatal and service.phase is Phase.STARTING:
        give_up(draft, name, fact.detail)
    elif service.phase is Phase.READY:
        draft.move(name, Phase.DEGRADED, reason=fact.detail)
        draft.publish(events.ServiceDegraded(service=name, generation=fact.generation, detail=fact.detail))
    elif is_new:
        draft.publish(events.ProbeFailed(service=name, generation=fact.generation, detail=fact.detail))


def _timer_fired(draft: Draft, fact: facts.TimerFired) -> None:
    name, service = fact.service, draft.services[fact.service]
    if fact.timer is Timer.GRACE and service.phase is Phase.STOPPING and not service.killed:
        draft.change(name, killed=True)
        draft.effects.append(Signal(service=name, generation=service.generation, kill=True))
    elif fact.timer is Timer.BACKOFF and service.phase is Phase.BACKOFF:
        draft.move(name, Phase.PENDING)
    elif fact.timer is Timer.SETTLE and service.phase is Phase.STARTING:
        become_ready(draft, name, "running", "")
    elif fact.timer is Timer.BUDGET and service.phase is Phase.STARTING:
        somebody_looks = not (draft.run.stop_on_failure or draft.run.exit_when_done)
        if service.probe is not None and service.probe.refused and somebody_looks:
            return  # it runs; who works on it mends it, and then the gate passes
        last = service.probe.detail if service.probe else "no answer yet"
        give_up(draft, name, f"was not ready within {_seconds(draft.spec(name).within)}: {last}")


def _run_began(draft: Draft, fact: Fact) -> None:
    draft.run = replace(draft.run, began=True, began_at=draft.at)
    for name in draft.services:
        draft.change(name, since=draft.at)


def _start_requested(draft: Draft, fact: facts.StartRequested) -> None:
    for name in closure(fact.services, draft.run.specs):
        service = draft.services[name]
        if service.phase is Phase.COMPLETED and name not in fact.services:
            continue
        if service.phase is Phase.STOPPING:
            draft.change(name, goal=Goal.RESTART, reason="start requested")
        elif service.phase in LIVE:
            draft.change(name, goal=Goal.RUN if draft.run.successor is None else Goal.RESTART)
        else:
            revive(draft, name)


def _stop_requested(draft: Draft, fact: facts.StopRequested) -> None:
    for name in _known(draft, fact.services):
        draft.change(name, goal=Goal.STOP, reason="stop requested")


def _restart_requested(draft: Draft, fact: facts.RestartRequested) -> None:
    for name in _known(draft, fact.services):
        service = draft.services[name]
        if service.phase in LIVE:
            draft.change(name, goal=Goal.RESTART, reason=fact.reason)
            continue
        for need in draft.spec(name).needs:
            is_setup = draft.spec(need.service).kind is Kind.SETUP
            if is_setup and draft.services[need.service].phase in (Phase.FAILED, Phase.STOPPED):
                revive(draft, need.service)
        revive(draft, name)


def _stack_replaced(draft: Draft, fact: facts.StackReplaced) -> None:
    draft.run = replace(draft.run, successor=fact.specs)
    stays = {spec.name for spec in fact.specs}
    for name, service in list(draft.services.items()):
        if name not in stays:
            draft.change(name, goal=Goal.STOP, reason=fact.reason)
        elif name in fact.unchanged and runs_on(service):
            continue
        elif service.phase in LIVE:
            draft.change(name, goal=Goal.RESTART, reason=fact.reason)
        else:
            revive(draft, name)


def _shutdown_requested(draft: Draft, fact: facts.ShutdownRequested) -> None:
    draft.run = replace(draft.run, asked=True)
    if not draft.run.stopping:
        shut_down(draft, fact.reason, fact.code)
    elif not draft.run.forced:
        draft.run = replace(draft.run, forced=True)
        draft.publish(events.RunStopping(reason=fact.reason, forced=True))
        for name, service in list(draft.services.items()):
            if service.phase in LIVE:
                kill(draft, name)


def _known(draft: Draft, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in draft.services)


def _seconds(value: float) -> str:
    return f"{value:g}s"


_SERVICE_FACTS: dict[type[Fact], Callable[[Draft, Any], None]] = {
    facts.ProcessStarted: _process_started,
    facts.SpawnFailed: _spawn_failed,
    facts.ProcessExited: _process_exited,
    facts.TreeGone: _tree_gone,
    facts.ProbePassed: _probe_passed,
    facts.ProbeMissed: _probe_missed,
    facts.TimerFired: _timer_fired,
}
_REQUESTS: dict[type[Fact], Callable[[Draft, Any], None]] = {
    facts.RunBegan: _run_began,
    facts.StartRequested: _start_requested,
    facts.StopRequested: _stop_requested,
    facts.RestartRequested: _restart_requested,
    facts.StackReplaced: _stack_replaced,
    facts.ShutdownRequested: _shutdown_requested,
}
