"""Which phase may follow which, and the one place where a phase changes.

`TRANSITIONS` is the whole truth: a change that it does not list is a bug and raises. The diagram in the
documentation is generated from it (`mermaid()`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from devstack.records import replace
from devstack.run.effects import Effect, Publish, Unwatch
from devstack.run.events import Event
from devstack.run.state import Phase, RunState, ServiceState, Spec

_ENDS = {
    Phase.STOPPING: "told to stop, or members of its tree outlive it",
    Phase.STOPPED: "exited while it was to stop",
    Phase.COMPLETED: "exited 0",
    Phase.BACKOFF: "failed, will be tried again",
    Phase.FAILED: "failed for good",
    Phase.PENDING: "exited while it was to restart",
}

TRANSITIONS: Mapping[Phase, Mapping[Phase, str]] = MappingProxyType(
    {
        Phase.PENDING: {
            Phase.STARTING: "all dependencies hold",
            Phase.STOPPED: "not wanted any more",
            Phase.FAILED: "a dependency failed",
        },
        Phase.STARTING: {Phase.READY: "gate passed", **_ENDS},
        Phase.READY: {Phase.DEGRADED: "does not answer", **_ENDS},
        Phase.DEGRADED: {Phase.READY: "answers again", **_ENDS},
        Phase.STOPPING: {
            Phase.STOPPED: "tree gone",
            Phase.PENDING: "tree gone, to be started again",
            Phase.COMPLETED: "tree gone after exit 0",
            Phase.BACKOFF: "tree gone after a failure",
            Phase.FAILED: "tree gone, given up",
        },
        Phase.BACKOFF: {
            Phase.PENDING: "delay over, or asked for",
            Phase.STOPPED: "not wanted any more",
        },
        Phase.STOPPED: {Phase.PENDING: "asked for"},
        Phase.COMPLETED: {Phase.PENDING: "asked for"},
        Phase.FAILED: {Phase.PENDING: "asked for, or its cause was cured"},
    }
)

WATCHED = frozenset({Phase.STARTING, Phase.READY, Phase.DEGRADED})
"""Phases in which the gate's probe runs."""


class IllegalTransition(Exception):  # noqa: N818 - it names what happened
    """A bug: the fold tried a change that TRANSITIONS does not allow."""

    def __init__(self, service: str, before: Phase, after: Phase) -> None:
        super().__init__(f"{service}: {before.value} cannot become {after.value}")
        self.service = service
        self.before = before
        self.after = after


def check(service: str, before: Phase, after: Phase) -> None:
    """Raise IllegalTransition, naming both, unless `after` may follow `before`."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(service, before, after)


def mermaid() -> str:
    """TRANSITIONS as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> pending"]
    for before, followers in TRANSITIONS.items():
        lines += [f"    {before.value} --> {after.value}: {why}" for after, why in followers.items()]
    return "\n".join([*lines, ""])


class Draft:
    """The next state while one step works it out; effects in the order in which they are to happen."""

    def __init__(self, state: RunState, at: float) -> None:
        self.run = state
        self.at = at
        self.services: dict[str, ServiceState] = dict(state.services)
        self.effects: list[Effect] = []

    def spec(self, name: str) -> Spec:
        """What is declared of `name`."""
        return self.run.specs[name]

    def change(self, name: str, **changes: Any) -> ServiceState:
        """Replace fields of one service, never its phase."""
        changed = replace(self.services[name], **changes)
        self.services[name] = changed
        return changed

    def move(self, name: str, phase: Phase, **changes: Any) -> ServiceState:
        """Change the phase along the table; leaving a watched phase ends its probe."""
        before = self.services[name]
        check(name, before.phase, phase)
        if before.phase in WATCHED and phase not in WATCHED:
            self.effects.append(Unwatch(service=name, generation=before.generation))
        return self.change(name, phase=phase, since=self.at, **changes)

    def publish(self, event: Event) -> None:
        """Tell the views `event`, in order with the other effects."""
        self.effects.append(Publish(event=event))

    def finish(self) -> tuple[RunState, tuple[Effect, ...]]:
        """The frozen result."""
        return replace(self.run, services=MappingProxyType(self.services)), tuple(self.effects)
