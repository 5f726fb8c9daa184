"""Which start of which run a process comes from, however it was forked: a mark that it inherits unawares.

Linux keeps a limit of file locks for every process (RLIMIT_LOCKS) and has not looked at it since version 2.4. Fork
passes it on and exec keeps it; `setsid`, an emptied environment and closed files do not touch it, and everybody may
read it. So every start gets a limit of its own: a number for the run, then one for the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devstack.host.guard_main import START_BITS, mark_of
from devstack.host.process_facts import IS_LINUX

__all__ = ["mark", "mark_of", "marked", "run_part"]
_LIMIT = 10  # RLIMIT_LOCKS on every architecture; the resource module does not name it
_OURS = 0xD5 << 52
_RUNS = 4_294_967_291  # numbers of runs: the largest prime of 32 bits, so every character of a name counts


def mark(run: str, start: int) -> int:
    """The mark of the start with this number in `run`."""
    number = int.from_bytes(run.encode(), "big") % _RUNS
    return _OURS | number << START_BITS | start % (1 << START_BITS)


def run_part(mark: int) -> int:
    """What all marks of one run have in common."""
    return mark >> START_BITS


@contextmanager
def marked(mark: int) -> Iterator[None]:
    """What is started meanwhile carries `mark`; where the system has no such limit, nothing happens."""
    if not IS_LINUX:
        yield
        return
    import resource

    before = resource.getrlimit(_LIMIT)
    with suppress(OSError, ValueError):
        resource.setrlimit(_LIMIT, (mark, before[1]))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(_LIMIT, before)
