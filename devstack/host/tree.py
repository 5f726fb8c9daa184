"""Which processes belong to a service, however they forked.

On Linux devstack is the subreaper of everything it starts: a process that loses its parent becomes our child,
so all of a run hangs below us and a walk over `children` files finds it without looking at other processes.
Elsewhere the process table is asked for groups and parents.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from devstack.host import process_facts
from devstack.host.model import ProcessId
from devstack.host.process_facts import IS_LINUX, SERVICE_TAG, Kin

_PART = 1 << 16  # bytes


def children(pid: int) -> list[int]:
    """Direct children of `pid`, of all its threads; zombies included."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - hot: no Path objects
    except OSError:
        return found
    for thread in threads:
        with suppress(OSError):
            found += [int(one) for one in Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split()]
    return found


def below(pid: int, leaders: Iterable[int] = ()) -> list[Kin]:
    """Living descendants of `pid`, without `pid`; does not descend into `leaders`."""
    known = frozenset(leaders)
    found: list[Kin] = []
    waiting = [one for one in children(pid) if one not in known]
    while waiting:
        entry = process_facts.kin(waiting.pop())
        if entry is None or entry.is_dead:
            continue
        found.append(entry)
        waiting += [one for one in children(entry.pid) if one not in known]
    return found


def service_of(pid: int) -> str | None:
    """The service tag in a process's environment; None without it or where it is hidden."""
    found = tag(pid, SERVICE_TAG)
    return found.decode(errors="replace") if found is not None else None


def tag(pid: int, name: str) -> bytes | None:
    """The value of one variable in the environment a process was started with."""
    try:
        environ = b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    _, found, rest = environ.partition(b"\0" + name.encode() + b"=")
    return rest.partition(b"\0")[0] if found else None


def tagged(name: str, value: bytes) -> list[int]:
    """Every process that was started with this value of the variable; where that is hidden, none is known."""
    if not IS_LINUX:
        return []
    wanted = name.encode() + b"=" + value
    numbers = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 - hot
    return [pid for pid in numbers if _may_hold(pid, wanted) and tag(pid, name) == value]


def _may_hold(pid: int, wanted: bytes) -> bool:
    """Whether the first part of the environment holds these bytes, or is not all of it."""
    try:
        handle = os.open(f"/proc/{pid}/environ", os.O_RDONLY)
    except OSError:
        return False
    try:
        part = os.read(handle, _PART)
    except OSError:
        return False
    finally:
        os.close(handle)
    return wanted in part or len(part) == _PART


def is_busy(pid: int) -> bool:
    """Whether it computes, reads from disk or waits for a processor just now; False where that is unknown."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        return False
    return state in (b"R", b"D")


class Trees:
    """Who belongs to which leader. Remembers what it saw, so that a process that clears its environment and
    leaves its session is still known if it was seen before.
    """

    def __init__(self) -> None:
        self._leaders: dict[int, str] = {}
        self._apart: set[int] = set()
        self._seen: dict[ProcessId, int] = {}

    def add(self, pid: int, service: str) -> None:
        """`pid` leads the tree of `service`."""
        self._leaders[pid] = service

    def add_apart(self, pid: int) -> None:
        """`pid` is ours and no member of the run (the guard)."""
        self._apart.add(pid)

    def remove(self, pid: int) -> None:
        """Its tree is no longer of interest; what is left of it becomes a stray."""
        self._leaders.pop(pid, None)
        self._apart.discard(pid)
        self._seen = {one: leader for one, leader in self._seen.items() if leader != pid}

    def members(self, leader: int) -> tuple[ProcessId, ...]:
        """Living members of the tree of `leader`."""
        if not IS_LINUX:
            return _members_by_table(leader)
        own = process_facts.kin(leader)
        alive = [own] if own is not None and not own.is_dead else []
        inside = alive + below(leader) + [one for one in self._adopted() if self._owner(one) == leader]
        for one in inside:
            self._seen[one.id] = leader
        return tuple({one.id: None for one in inside})

    def strays(self) -> tuple[ProcessId, ...]:
        """Living adopted processes that belong to no leader."""
        if not IS_LINUX:
            return ()
        return tuple(one.id for one in self._adopted() if self._owner(one) is None)

    def unknown_children(self) -> list[int]:
        """Direct children of ours that we did not start ourselves, dead ones included."""
        known = self._leaders.keys() | self._apart
        return [pid for pid in children(os.getpid()) if pid not in known] if IS_LINUX else []

    def _adopted(self) -> list[Kin]:
        return below(os.getpid(), [*self._leaders, *self._apart])

    def _owner(self, entry: Kin) -> int | None:
        for pid in (entry.session, entry.group):
            if pid in self._leaders:
                return pid
        if entry.id in self._seen:
            return self._seen[entry.id]
        return _leader_of(service_of(entry.pid), self._leaders)


def _leader_of(service: str | None, leaders: Mapping[int, str]) -> int | None:
    found = [pid for pid, name in leaders.items() if name == service]
    return found[-1] if found else None


def _members_by_table(leader: int) -> tuple[ProcessId, ...]:
    table = process_facts.everyone()
    inside = {one.id: None for one in process_facts.descendants([leader], table)}
    for entry in table.values():
        if leader in (entry.group, entry.session) and not entry.is_dead:
            inside[entry.id] = None
    return tuple(inside)
