"""TCP and UDP sockets from /proc/net, for kernels and sandboxes that do not answer netlink. Slow, but everywhere."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from devstack.host.linux_sockets import SocketEntry

_UNKNOWN_BACKLOG = 1 << 30  # the table does not say how long a listener's queue may grow
_FOLDER = Path("/proc/net")


def read(
    states: int, ports: Iterable[int] | None = None, *, protocol: str = "tcp", folder: Path = _FOLDER
) -> list[SocketEntry]:
    """Sockets in one of `states` (a bit mask), of all ports or of these. Raises OSError without /proc."""
    wanted = None if ports is None else frozenset(ports)
    found = [*_rows(folder / protocol, 4), *_rows(folder / f"{protocol}6", 6)]
    return [one for one in found if states & 1 << one.state and (wanted is None or one.port in wanted)]


def _rows(path: Path, family: int) -> Iterator[SocketEntry]:
    try:
        lines = path.read_text().splitlines()[1:]
    except FileNotFoundError:  # a kernel without IPv6
        if family == 6:
            return
        raise
    for line in lines:
        fields = line.split()
        address, port = _endpoint(fields[1], family)
        peer_address, peer_port = _endpoint(fields[2], family)
        yield SocketEntry(
            family=family,
            state=int(fields[3], 16),
            address=address,
            port=port,
            peer_address=peer_address,
            peer_port=peer_port,
            uid=int(fields[7]),
            inode=int(fields[9]),
            queued=int(fields[4].partition(":")[2], 16),
            backlog=_UNKNOWN_BACKLOG,
            v6_only=False,
        )


def _endpoint(text: str, family: int) -> tuple[str, int]:
    """`0100007F:0BB9`: the address as words of the machine's byte order, the port in plain hexadecimal."""
    digits, _, port = text.partition(":")
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    return socket.inet_ntop(kind, struct.pack(f"={len(words)}I", *words)), int(port, 16)
