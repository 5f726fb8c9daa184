"""Facts about processes and ports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that listens on a port.

    Attributes:
        pid: None when the process cannot be seen.
        started_at: seconds since the epoch, 0.0 when unknown.
        command: its command line, control characters removed and secrets masked.
        address: the local address it listens on (`127.0.0.1`, `::1`, `0.0.0.0`, `::`).
        service: for `ours`: the service's name.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A TCP socket in LISTEN: family 4 or 6, kernel inode and owner uid where known."""

    port: int
    address: str
    family: int
    inode: int | None = None
    uid: int | None = None
    owners: tuple[ProcessId, ...] = ()
