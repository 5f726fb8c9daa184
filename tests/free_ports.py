"""Ports that nobody else takes before a test's own program does.

A port found by binding port 0 lies where outgoing connections get theirs: until the program binds it, any connection
of this machine may have it, and so may the next test that asks. These lie below, and each is claimed for as long as
this process lives, by a lock that other test processes see.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

PORTS = range(20_000, 32_000)
"""Linux gives outgoing connections ports from 32768 on, macOS from 49152 on; browsers refuse none of these."""

_choice = random.SystemRandom()  # hypothesis seeds the other one: every worker would try the same ports
_given: set[int] = set()
_FILE = Path(tempfile.gettempdir()) / f"devstack-test-ports-{os.getuid()}"


def find() -> int:
    """Another one with each call."""
    while True:
        port = _choice.choice(PORTS)
        if port not in _given and _claim(port) and _is_free(port):
            _given.add(port)
            return port


def _claim(port: int) -> bool:
    """Lock one byte of a file; the system lets go of it when we end, however."""
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _claims() -> int:
    return os.open(_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(port: int) -> bool:
    """Whether neither a listener nor the rest of a connection has it, on any address."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:  # else: a machine without IPv6
                return False
    return True
