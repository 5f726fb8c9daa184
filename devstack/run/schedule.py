"""Who may start, who must wait and for what, who goes down first: decided by phases and goals only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from devstack.run.state import LIVE, Condition, Goal, Hold, Kind, Need, Phase, RunState, ServiceState, Spec

Services = Mapping[str, ServiceState]
Specs = Mapping[str, Spec]


class Standing(StrEnum):
    """How a need stands."""

    MET = "met"
    OPEN = "open"
    IMPOSSIBLE = "impossible"


def standing(need: Need, specs: Specs, services: Services) -> Standing:
    """Whether `need` is met, may still be met, or never will be unless somebody intervenes."""
    spec, state = specs[need.service], services[need.service]
    if state.goal is Goal.RESTART:
        return Standing.OPEN
    if state.phase is Phase.FAILED:
        return Standing.MET if spec.optional else Standing.IMPOSSIBLE
    if state.phase is Phase.COMPLETED:
        served = spec.oneshot or spec.optional or need.condition is not Condition.READY
        return Standing.MET if served else Standing.IMPOSSIBLE
    if state.goal is Goal.STOP:
        return Standing.OPEN
    if need.condition is Condition.READY:
        return Standing.MET if state.phase is Phase.READY else Standing.OPEN
    if need.condition is Condition.STARTED:
        runs = state.phase in LIVE and state.phase is not Phase.STOPPING and state.started_at > 0
        return Standing.MET if runs else Standing.OPEN
    return Standing.OPEN


def may_start(name: str, specs: Specs, services: Services) -> bool:
    """Whether every need of `name` is met."""
    return all(standing(need, specs, services) is Standing.MET for need in specs[name].needs)


def impossible_need(name: str, specs: Specs, services: Services) -> Need | None:
    """The first need of `name` that cannot be met any more."""
    for need in specs[name].needs:
        if standing(need, specs, services) is Standing.IMPOSSIBLE:
            return need
    return None


def runs_on(service: ServiceState) -> bool:
    """Whether it can stay as it is when the stack around it changes: it lives or has done its work."""
    return service.goal is Goal.RUN and (service.phase in LIVE or service.phase is Phase.COMPLETED)


def has_live_dependent(name: str, specs: Specs, services: Services) -> bool:
    """Whether something that needs `name` is also going down and still lives, so that `name` waits for it."""
    for other, spec in specs.items():
        state = services[other]
        if state.goal is Goal.RUN or state.phase not in LIVE:
            continue
        if any(need.service == name for need in spec.needs):
            return True
    return False


def holds(state: RunState) -> dict[str, tuple[Hold, ...]]:
    """For each service that waits: which dependency in which condition, its phase and what is known of it."""
    found: dict[str, tuple[Hold, ...]] = {}
    for name, service in state.services.items():
        if service.phase is not Phase.PENDING or service.goal is not Goal.RUN:
            continue
        waiting = tuple(
            _hold(name, need, state)
            for need in state.specs[name].needs
            if standing(need, state.specs, state.services) is not Standing.MET
        )
        if waiting:
            found[name] = waiting
    return found


def roots(state: RunState) -> tuple[str, ...]:
    """Services that others wait for and that wait for nobody: the root blockers, in start order."""
    waits = holds(state)
    blockers = {hold.blocker for several in waits.values() for hold in several}
    return tuple(name for name in state.services if name in blockers and name not in waits)


def closure(names: Iterable[str], specs: Specs) -> tuple[str, ...]:
    """`names` and everything they need, in start order."""
    wanted: set[str] = set()
    todo = [name for name in names if name in specs]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += [need.service for need in specs[name].needs]
    return tuple(name for name in specs if name in wanted)


def is_settled(spec: Spec, service: ServiceState) -> bool:
    """Whether nothing more has to happen for the stack to count as up."""
    if service.phase is Phase.FAILED:
        return spec.optional
    return service.phase in (Phase.READY, Phase.COMPLETED)


def real(state: RunState) -> dict[str, ServiceState]:
    """Services without setup steps, in start order."""
    return {name: one for name, one in state.services.items() if state.specs[name].kind is not Kind.SETUP}


def _hold(name: str, need: Need, state: RunState) -> Hold:
    blocker = state.services[need.service]
    return Hold(
        service=name,
        blocker=need.service,
        condition=need.condition,
        phase=blocker.phase,
        since=blocker.since,
        detail=blocker.probe.detail if blocker.probe and not blocker.probe.ok else blocker.reason,
    )
