"""Durations, lists and states in words, the same in every view."""

from __future__ import annotations

from collections.abc import Sequence

from devstack.run.schedule import holds, real
from devstack.run.state import ENDED, Condition, Hold, Kind, Phase, RunState, ServiceState
from devstack.views.style import cut

LONGEST_COMMAND = 48
"""Characters of a setup step's command in a sentence."""

_PHASE_WORDS = {
    Phase.PENDING: "not started",
    Phase.STARTING: "starting",
    Phase.READY: "ready",
    Phase.DEGRADED: "not answering",
    Phase.STOPPING: "stopping",
    Phase.STOPPED: "stopped",
    Phase.COMPLETED: "completed",
    Phase.FAILED: "failed",
    Phase.BACKOFF: "waiting to start again",
}


def duration(seconds: float) -> str:
    """`0.3 s`, `12 s`, `3 m 05 s`, `2 h 10 m`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} m"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counted(number: int, noun: str) -> str:
    """`1 line`, `1,200 lines`, `2 processes`."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


def phase_words(phase: Phase) -> str:
    """The phase as people say it."""
    return _PHASE_WORDS[phase]


def answer(service: ServiceState) -> str:
    """What is known about why it is not ready: the probe's last answer, else the reason."""
    if service.probe is not None and not service.probe.ok:
        return service.probe.detail
    return service.reason


def waiting(state: RunState, now: float) -> list[tuple[str, str]]:
    """Who waits for what since when: (service, words), those that everybody waits for first."""
    held = holds(state)
    roots: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for name, service in real(state).items():
        if name in held:
            words = [_hold_words(state, one, now) for one in held[name]]
            text = f"waits for {listed(words)}"
            is_root = all(_is_setup(state, one.blocker) for one in held[name])
        elif service.phase in ENDED or service.phase in (Phase.READY, Phase.PENDING):
            continue
        else:
            why = answer(service)
            text = f"{phase_words(service.phase)} for {duration(now - service.since)}"
            text += f": {why}" if why else ""
            is_root = True
        needed_by = [other for other, several in held.items() if any(one.blocker == name for one in several)]
        if is_root and needed_by:
            text += f"; {listed(needed_by)} {'wait' if len(needed_by) > 1 else 'waits'} for it"
        (roots if is_root else others).append((name, text))
    roots.sort(key=lambda line: -sum(line[0] == one.blocker for several in held.values() for one in several))
    return roots + others


def setup_words(command: str, seconds: float) -> str:
    """`its setup (npm ci, 5.0 s)`: what a service waits for while its setup step runs."""
    shown = cut(" ".join(command.split()), LONGEST_COMMAND)
    return f"its setup ({shown}, {duration(seconds)})"


def _hold_words(state: RunState, hold: Hold, now: float) -> str:
    if _is_setup(state, hold.blocker):
        return setup_words(state.specs[hold.blocker].command, now - hold.since)
    return hold.blocker + ("" if hold.condition is Condition.READY else f" ({hold.condition.value})")


def _is_setup(state: RunState, name: str) -> bool:
    return state.specs[name].kind is Kind.SETUP
