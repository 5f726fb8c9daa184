"""What the fold is told: facts about one generation of a service, and requests.

A fact about a generation that is not the current one is ignored by the fold, so nobody has to cancel anything
in time. Requests come from signals, keys, the control socket and the env watcher alike.
"""

from __future__ import annotations

from enum import StrEnum

from devstack.records import dataclass
from devstack.run.state import Spec


class Timer(StrEnum):
    """What the fold lets itself be reminded of."""

    GRACE = "grace"
    BACKOFF = "backoff"
    BUDGET = "budget"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Base of everything posted to the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFact(Fact):
    """Something that happened to one generation of a service."""

    service: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStarted(ServiceFact):
    """The process exists (external services: watching begins, `pid` None)."""

    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpawnFailed(ServiceFact):
    """The process could not be started, in plain words."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessExited(ServiceFact):
    """The leader ended. `remains`: members of its tree still live. `hopeless`: starting again cannot help."""

    code: int | None = None
    signal: str | None = None
    remains: bool = False
    cause: str = ""
    hopeless: bool = False
    tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeGone(ServiceFact):
    """No process of the service's tree lives; `survivors` are those that cannot be stopped by us."""

    survivors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePassed(ServiceFact):
    """The gate's probe got the right answer from our own process."""

    detail: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeMissed(ServiceFact):
    """One attempt's answer.

    `fatal`: waiting longer cannot help (the port went to somebody else). `refused`: the service runs and says no to
    a client of this stack, so that only a change helps, and ending its process does not.
    """

    detail: str
    fatal: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(ServiceFact):
    """A timer that the fold armed."""

    timer: Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegan(Fact):
    """Start everything that is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequested(Fact):
    """Bring these services up, and what they need."""

    services: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested(Fact):
    """Stop these services and leave them stopped."""

    services: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequested(Fact):
    """Stop these services in reverse dependency order, start them again through their gates."""

    services: tuple[str, ...]
    reason: str = "requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackReplaced(Fact):
    """Another stack from now on: what it does not leave as it is goes down, then `specs` (in start order) come up.

    `unchanged`: names whose process may run on; what of them has not failed or been stopped does.
    """

    specs: tuple[Spec, ...]
    unchanged: frozenset[str] = frozenset()
    reason: str = "stack.toml changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownRequested(Fact):
    """End the run with `code`; the second request kills at once."""

    reason: str
    code: int
