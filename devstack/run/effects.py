"""What the fold wants done. The runner performs each one at once and answers with facts."""

from __future__ import annotations

from devstack.records import dataclass
from devstack.run.events import Event
from devstack.run.facts import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Base of all effects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEffect(Effect):
    """Something to be done for one generation of a service."""

    service: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn(ServiceEffect):
    """Start the process; answered by ProcessStarted or SpawnFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal(ServiceEffect):
    """Send the declared signal, or KILL, to every member of the tree; answered by TreeGone in the end."""

    kill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(ServiceEffect):
    """Probe until Unwatch: every answer is a ProbePassed or ProbeMissed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatch(ServiceEffect):
    """Probe no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm(ServiceEffect):
    """Post TimerFired after `seconds`. A timer of an old generation may fire; the fold ignores it."""

    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Effect):
    """Tell the views."""

    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt(Effect):
    """Of the former stack lives only what the new one leaves as it is: whoever knows declared services goes over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Effect):
    """Nothing lives any more: the run is over with `code`."""

    code: int
