"""What follows for the whole run after each fact: goals, starts, readiness, the end."""

from __future__ import annotations

from types import MappingProxyType

from devstack.records import replace
from devstack.run import events
from devstack.run.effects import Adopt, Finish
from devstack.run.moves import begin_stop, fail, start
from devstack.run.schedule import has_live_dependent, impossible_need, is_settled, may_start, real
from devstack.run.state import LIVE, Goal, Kind, Phase, ServiceState, Spec
from devstack.run.transitions import WATCHED, Draft

FAILED_CODE = 4
TIMED_OUT_CODE = 124


def settle(draft: Draft) -> None:
    """Apply goals and dependencies until nothing changes any more."""
    moved = True
    while moved:
        moved = False
        for name in reversed(tuple(draft.run.specs)):
            moved = _apply_goal(draft, name) or moved
        if draft.run.successor is not None and not draft.run.stopping:
            moved = _take_over(draft, draft.run.successor) or moved
        elif draft.run.began and not draft.run.stopping:
            for name in draft.run.specs:
                moved = _try_start(draft, name) or moved
        moved = _judge_run(draft) or moved
    if draft.run.stopping and not any(one.phase in LIVE for one in draft.services.values()):
        _finish(draft, draft.run.code or 0)


def _apply_goal(draft: Draft, name: str) -> bool:
    service = draft.services[name]
    if service.goal is Goal.RUN:
        return False
    if service.phase in WATCHED and not has_live_dependent(name, draft.run.specs, draft.services):
        begin_stop(draft, name, service.reason)
        return True
    if service.phase in (Phase.PENDING, Phase.BACKOFF):
        draft.move(name, Phase.STOPPED)
        return True
    return False


def _try_start(draft: Draft, name: str) -> bool:
    service = draft.services[name]
    if service.phase is not Phase.PENDING or service.goal is not Goal.RUN:
        return False
    need = impossible_need(name, draft.run.specs, draft.services)
    if need is not None:
        blocker = draft.services[need.service]
        root = blocker.blamed or need.service
        reason = blocker.reason if blocker.skipped else f"{_title(draft, need.service)} {blocker.brief}"
        fail(draft, name, reason, skipped=True, blamed=root)
        return True
    if may_start(name, draft.run.specs, draft.services):
        start(draft, name)
        return True
    return False


def _take_over(draft: Draft, specs: tuple[Spec, ...]) -> bool:
    """Once nothing lives that is to go: go on with the services of the new stack, each with its own past."""
    if any(one.phase in LIVE and one.goal is not Goal.RUN for one in draft.services.values()):
        return False
    before = draft.services
    known = {**draft.run.retired, **{name: one.generation for name, one in before.items()}}
    draft.services = {
        spec.name: before.get(spec.name) or ServiceState(generation=known.get(spec.name, 0), since=draft.at)
        for spec in specs
    }
    draft.run = replace(
        draft.run,
        specs=MappingProxyType({spec.name: spec for spec in specs}),
        retired=MappingProxyType({name: last for name, last in known.items() if name not in draft.services}),
        successor=None,
    )
    draft.effects.append(Adopt())
    return True


def _judge_run(draft: Draft) -> bool:
    """Whether the run is ready for the first time, or over by itself."""
    run, services = draft.run, real(replace(draft.run, services=draft.services))
    if not run.began or run.stopping or not services or run.successor is not None:
        return False
    failed = has_failed(draft)
    if not run.was_ready and all(is_settled(draft.spec(name), one) for name, one in services.items()):
        draft.run = replace(run, was_ready=True)
        draft.publish(events.RunReady(seconds=draft.at - run.began_at))
        return True
    if failed and (run.exit_when_done or (run.stop_on_failure and not run.was_ready)):
        shut_down(draft, "a service failed", FAILED_CODE)
        return True
    oneshots = [name for name in services if draft.spec(name).oneshot]
    if run.exit_when_done and oneshots and all(services[n].phase is Phase.COMPLETED for n in oneshots):
        shut_down(draft, "every one-shot service completed", 0)
        return True
    if _is_over(draft, services):
        shut_down(draft, "nothing runs any more", FAILED_CODE if failed else 0)
        return True
    return False


def _is_over(draft: Draft, services: dict[str, ServiceState]) -> bool:
    """Everything ended by itself. What somebody stopped may be started again, so then the run goes on."""
    ours = {n: one for n, one in services.items() if draft.spec(n).kind is not Kind.EXTERNAL}
    return bool(ours) and all(one.phase in (Phase.COMPLETED, Phase.FAILED) for one in ours.values())


def shut_down(draft: Draft, reason: str, code: int) -> None:
    """The run is to end with `code`: everything goes down in reverse dependency order."""
    if code != TIMED_OUT_CODE and has_failed(draft):
        code = FAILED_CODE  # whoever ends it: what ran was not the whole stack
    draft.run = replace(draft.run, stopping=True, code=code, successor=None)
    draft.publish(events.RunStopping(reason=reason))
    for name in draft.services:
        draft.change(name, goal=Goal.STOP)


def has_failed(draft: Draft) -> bool:
    """Whether a service that is not optional failed for good, or could not be started because of one."""
    return any(
        one.phase is Phase.FAILED
        and not draft.spec(name).optional
        and draft.spec(name).kind is not Kind.SETUP
        for name, one in draft.services.items()
    )


def _finish(draft: Draft, code: int) -> None:
    draft.run = replace(draft.run, finished=True, code=code)
    draft.publish(
        events.RunFinished(code=code, seconds=draft.at - draft.run.began_at if draft.run.began else 0.0)
    )
    draft.effects.append(Finish(code=code))


def _title(draft: Draft, name: str) -> str:
    spec = draft.spec(name)
    return f"setup of {spec.target}" if spec.kind is Kind.SETUP else name
