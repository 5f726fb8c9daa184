"""Who listens on which TCP port, and whether a port can be bound. IPv4 and IPv6 are kept apart."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterable

from devstack.host import linux_sockets, process_facts
from devstack.host.model import Listener, ProcessId
from devstack.host.process_facts import IS_LINUX
from devstack.records import dataclass, replace

# What servers bind: both loopback addresses and both wildcards.
ADDRESSES = ("127.0.0.1", "::1", "0.0.0.0", "::")
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    """A socket that takes a port without listening on it: a client's end, or bound and silent.

    Attributes:
        peer: `address:port` that it talks to, None for a socket that only is bound.
    """

    port: int
    address: str
    peer: str | None
    inode: int
    uid: int
    owners: tuple[ProcessId, ...] = ()


def listeners(ports: Iterable[int] | None = None, *, with_owners: bool = False) -> list[Listener]:
    """Sockets in LISTEN on these ports, or on all, sorted by port, family and address.

    One question to the kernel for all ports. `with_owners` also names the processes, which reads the file
    descriptors of every process. Raises OSError where the system tells nothing.
    """
    wanted = None if ports is None else frozenset(ports)
    if not IS_LINUX:
        from devstack.host import portable

        found = portable.listeners(wanted)
    else:
        found = [_listener(entry) for entry in linux_sockets.dump(linux_sockets.LISTEN, wanted)]
        if with_owners:
            found = _with_owners(found, None)
    return sorted(found, key=lambda entry: (entry.port, entry.family, entry.address, entry.inode or 0))


def udp_sockets(ports: Iterable[int] | None = None) -> list[Listener]:
    """UDP sockets that wait for datagrams on these ports, or on all, with their owners."""
    if not IS_LINUX:
        from devstack.host import portable

        return portable.udp_sockets(None if ports is None else frozenset(ports))
    found = [replace(_listener(entry), backlog=None) for entry in linux_sockets.dump_udp(ports)]
    return sorted(_with_owners(found, None), key=lambda entry: (entry.port, entry.family, entry.address))


def listeners_of(pids: Iterable[int]) -> list[Listener]:
    """What these processes listen on, with their pids as owners; cost grows with `pids` only."""
    tree = frozenset(pids)
    if not IS_LINUX:
        from devstack.host import portable

        return portable.listeners_of(tree)
    entries = linux_sockets.dump(linux_sockets.LISTEN)
    return [entry for entry in _with_owners([_listener(e) for e in entries], tree) if entry.owners]


def occupants(ports: Iterable[int]) -> list[Occupant]:
    """Sockets that hinder bind() without listening: ends of connections, and bound silent ones."""
    if not IS_LINUX:
        from devstack.host import portable

        return portable.occupants(frozenset(ports))
    wanted = tuple(ports)
    entries = linux_sockets.dump(linux_sockets.TALKING, wanted)
    with_bound = [*entries, *linux_sockets.dump(linux_sockets.BOUND, wanted)]
    holders = linux_sockets.pids_of_inodes(entry.inode for entry in with_bound)
    return [
        Occupant(
            port=entry.port,
            address=entry.address,
            peer=f"{entry.peer_address}:{entry.peer_port}" if entry.peer_port else None,
            inode=entry.inode,
            uid=entry.uid,
            owners=_identities(holders.get(entry.inode, ())),
        )
        for entry in with_bound
    ]


def is_winding_down(port: int) -> bool:
    """Whether connections of a server that is gone still keep `port` (TIME_WAIT, up to a minute).

    That hinders nobody, unless the old server did not allow its address to be used again.
    """
    return IS_LINUX and bool(linux_sockets.dump(linux_sockets.TIME_WAIT, (port,)))


def is_bindable(port: int, host: str | None = None) -> bool:
    """Whether a server could bind `port` on `host`, or on every usual address when none is given."""
    return bind_error(port, host) is None


def bind_error(port: int, host: str | None = None) -> OSError | None:
    """Why bind() fails for a server, or None. TIME_WAIT is no hindrance; a missing IPv6 is not asked."""
    several = {None: ADDRESSES, "localhost": ADDRESSES[:2]}.get(host)
    for address in several or (str(host),):
        problem = _try_bind(port, address)
        if problem is not None and not (several and problem.errno in _NO_SUCH_FAMILY):
            return problem
    return None


def _try_bind(port: int, address: str) -> OSError | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform == "win32":  # there REUSEADDR would share the port with its holder
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address != "::"))
            probe.bind((address, port))
    except OSError as problem:
        return problem
    return None


def _listener(entry: linux_sockets.SocketEntry) -> Listener:
    return Listener(
        port=entry.port,
        address=entry.address,
        family=entry.family,
        inode=entry.inode,
        uid=entry.uid,
        v6_only=entry.v6_only,
        queued=entry.queued,
        backlog=entry.backlog,
    )


def _with_owners(found: list[Listener], pids: Iterable[int] | None) -> list[Listener]:
    inodes = [entry.inode for entry in found if entry.inode is not None]
    holders = linux_sockets.pids_of_inodes(inodes, pids)
    return [replace(entry, owners=_identities(holders.get(entry.inode or 0, ()))) for entry in found]


def _identities(pids: Iterable[int]) -> tuple[ProcessId, ...]:
    places = (process_facts.kin(pid) for pid in pids)
    return tuple(place.id for place in places if place is not None and not place.is_dead)
