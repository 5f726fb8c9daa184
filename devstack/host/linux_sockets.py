"""TCP sockets of this network namespace, asked of the Linux kernel through netlink `sock_diag`.

One request answers for IPv4 and IPv6 together and costs about 0.05 ms, whatever the number of processes;
reading /proc/net/tcp walks the kernel's whole hash table and costs two hundred times as much. The kernel
gives the socket's inode and the uid of its maker, also for sockets of other users; which processes hold that
inode is a second, dearer question (`pids_of_inodes`).
"""

from __future__ import annotations

import atexit
import errno
import os
import socket
import struct
from _thread import allocate_lock
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from devstack.records import dataclass

# include/uapi/linux/{netlink,inet_diag}.h, net/tcp_states.h
_NETLINK_SOCK_DIAG = 4
_TCPDIAG_GETSOCK = 18  # the older request: the only one that dumps both families at once
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST_DUMP = 0x301
_NLM_F_DUMP_INTR = 0x10
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_ATTRIBUTE_V6ONLY = 11

LISTEN = 1 << 10
BOUND = 1 << 13  # bound without listen(); kernels before 6.8 answer nothing for it
TIME_WAIT = 1 << 6
UDP_BOUND = 1 << 7  # a UDP socket that waits for anybody's datagrams
TALKING = 0xFFF & ~(LISTEN | TIME_WAIT | 1 << 7)

_HEADER = struct.Struct("=IHHII")
_PORTS = struct.Struct("!HH")
_COUNTERS = struct.Struct("=IIIII")  # expires, rqueue, wqueue, uid, inode
_ATTRIBUTE = struct.Struct("=HH")
_ENTRY_SIZE = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketEntry:
    """One TCP socket.

    Attributes:
        family: 4 or 6.
        queued: of a listener: connections that wait for accept(); of others: bytes not yet read.
        backlog: of a listener: how many may wait.
        v6_only: a listener on `::` that leaves IPv4 alone.
    """

    family: int
    state: int
    address: str
    port: int
    peer_address: str
    peer_port: int
    uid: int
    inode: int
    queued: int
    backlog: int
    v6_only: bool


class SocketDiagnosis:
    """An open netlink socket; keep it for repeated questions."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG)
        self._socket.settimeout(2.0)
        self._sequence = 0

    def close(self) -> None:
        """Give the file descriptor back."""
        self._socket.close()

    def dump(self, states: int, ports: Iterable[int] | None = None) -> list[SocketEntry]:
        """TCP sockets in one of `states` (a bit mask), of all ports or of these. Raises OSError."""
        return self._entries(_TCPDIAG_GETSOCK, bytes(52) + struct.pack("=II", states, 0), ports)

    def dump_udp(self, ports: Iterable[int] | None = None) -> list[SocketEntry]:
        """UDP sockets that are bound and not connected. Raises OSError."""
        wanted = None if ports is None else tuple(ports)
        found: list[SocketEntry] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            body = struct.pack("=BBBBI", family, socket.IPPROTO_UDP, 0, 0, UDP_BOUND) + bytes(48)
            found += self._entries(_SOCK_DIAG_BY_FAMILY, body, wanted)
        return found

    def _entries(self, request: int, body: bytes, ports: Iterable[int] | None) -> list[SocketEntry]:
        wanted = None if ports is None else {_PORTS.pack(port, 0)[:2] for port in ports}
        for _ in range(3):
            messages, is_consistent = self._ask(request, body)
            if is_consistent:
                break
        return [_entry(message) for message in messages if wanted is None or message[4:6] in wanted]

    def _ask(self, request: int, body: bytes) -> tuple[list[bytes], bool]:
        self._sequence += 1
        length = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(length, request, _NLM_F_REQUEST_DUMP, self._sequence, 0) + body)
        messages: list[bytes] = []
        is_consistent = True
        while True:
            for kind, flags, payload in _messages(self._socket.recv(1 << 18), self._sequence):
                is_consistent &= not flags & _NLM_F_DUMP_INTR
                if kind == _NLMSG_DONE:
                    return messages, is_consistent
                if kind == _NLMSG_ERROR:
                    code = -struct.unpack_from("=i", payload)[0]
                    raise OSError(code or errno.EPROTO, "the kernel does not answer socket questions")
                messages.append(payload)


def _messages(data: bytes, sequence: int) -> Iterator[tuple[int, int, bytes]]:
    """Split a datagram; answers to an earlier, interrupted question are passed over."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, answered, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        if answered == sequence:
            yield kind, flags, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _entry(message: bytes) -> SocketEntry:
    is_v6 = message[0] == socket.AF_INET6
    size = 16 if is_v6 else 4
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    port, peer_port = _PORTS.unpack_from(message, 4)
    _, queued, backlog, uid, inode = _COUNTERS.unpack_from(message, 52)
    return SocketEntry(
        family=6 if is_v6 else 4,
        state=message[1],
        address=socket.inet_ntop(family, message[8 : 8 + size]),
        port=port,
        peer_address=socket.inet_ntop(family, message[24 : 24 + size]),
        peer_port=peer_port,
        uid=uid,
        inode=inode,
        queued=queued,
        backlog=backlog,
        v6_only=_has_v6_only(message),
    )


