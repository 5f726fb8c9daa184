"""How many files this process may have open at once."""

from __future__ import annotations

from contextlib import suppress

BASE, PER_SERVICE = 96, 8
"""Our own files, and those of one service: its output, its exit, its log with index, its probes."""


def make_room(services: int) -> bool:
    """Raise the soft limit of open files as far as `services` services need it and the hard one lets us.

    Children inherit it, so an ordinary limit stays as it is. Where the hard limit is too low the answer is False: a
    start fails later and says so.
    """
    try:
        import resource
    except ImportError:  # no such limit
        return True
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = BASE + PER_SERVICE * services
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return True
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most >= wanted
    return False
