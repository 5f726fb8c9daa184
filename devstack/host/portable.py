"""Listeners and process facts without /proc: through psutil, for macOS, Windows and the BSDs.

There a user may look only into his own processes: on macOS one forbidden process ends psutil's list of all
connections, so every process is asked alone and the forbidden ones are left out. What listens in a process
that may not be asked stays unknown here; `lsof`, which macOS allows to see more, is asked for those.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

import psutil

from devstack.host.listening import Occupant
from devstack.host.model import Listener, ProcessId
from devstack.host.process_facts import RUN_TAG, SERVICE_TAG, Facts, Kin

_TIMEOUT = 10.0  # seconds for lsof


def kin(pid: int) -> Kin | None:
    """See `process_facts.kin`; groups and sessions are unknown here."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return Kin(
                id=ProcessId(pid=pid, started_at=process.create_time()),
                parent=process.ppid(),
                group=0,
                session=0,
                terminal=0,
                is_dead=process.status() == psutil.STATUS_ZOMBIE,
                name=process.name(),
            )
    except (psutil.Error, OSError):
        return None


def everyone() -> dict[int, Kin]:
    """Every visible process."""
    found = (kin(pid) for pid in psutil.pids())
    return {entry.pid: entry for entry in found if entry is not None}


def facts(pid: int) -> Facts | None:
    """See `process_facts.facts`; what is forbidden stays None or empty."""
    place = kin(pid)
    if place is None:
        return None
    process = psutil.Process(pid)
    tags = _asked(process, "environ") or {}
    uids = _asked(process, "uids")
    return Facts(
        kin=place,
        created=place.id.started_at,
        uid=None if uids is None else int(uids.effective),
        argv=tuple(_asked(process, "cmdline") or ()),
        executable=_asked(process, "exe") or None,
        cwd=_asked(process, "cwd") or None,
        run=tags.get(RUN_TAG),
        service=tags.get(SERVICE_TAG),
        cgroup="",
    )


def _asked(process: psutil.Process, what: str) -> Any:
    try:
        return getattr(process, what)()
    except (psutil.Error, OSError, AttributeError):  # Windows has no uids
        return None


def listeners(ports: frozenset[int] | None) -> list[Listener]:
    """Listening sockets of every process that may be asked, and what lsof knows beyond them."""
    found = list(_listening(psutil.pids(), ports))
    seen = {(entry.port, entry.address) for entry in found}
    return found + [entry for entry in _lsof(ports) if (entry.port, entry.address) not in seen]


def udp_sockets(ports: frozenset[int] | None) -> list[Listener]:
    """UDP sockets that wait for datagrams, of every process that may be asked."""
    return [
        _as_listener(place, connection)
        for place, connection in _connections(psutil.pids(), "udp")
        if not connection.raddr and (ports is None or connection.laddr.port in ports)
    ]


def listeners_of(pids: Iterable[int]) -> list[Listener]:
    """Listening sockets of these processes."""
    return list(_listening(pids, None))


def occupants(ports: frozenset[int]) -> list[Occupant]:
    """Connections whose local end is one of `ports`."""
    return [
        Occupant(
            port=connection.laddr.port,
            address=connection.laddr.ip,
            peer=f"{connection.raddr.ip}:{connection.raddr.port}",
            inode=0,
            uid=-1,
            owners=(place.id,),
        )
        for place, connection in _connections(psutil.pids())
        if connection.laddr.port in ports and connection.raddr and connection.status != psutil.CONN_TIME_WAIT
    ]


def _listening(pids: Iterable[int], ports: frozenset[int] | None) -> Iterator[Listener]:
    for place, connection in _connections(pids):
        if connection.status == psutil.CONN_LISTEN and (ports is None or connection.laddr.port in ports):
            yield _as_listener(place, connection)


def _as_listener(place: Kin, connection: Any) -> Listener:
    return Listener(
        port=connection.laddr.port,
        address=connection.laddr.ip,
        family=6 if connection.family == socket.AF_INET6 else 4,
        owners=(place.id,),
    )


def _connections(pids: Iterable[int], kind: str = "tcp") -> Iterator[tuple[Kin, Any]]:
    for pid in pids:
        place = kin(pid)
        if place is None or place.is_dead:
            continue
        try:
            connections = psutil.Process(pid).net_connections(kind)
        except (psutil.Error, OSError):
            continue
        for connection in connections:
            if connection.laddr:
                yield place, connection


def _lsof(ports: frozenset[int] | None) -> list[Listener]:
    program = shutil.which("lsof")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, "-nP", "-iTCP", "-sTCP:LISTEN", "-FpnLt"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [entry for entry in parse_lsof(done.stdout) if ports is None or entry.port in ports]


def parse_lsof(text: str) -> list[Listener]:
    """`lsof -F` output: one field a line, `p` pid, `t` family, `n` address:port."""
    found: list[Listener] = []
    pid, family = 0, 4
    for line in text.splitlines():
        mark, value = line[:1], line[1:]
        if mark == "p":
            pid = int(value)
        elif mark == "t":
            family = 6 if value == "IPv6" else 4
        elif mark == "n":
            address, _, port = value.rpartition(":")
            if port.isdigit():
                found.append(_lsof_listener(pid, family, address, int(port)))
    return found


def _lsof_listener(pid: int, family: int, address: str, port: int) -> Listener:
    place = kin(pid)
    anywhere = "::" if family == 6 else "0.0.0.0"
    return Listener(
        port=port,
        address=anywhere if address == "*" else address.strip("[]"),
        family=family,
        owners=() if place is None else (place.id,),
    )
