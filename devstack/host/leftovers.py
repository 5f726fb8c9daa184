"""Ends what a run that is over left behind."""

from __future__ import annotations

import time

from devstack.host.base import this_host
from devstack.host.model import ProcessId
from devstack.host.state_file import RunRecord, leftovers

GRACE = 5.0
_AFTER_KILL = 2.0
_PAUSE = 0.02


def living(record: RunRecord) -> tuple[ProcessId, ...]:
    """Every process of the run that still lives."""
    return tuple(one for several in leftovers(record).values() for one in several)


def end_leftovers(record: RunRecord, *, grace: float = GRACE) -> tuple[ProcessId, ...]:
    """TERM to all of them, KILL to what lives after `grace` seconds; those that cannot be ended."""
    host = this_host(record.run)
    began, signalled = time.monotonic(), set[ProcessId]()
    while left := living(record):
        waited = time.monotonic() - began
        if waited > grace + _AFTER_KILL:
            return left
        if waited > grace:
            host.end(left, "KILL")
        elif fresh := tuple(one for one in left if one not in signalled):
            host.end(fresh, "TERM")
            signalled.update(fresh)
        time.sleep(_PAUSE)
    return ()
