"""Which processes belong to a service, however they forked.

On Linux devstack is the subreaper of everything it starts: a process that loses its parent becomes our child,
so all of a run hangs below us and a walk over `children` files finds it without looking at other processes. Whose
an adopted one is, its mark tells (`lineage`). Elsewhere the process table is asked for groups and parents.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from devstack.host import lineage, process_facts
from devstack.host.model import ProcessId
from devstack.host.process_facts import IS_LINUX, RUN_TAG, SERVICE_TAG, Kin

_PART = 1 << 16  # bytes
_USER, _SYSTEM = 11, 12  # places of ticks of processor time behind a process's state


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


def living(roots: Iterable[int]) -> list[Kin]:
    """The processes of these trees that live, roots included."""
    found: list[Kin] = []
    waiting = list(roots)
    while waiting:
        entry = process_facts.kin(waiting.pop())
        if entry is not None and not entry.is_dead:
            found.append(entry)
            waiting += children(entry.pid)
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


def of_run(run: str) -> list[int]:
    """Every process that carries the mark or the tag of `run`; where those are hidden, none is known."""
    if not IS_LINUX:
        return []
    wanted, part = f"{RUN_TAG}={run}".encode(), lineage.run_part(lineage.mark(run, 0))
    numbers = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 - hot
    return [
        pid
        for pid in numbers
        if (_may_hold(pid, wanted) and tag(pid, RUN_TAG) == run.encode())
        or lineage.run_part(lineage.mark_of(pid) or 0) == part
    ]


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


def computing(pids: Iterable[int]) -> float | None:
    """Seconds of processor time that these processes have used; None where none of them is at work just now.

    At work is who computes, reads from disk or waits for a processor. Where /proc does not tell, nobody is.
    """
    stats = [_stat(pid) for pid in pids]
    if not any(stat[0] in (b"R", b"D") for stat in stats if stat):
        return None
    ticks = sum(int(stat[_USER]) + int(stat[_SYSTEM]) for stat in stats if stat)
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[bytes]:
    """What /proc tells of it from its state on; nothing elsewhere, or when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return []


class Trees:
    """Who belongs to which leader, for the starts of one run."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._starts = 0
        self._leaders: dict[int, tuple[str, int]] = {}
        self._apart: set[int] = set()

    def next_mark(self) -> int:
        """What everything of the next start is to carry."""
        self._starts += 1
        return lineage.mark(self._run, self._starts)

    def add(self, pid: int, service: str, mark: int) -> None:
        """`pid` leads the tree of `service`; all of it carries `mark`."""
        self._leaders[pid] = service, mark

    def add_apart(self, pid: int) -> None:
        """`pid` is ours and no member of the run (the guard)."""
        self._apart.add(pid)

    def remove(self, pid: int) -> None:
        """Its tree is no longer of interest; what is left of it becomes a stray."""
        self._leaders.pop(pid, None)
        self._apart.discard(pid)

    def members(self, leader: int) -> tuple[ProcessId, ...]:
        """Living members of the tree of `leader`."""
        if not IS_LINUX:
            return _members_by_table(leader)
        return _certain(lambda: self._of(leader))

    def strays(self) -> tuple[ProcessId, ...]:
        """Living adopted processes that belong to no leader."""
        if not IS_LINUX:
            return ()
        return _certain(lambda: [one for one in self._adopted() if self._owner(one) is None])

    def unknown_children(self) -> list[int]:
        """Direct children of ours that we did not start ourselves, dead ones included.

        What another thread asks something (git, node) stays in our session, and that thread collects it: nothing
        of a run is in it, because each start has a session of its own.
        """
        known = self._leaders.keys() | self._apart
        found = [pid for pid in children(os.getpid()) if pid not in known] if IS_LINUX else []
        return [pid for pid in found if not _is_of_our_session(pid)]

    def _of(self, leader: int) -> list[Kin]:
        return living([leader]) + [one for one in self._adopted() if self._owner(one) == leader]

    def _adopted(self) -> list[Kin]:
        return living(self.unknown_children())

    def _owner(self, entry: Kin) -> int | None:
        for pid in (entry.session, entry.group):
            if pid in self._leaders:
                return pid
        mark = lineage.mark_of(entry.pid)
        if mark is not None and lineage.run_part(mark) == lineage.run_part(lineage.mark(self._run, 0)):
            found = [pid for pid, (_, known) in self._leaders.items() if known == mark]
        else:  # a system without such marks, or one that changed its limits
            service = service_of(entry.pid)
            found = [pid for pid, (name, _) in self._leaders.items() if name == service]
        return found[-1] if found else None


def _is_of_our_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == os.getsid(0)
    except OSError:
        return False


def _certain(look: Callable[[], list[Kin]]) -> tuple[ProcessId, ...]:
    """What `look` finds. Nothing is believed only the second time.

    A process that hands over to a child of its own during the walk may be missed together with that child.
    """
    found = look() or look()
    return tuple({one.id: None for one in found})


def _members_by_table(leader: int) -> tuple[ProcessId, ...]:
    table = process_facts.everyone()
    inside = {one.id: None for one in process_facts.descendants([leader], table)}
    for entry in table.values():
        if leader in (entry.group, entry.session) and not entry.is_dead:
            inside[entry.id] = None
    return tuple(inside)
