"""The state of a run, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from devstack.records import dataclass, field


class Phase(StrEnum):
    """Where a service is in its life. Setup steps live through the same phases."""

    PENDING = "pending"
    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"
    BACKOFF = "backoff"


LIVE = frozenset({Phase.STARTING, Phase.READY, Phase.DEGRADED, Phase.STOPPING})
"""Phases in which a process (or its tree) may exist."""
ENDED = frozenset({Phase.STOPPED, Phase.COMPLETED, Phase.FAILED})
"""Phases that last until somebody asks for something else."""


class Condition(StrEnum):
    """What a dependent waits for."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"


class RestartMode(StrEnum):
    """When a service that exited is started again."""

    NEVER = "never"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


class Kind(StrEnum):
    """What stands behind a service of the run."""

    PROCESS = "process"
    SETUP = "setup"
    EXTERNAL = "external"


class Goal(StrEnum):
    """What is wanted of a service: that it runs, stays down, or goes down and comes up again."""

    RUN = "run"
    STOP = "stop"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """`service` must have reached `condition` first."""

    service: str
    condition: Condition = Condition.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What the fold must know of a service; times in seconds.

    Attributes:
        gate: whether a probe decides about readiness; without one, living for `settle` seconds does.
        within: budget for becoming ready.
        target: for setup steps: the service they prepare.
        command: for people; never with values of secrets.
    """

    name: str
    kind: Kind = Kind.PROCESS
    needs: tuple[Need, ...] = ()
    gate: bool = False
    within: float = 60.0
    settle: float = 0.2
    oneshot: bool = False
    optional: bool = False
    restart: RestartMode = RestartMode.ON_FAILURE
    restart_limit: int = 5
    backoff_min: float = 0.5
    backoff_max: float = 30.0
    signal: str = "TERM"
    grace: float = 5.0
    port: int | None = None
    target: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a leader ended."""

    code: int | None = None
    signal: str | None = None
    cause: str = ""
    hopeless: bool = False

    @property
    def words(self) -> str:
        """`exited 1`, `was killed by KILL`; with the cause where it is known."""
        how = f"was ended by signal {self.signal}" if self.signal else f"exited {self.code}"
        return f"{how}: {self.cause}" if self.cause else how


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The last answer of a service's probe; `refused` as in `facts.ProbeMissed`."""

    ok: bool
    detail: str
    at: float = 0.0
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One service now.

    Attributes:
        generation: counts starts; 0 = never started. Facts of another generation are ignored.
        since: when the phase was entered, seconds since the epoch.
        started_at: when this generation's process was started.
        pid: of this generation's leader, while its tree may live.
        attempts: failures in a row without having been ready.
        restarts: all restarts of this run.
        reason: why it stopped, failed, waits for its next start, or is stopping.
        skipped: it failed because of `blamed`, without having been started.
        exit: how the last generation ended.
        killed: KILL was sent.
        given_up: it is being stopped because it will not become ready.
    """

    phase: Phase = Phase.PENDING
    goal: Goal = Goal.RUN
    generation: int = 0
    since: float = 0.0
    started_at: float = 0.0
    pid: int | None = None
    attempts: int = 0
    restarts: int = 0
    reason: str = ""
    skipped: bool = False
    blamed: str = ""
    exit: Exit | None = None
    probe: Probe | None = None
    note: str = ""
    killed: bool = False
    given_up: bool = False

    @property
    def brief(self) -> str:
        """`reason` without the cause of its exit: for those who tell what followed from it."""
        cause = self.exit.cause if self.exit is not None else ""
        return self.reason.replace(f": {cause}", "") if cause else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """All services, in start order, and what is wanted of the run.

    Attributes:
        code: exit code once the run is to end; None while it is to go on.
        asked: somebody asked for the end, and waits for it.
        exit_when_done: end as soon as every one-shot has completed or something failed.
        successor: specs of the stack that takes over once nothing of this one lives that it changes.
        retired: last generations of services that a successor left out, should they come back.
    """

    specs: Mapping[str, Spec] = field(default_factory=lambda: MappingProxyType({}))
    services: Mapping[str, ServiceState] = field(default_factory=lambda: MappingProxyType({}))
    began_at: float = 0.0
    began: bool = False
    was_ready: bool = False
    stopping: bool = False
    asked: bool = False
    forced: bool = False
    finished: bool = False
    code: int | None = None
    exit_when_done: bool = False
    stop_on_failure: bool = False
    successor: tuple[Spec, ...] | None = None
    retired: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a service is not started yet: `blocker` has not reached `condition` (its phase now in `phase`)."""

    service: str
    blocker: str
    condition: Condition
    phase: Phase
    since: float
    detail: str = ""
