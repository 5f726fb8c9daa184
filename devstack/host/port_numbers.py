"""What is special about a port number, whoever holds it. Pure, except for reading the ephemeral range."""

from __future__ import annotations

import sys
from pathlib import Path

FIRST, LAST = 1, 65535
_LINUX_EPHEMERAL = (32768, 60999)
_OTHER_EPHEMERAL = (49152, 65535)  # IANA; macOS and Windows

# Browsers refuse these for every page and socket (WHATWG fetch, "bad port").
BROWSER_BLOCKED = frozenset(
    (
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179),
        *(389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601),
        *(636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566),
        *(6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    )
)

# Held on many machines by the operating system itself.
MACOS_RECEIVER = frozenset((5000, 7000))


def is_valid(port: int) -> bool:
    """Whether a server can be told to use it; 0 means "any" and is none."""
    return FIRST <= port <= LAST


def is_browser_blocked(port: int) -> bool:
    """Whether every browser refuses to talk to it."""
    return port in BROWSER_BLOCKED


def unprivileged_start() -> int:
    """The first port that an ordinary user may bind: 1024, unless this system says otherwise."""
    if sys.platform in ("darwin", "win32"):
        return 0  # neither asks for privileges on the wildcard address
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024


def is_privileged(port: int, start: int | None = None) -> bool:
    """Whether binding it needs privileges; `start` replaces what this system says."""
    return port < (unprivileged_start() if start is None else start)


def ephemeral_range() -> tuple[int, int]:
    """First and last port that the system gives to outgoing connections."""
    try:
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return int(first), int(last)
    except (OSError, ValueError):
        return _LINUX_EPHEMERAL if sys.platform == "linux" else _OTHER_EPHEMERAL


def is_ephemeral(port: int, bounds: tuple[int, int] | None = None) -> bool:
    """Whether an outgoing connection may take it at any moment; `bounds` replaces what this system says."""
    first, last = ephemeral_range() if bounds is None else bounds
    return first <= port <= last


def remark(port: int) -> str | None:
    """What a person who declares `port` should know about the number itself; None when there is nothing."""
    if is_browser_blocked(port):
        return "browsers refuse to talk to this port"
    if is_privileged(port):
        return "binding this port needs privileges"
    if is_ephemeral(port):
        first, last = ephemeral_range()
        return f"in the range of outgoing connections ({first}-{last}): any of them may take it for a while"
    return None
