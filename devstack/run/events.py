"""What a run tells the outside. Views, log files and the control socket see these and nothing else.

Each class has the public name it carries in `devstack up --json`; its fields are the public fields. Output of
a setup step carries the step's own name as `service` (`web.setup`).
"""

from __future__ import annotations

from typing import ClassVar

from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events; `name` is the public one."""

    name: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent(Event):
    """An event about one start (generation) of one service."""

    service: str
    generation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The run begins; `services` in start order, without setup steps."""

    name = "run.started"
    stack: str
    run: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFinished(Event):
    """The preflight's result, as counts."""

    name = "doctor.finished"
    errors: int = 0
    warnings: int = 0
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFreed(Event):
    """A holder of a declared port was stopped, with consent."""

    name = "port.freed"
    port: int
    service: str
    pid: int | None = None
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStarted(ServiceEvent):
    """The setup step of `service` begins; why in `reason`."""

    name = "setup.started"
    command: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFinished(ServiceEvent):
    """The setup step of `service` ended; `interrupted`: it was told to stop, so it neither succeeded nor failed."""

    name = "setup.finished"
    ok: bool
    interrupted: bool = False
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStarting(ServiceEvent):
    """All its dependencies hold; its process is being started."""

    name = "service.starting"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStarted(ServiceEvent):
    """Its process exists. `pid` is None for external services."""

    name = "service.started"
    pid: int | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OutputBlock(ServiceEvent):
    """A block of output: redacted bytes, whole lines as a rule; the one event a slow view may lose."""

    name = "service.output"
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLost(ServiceEvent):
    """Where one view was too slow: so much of the output is in the log file only."""

    name = "service.output_lost"
    blocks: int
    lines: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFailed(ServiceEvent):
    """A probe's answer changed and is still not good; repeated answers are not repeated as events."""

    name = "service.probe_failed"
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReady(ServiceEvent):
    """Its gate passed, `seconds` after its process was started; `note` says what is odd (`IPv6 only`)."""

    name = "service.ready"
    seconds: float = 0.0
    detail: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDegraded(ServiceEvent):
    """It was ready and does not answer any more; its process lives."""

    name = "service.degraded"
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceExited(ServiceEvent):
    """Its process ended: `code`, or `signal` as a name (`KILL`); `expected`: it was told to."""

    name = "service.exited"
    code: int | None = None
    signal: str | None = None
    expected: bool = False
    cause: str = ""
    tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRestarting(ServiceEvent):
    """It will be started again, after `delay` seconds; `attempt` of `limit` where it failed."""

    name = "service.restarting"
    reason: str = ""
    delay: float = 0.0
    attempt: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStopping(ServiceEvent):
    """It was told to stop; KILL follows after `grace` seconds. `returns`: it is started again afterwards."""

    name = "service.stopping"
    reason: str = ""
    returns: bool = False
    signal: str = "TERM"
    grace: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStopped(ServiceEvent):
    """Its whole process tree is gone. `survivors` are pids that could not be stopped (another user's).

    `returns`: it is started again.
    """

    name = "service.stopped"
    completed: bool = False
    returns: bool = False
    survivors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFailed(ServiceEvent):
    """It is given up, or (`skipped`) was never started because of another one. `optional`: only a warning."""

    name = "service.failed"
    reason: str = ""
    skipped: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvChanged(Event):
    """Values changed in env files: `variables` and `files` by name; what happens in `action` and `detail`.

    `stack-file`: stack.toml changed, and what it would change; `applied`: it is, `services` are all from now on.
    """

    name = "env.changed"
    services: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    action: str = "restart"  # restart | auto | ignore | held | stack-file | applied
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReady(Event):
    """Every service is ready, completed or failed but optional, for the first time."""

    name = "run.ready"
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopping(Event):
    """The run ends: `reason` in words, `forced` from the second request on."""

    name = "run.stopping"
    reason: str = ""
    forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """Every process is gone; `code` is what `devstack up` exits with."""

    name = "run.finished"
    code: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event with its number (per run, from 1, without gaps) and its time (seconds since the epoch)."""

    seq: int
    at: float
    event: Event
