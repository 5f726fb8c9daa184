"""What can happen to one service, each as one change of a draft: start, ready, stop, end, fail, revive."""

from __future__ import annotations

from devstack.run import events
from devstack.run.effects import Arm, Signal, Spawn
from devstack.run.facts import Timer
from devstack.run.state import ENDED, Exit, Goal, Kind, Phase, Probe, RestartMode
from devstack.run.transitions import Draft

STABLE_AFTER = 10.0
"""A service without a gate that lived this long is in no crash loop: its failures are counted anew."""


def become_ready(draft: Draft, name: str, detail: str, note: str) -> None:
    """Its gate passed, or it lived long enough without one."""
    probe = Probe(ok=True, detail=detail, at=draft.at)
    service = draft.move(name, Phase.READY, probe=probe, note=note, reason="")
    if draft.spec(name).gate:
        draft.change(name, attempts=0)
    draft.publish(
        events.ServiceReady(
            service=name,
            generation=service.generation,
            seconds=max(0.0, draft.at - service.started_at),
            detail=detail,
            note=note,
        )
    )


def start(draft: Draft, name: str) -> None:
    """The next generation begins."""
    service, spec = draft.services[name], draft.spec(name)
    generation = service.generation + 1
    draft.move(
        name,
        Phase.STARTING,
        generation=generation,
        started_at=0.0,
        pid=None,
        probe=None,
        note="",
        killed=False,
        given_up=False,
        exit=None,
        restarts=service.restarts + (1 if service.generation else 0),
    )
    if spec.kind is Kind.SETUP:
        draft.publish(events.SetupStarted(service=spec.target, generation=generation, command=spec.command))
    else:
        draft.publish(events.ServiceStarting(service=name, generation=generation))
    draft.effects.append(Spawn(service=name, generation=generation))


def begin_stop(draft: Draft, name: str, reason: str) -> None:
    """STOPPING, and the signal is sent; KILL comes after the grace, or now when the run is forced to end."""
    spec = draft.spec(name)
    service = draft.move(name, Phase.STOPPING, reason=reason, killed=False)
    draft.publish(
        events.ServiceStopping(
            service=name,
            generation=service.generation,
            reason=reason,
            returns=_returns(draft, name),
            signal=spec.signal,
            grace=spec.grace,
        )
    )
    if draft.run.forced:
        kill(draft, name)
        return
    draft.effects.append(Signal(service=name, generation=service.generation))
    arm(draft, name, Timer.GRACE, spec.grace)


def kill(draft: Draft, name: str) -> None:
    """KILL to the whole tree, now."""
    service = draft.services[name]
    if service.phase is not Phase.STOPPING:
        service = draft.move(name, Phase.STOPPING, reason=service.reason)
    draft.change(name, killed=True)
    draft.effects.append(Signal(service=name, generation=service.generation, kill=True))


def give_up(draft: Draft, name: str, reason: str) -> None:
    """Stop it because it will not become ready; it ends as failed."""
    draft.change(name, given_up=True)
    begin_stop(draft, name, reason)


def after_tree(draft: Draft, name: str, survivors: tuple[int, ...]) -> None:
    """Nothing of this generation lives: what comes next."""
    service, spec = draft.services[name], draft.spec(name)
    draft.change(name, pid=None)
    if service.phase is Phase.STOPPING or survivors:
        draft.publish(_stopped_event(draft, name, survivors))
    if spec.kind is Kind.SETUP:
        _setup_finished(draft, name)
    if draft.run.stopping or service.goal is Goal.STOP:
        draft.move(name, Phase.STOPPED, given_up=False)
    elif service.goal is Goal.RESTART:
        draft.publish(
            events.ServiceRestarting(service=name, generation=service.generation, reason=service.reason)
        )
        draft.move(name, Phase.PENDING, goal=Goal.RUN, attempts=0, given_up=False)
    elif service.given_up:
        fail(draft, name, service.reason)
    else:
        _after_exit(draft, name)


