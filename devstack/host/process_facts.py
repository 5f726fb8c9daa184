"""What can be known about processes without touching them: /proc on Linux, psutil elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from devstack.host.model import ProcessId
from devstack.records import dataclass

RUN_TAG = "DEVSTACK_RUN"
SERVICE_TAG = "DEVSTACK_SERVICE"
IS_LINUX = sys.platform == "linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Where a process stands in the tree; cheap, one small file on Linux.

    Attributes:
        terminal: number of its controlling terminal, 0 for none.
        is_dead: it exited and only waits to be reaped.
    """

    id: ProcessId
    parent: int
    group: int
    session: int
    terminal: int
    is_dead: bool
    name: str

    @property
    def pid(self) -> int:
        """The process id."""
        return self.id.pid


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Facts:
    """A process in full. `argv` may hold secrets: show it only through `holders.shown_command`.

    Attributes:
        created: seconds since the epoch.
        uid: effective user; None where it cannot be told.
        executable, cwd: None where the kernel hides them (other users).
        run, service: the tags `up` puts into what it starts; None without them or where hidden.
        cgroup: path of its control group, "" outside Linux.
    """

    kin: Kin
    created: float
    uid: int | None
    argv: tuple[str, ...]
    executable: str | None
    cwd: str | None
    run: str | None
    service: str | None
    cgroup: str

    def __repr__(self) -> str:
        return f"Facts(pid={self.kin.pid}, name={self.kin.name!r})"


def kin(pid: int) -> Kin | None:
    """Place in the tree; None when there is no such process."""
    if not IS_LINUX:
        from devstack.host import portable

        return portable.kin(pid)
    try:
        return _parse_stat(Path(f"/proc/{pid}/stat").read_bytes())
    except (OSError, ValueError, IndexError):
        return None


def _parse_stat(text: bytes) -> Kin:
    # The name may hold spaces and parentheses: everything after the *last* parenthesis is regular.
    head, _, tail = text.rpartition(b")")
    pid, _, name = head.partition(b" (")
    fields = tail.split()
    return Kin(
        id=ProcessId(pid=int(pid), started_at=float(fields[19])),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        terminal=int(fields[4]),
        # A first thread that ended is shown as a zombie while others of its process still work, and have children.
        is_dead=fields[0] in (b"Z", b"X") and int(fields[17]) <= 1,
        name=name.decode(errors="replace"),
    )


def everyone() -> dict[int, Kin]:
    """Every visible process: pid → place in the tree."""
    if not IS_LINUX:
        from devstack.host import portable

        return portable.everyone()
    from devstack.host.linux_sockets import all_pids

    found = (kin(pid) for pid in all_pids())
    return {entry.pid: entry for entry in found if entry is not None}


def is_alive(process: ProcessId) -> bool:
    """Whether exactly this process still runs; a zombie and a recycled pid do not count."""
    now = kin(process.pid)
    return now is not None and now.id == process and not now.is_dead


def facts(pid: int) -> Facts | None:
    """Everything that may be known about `pid`; None when it is gone."""
    if not IS_LINUX:
        from devstack.host import portable

        return portable.facts(pid)
    place = kin(pid)
    if place is None:
        return None
    tags = _tags(pid)
    argv = _read(f"/proc/{pid}/cmdline").rstrip(b"\0").split(b"\0")
    return Facts(
        kin=place,
        created=_boot_time() + place.id.started_at / _ticks(),
        uid=_uid(pid),
        argv=tuple(part.decode(errors="replace") for part in argv) if argv != [b""] else (),
        executable=_link(f"/proc/{pid}/exe"),
        cwd=_link(f"/proc/{pid}/cwd"),
        run=tags.get(RUN_TAG),
        service=tags.get(SERVICE_TAG),
        cgroup=_cgroup(pid),
    )


def descendants(roots: Iterable[int], table: dict[int, Kin] | None = None) -> list[Kin]:
    """The living processes of these trees, roots included, parents before children."""
    known = everyone() if table is None else table
    children: dict[int, list[int]] = {}
    for entry in known.values():
        children.setdefault(entry.parent, []).append(entry.pid)
    found: list[Kin] = []
    waiting = [pid for pid in roots if pid in known]
    seen: set[int] = set()
    while waiting:
        pid = waiting.pop(0)
        if pid in seen:
            continue
        seen.add(pid)
        if not known[pid].is_dead:
            found.append(known[pid])
        waiting.extend(sorted(children.get(pid, ())))
    return found


def ancestors(pid: int, table: dict[int, Kin] | None = None) -> list[int]:
    """The parents of `pid` up to the first process, nearest first; without `pid` itself."""
    found: list[int] = []
    current = _place(pid, table)
    while current is not None and current.parent > 0 and current.parent not in found:
        found.append(current.parent)
        current = _place(current.parent, table)
    return found


def _place(pid: int, table: dict[int, Kin] | None) -> Kin | None:
    return kin(pid) if table is None else table.get(pid)


def own_pid() -> int:
    """This process."""
    return os.getpid()


def own_uid() -> int:
    """The user this process acts as; -1 where users have no numbers."""
    return os.geteuid() if hasattr(os, "geteuid") else -1


def session_leader(pid: int) -> list[int]:
    """The process that leads the session of `pid`, when it has one that we can see."""
    place = kin(pid)
    return [place.session] if place is not None and place.session else []


def user_name(uid: int | None) -> str:
    """The account's name, `uid 1234` when it has none, `?` when unknown."""
    if uid is None:
        return "?"
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"uid {uid}"


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _link(path: str) -> str | None:
    # A replaced or removed target is shown with this mark; the folder is still the best answer.
    with suppress(OSError):
        return str(Path(path).readlink()).removesuffix(" (deleted)")
    return None


def _uid(pid: int) -> int | None:
    for line in _read(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"Uid:"):
            return int(line.split()[2])
    return None


def _tags(pid: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in _read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(b"DEVSTACK_"):
            name, _, value = entry.decode(errors="replace").partition("=")
            found[name] = value
    return found


def _cgroup(pid: int) -> str:
    lines = _read(f"/proc/{pid}/cgroup").decode(errors="replace").splitlines()
    unified = [line.split("::", 1)[1] for line in lines if line.startswith("0::")]
    named = [line.rsplit(":", 1)[-1] for line in lines]
    return max([*unified, *named], key=len, default="")


@lru_cache(maxsize=1)
def _boot_time() -> float:
    for line in _read("/proc/stat").splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return 0.0


@lru_cache(maxsize=1)
def _ticks() -> float:
    return float(os.sysconf("SC_CLK_TCK"))