def _has_v6_only(message: bytes) -> bool:
    offset = _ENTRY_SIZE
    while offset + _ATTRIBUTE.size < len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, offset)
        if kind == _ATTRIBUTE_V6ONLY:
            return bool(message[offset + _ATTRIBUTE.size])
        if length < _ATTRIBUTE.size:
            return False
        offset += (length + 3) & ~3
    return False


_kept: tuple[int, SocketDiagnosis] | None = None
_dialogue = allocate_lock()
"""Held from a question to the end of its answer: of two threads one would read what the other asked for."""


def dump(states: int, ports: Iterable[int] | None = None) -> list[SocketEntry]:
    """TCP sockets, asked through a socket that this process keeps; from /proc/net where that is not allowed."""
    wanted = None if ports is None else tuple(ports)
    return _kept_or_tables(lambda asked: asked.dump(states, wanted), "tcp", states, wanted)


def dump_udp(ports: Iterable[int] | None = None) -> list[SocketEntry]:
    """UDP sockets that are bound and not connected, in the same way."""
    wanted = None if ports is None else tuple(ports)
    return _kept_or_tables(lambda asked: asked.dump_udp(wanted), "udp", UDP_BOUND, wanted)


def _kept_or_tables(
    ask: Callable[[SocketDiagnosis], list[SocketEntry]],
    protocol: str,
    states: int,
    ports: tuple[int, ...] | None,
) -> list[SocketEntry]:
    with _dialogue:
        for _ in range(2):  # a broken or timed-out socket: once more with a fresh one
            try:
                return ask(_diagnosis())
            except OSError:
                close()
    from devstack.host import proc_tables

    return proc_tables.read(states, ports, protocol=protocol)


def close() -> None:
    """Close the kept socket, if any."""
    global _kept
    if _kept is not None:
        _kept[1].close()
        _kept = None


atexit.register(close)


def _diagnosis() -> SocketDiagnosis:
    global _kept
    if _kept is None or _kept[0] != os.getpid():  # a forked child must not share its parent's dialogue
        _kept = (os.getpid(), SocketDiagnosis())
    return _kept[1]


def pids_of_inodes(inodes: Iterable[int], pids: Iterable[int] | None = None) -> dict[int, list[int]]:
    """Every process that holds one of these sockets open: inode → pids in ascending order.

    Looks at the file descriptors of `pids`, or of all processes; those of other users are invisible
    unless we are root. A socket shared over fork has several holders, and all of them are given.
    """
    names = {f"socket:[{inode}]": inode for inode in inodes if inode}
    found: dict[int, list[int]] = defaultdict(list)
    if not names:
        return found
    for pid in sorted(all_pids() if pids is None else set(pids)):
        for inode in _held(pid, names.get):
            found[inode].append(pid)
    return found


def all_pids() -> list[int]:
    """Every process that /proc shows."""
    with os.scandir("/proc") as entries:
        return [int(entry.name) for entry in entries if entry.name.isdigit()]


def _held(pid: int, lookup: Callable[[str], int | None]) -> set[int]:
    """Which of the wanted sockets `pid` holds. Reads relative to one open folder: a sixth faster than paths."""
    held: set[int] = set()
    try:
        folder = os.open(f"/proc/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # gone, or of another user
        return held
    try:
        for name in os.listdir(folder):  # noqa: PTH208 - an open folder, not a path
            try:
                inode = lookup(os.readlink(name, dir_fd=folder))
            except OSError:  # closed in between
                continue
            if inode is not None:
                held.add(inode)
    except OSError:  # it ended while we looked
        pass
    finally:
        os.close(folder)
    return held