def _after_exit(draft: Draft, name: str) -> None:
    """It ended by itself: completed, tried again, or failed."""
    service, spec = draft.services[name], draft.spec(name)
    ended = service.exit or Exit()
    was_ready = service.probe is not None and service.probe.ok
    clean = ended.code == 0 and (spec.oneshot or was_ready or not spec.gate)
    if clean and (spec.oneshot or spec.restart is not RestartMode.ALWAYS):
        draft.move(name, Phase.COMPLETED, reason=ended.words, attempts=0)
        if spec.kind is not Kind.SETUP and service.phase is not Phase.STOPPING:
            draft.publish(events.ServiceStopped(service=name, generation=service.generation, completed=True))
        return
    words = ended.words if ended.code != 0 or clean else f"{ended.words} before it was ready"
    if not spec.gate and draft.at - service.started_at >= STABLE_AFTER:
        service = draft.change(name, attempts=0)
    if ended.hopeless or spec.restart is RestartMode.NEVER or service.attempts >= spec.restart_limit:
        tries = service.attempts + 1
        fail(draft, name, f"{words} ({tries} times in a row)" if tries > 1 else words)
        return
    _try_again(draft, name, words)


def _try_again(draft: Draft, name: str, reason: str) -> None:
    """After a pause that grows from one failure to the next."""
    service, spec = draft.services[name], draft.spec(name)
    delay = min(spec.backoff_min * 2**service.attempts, spec.backoff_max)
    draft.move(name, Phase.BACKOFF, attempts=service.attempts + 1, reason=reason)
    draft.publish(
        events.ServiceRestarting(
            service=name,
            generation=service.generation,
            reason=reason,
            delay=delay,
            attempt=service.attempts + 1,
            limit=spec.restart_limit,
        )
    )
    arm(draft, name, Timer.BACKOFF, delay)


def fail(draft: Draft, name: str, reason: str, *, skipped: bool = False, blamed: str = "") -> None:
    """It is given up; `skipped` because of `blamed`, without having been started."""
    spec = draft.spec(name)
    service = draft.move(name, Phase.FAILED, reason=reason, skipped=skipped, blamed=blamed, given_up=False)
    if spec.kind is not Kind.SETUP:
        draft.publish(
            events.ServiceFailed(
                service=name,
                generation=service.generation,
                reason=reason,
                skipped=skipped,
                optional=spec.optional,
            )
        )


def revive(draft: Draft, name: str) -> None:
    """Wanted again: wait for the dependencies anew, and so does what was skipped because of it."""
    service = draft.services[name]
    if service.phase in ENDED or service.phase is Phase.BACKOFF:
        draft.move(name, Phase.PENDING, attempts=0, skipped=False, blamed="", reason="")
    draft.change(name, goal=Goal.RUN)
    for other, state in list(draft.services.items()):
        if state.phase is Phase.FAILED and state.skipped and state.blamed == name:
            draft.move(other, Phase.PENDING, goal=Goal.RUN, skipped=False, blamed="", reason="")


def _stopped_event(draft: Draft, name: str, survivors: tuple[int, ...]) -> events.ServiceStopped:
    generation = draft.services[name].generation
    return events.ServiceStopped(
        service=name, generation=generation, survivors=survivors, returns=_returns(draft, name)
    )


def _returns(draft: Draft, name: str) -> bool:
    """Whether it is stopped only to be started again."""
    return draft.services[name].goal is Goal.RESTART and not draft.run.stopping


def _setup_finished(draft: Draft, name: str) -> None:
    service, spec = draft.services[name], draft.spec(name)
    ended = service.exit or Exit()
    interrupted = ended.code != 0 and service.goal is not Goal.RUN
    draft.publish(
        events.SetupFinished(
            service=spec.target,
            generation=service.generation,
            ok=ended.code == 0,
            interrupted=interrupted,
            seconds=max(0.0, draft.at - service.started_at) if service.started_at else 0.0,
            reason="" if ended.code == 0 or interrupted else ended.words,
        )
    )


def arm(draft: Draft, name: str, timer: Timer, seconds: float) -> None:
    """Be reminded of this generation after `seconds`."""
    generation = draft.services[name].generation
    draft.effects.append(Arm(service=name, generation=generation, timer=timer, seconds=seconds))
