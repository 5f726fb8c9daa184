"""Facts about processes and ports."""

from __future__ import annotations

from enum import StrEnum

from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process that cannot be confused with a later one of the same pid.

    Attributes:
        started_at: opaque start mark in clock ticks since boot (Linux), else seconds since the epoch.
    """

    pid: int
    started_at: float


class HolderClass(StrEnum):
    """Whose a holder is; decides whether it may be stopped."""

    OURS = "ours"
    SAME_REPO = "same-repo"
    FOREIGN = "foreign"
    OTHER_USER = "other-user"
    CONTAINER = "container"
    SYSTEM = "system"
    ANCESTOR = "ancestor"


class Trait(StrEnum):
    """Programs that are not dev servers; `may_kill` knows what each means."""

    SELF = "self"
    FIRST = "first process"
    EDITOR = "editor"
    TUNNEL = "ssh tunnel"
    DATABASE = "database"
    SUPERVISED = "supervised"
    RUNNING_STACK = "running stack"


class PortState(StrEnum):
    """What binding a port would meet. `client`: an outgoing connection uses it as its own local port."""

    FREE = "free"
    OURS = "ours"
    HELD = "held"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that listens on a port.

    Attributes:
        pid: None when the process cannot be seen.
        started_at: seconds since the epoch, 0.0 when unknown.
        command: its command line, control characters removed and secrets masked.
        address: the local address it listens on (`127.0.0.1`, `::1`, `0.0.0.0`, `::`).
        service: for `ours`: the service's name.
        detail: one more fact for people: a container's name, a supervisor's unit, why it is not visible.
        id: what signals are checked against; None when the process cannot be seen.
        trait: what kind of program it is, where that forbids or hampers stopping it.
        stop_with: the command that stops it properly, where that is not a signal.
        other_checkout: root of the other checkout of our repository that it runs in, or None.
    """

    pid: int | None
    started_at: float
    command: str
    user: str
    cwd: str | None
    address: str
    holder_class: HolderClass
    service: str | None = None
    detail: str | None = None
    id: ProcessId | None = None
    uid: int | None = None
    trait: Trait | None = None
    stop_with: str | None = None
    other_checkout: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A TCP socket in LISTEN.

    Attributes:
        address: as bound: `127.0.0.1`, `::1`, `0.0.0.0`, `::` …
        family: 4 or 6; a dual-stack socket on `::` is 6 with `v6_only` False.
        inode, uid: the socket's kernel number and its maker's user, where known.
        queued, backlog: connections that wait for accept(), and how many may; None where unknown.
        owners: every process that holds it (several after fork); filled only where asked for.
    """

    port: int
    address: str
    family: int
    inode: int | None = None
    uid: int | None = None
    owners: tuple[ProcessId, ...] = ()
    v6_only: bool = False
    queued: int | None = None
    backlog: int | None = None

    @property
    def is_hung(self) -> bool:
        """Its queue is full: new connections are neither accepted nor refused, they time out."""
        return self.queued is not None and self.backlog is not None and self.queued > self.backlog
