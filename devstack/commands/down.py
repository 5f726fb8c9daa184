"""`devstack down`: stop the running stack, or what is left of one that died; return when it is really gone."""

from __future__ import annotations

import time
from collections.abc import Iterable

from devstack.commands.running import Place, seconds, write
from devstack.control.client import ControlClient
from devstack.errors import ExitCode, PortHeldError, SystemProblem, TimedOutError
from devstack.host.base import this_host
from devstack.host.leftovers import end_leftovers, living
from devstack.host.listening import is_bindable
from devstack.host.private_folder import PrivateFolder
from devstack.host.run_lock import holder, running_pid
from devstack.host.signals import SAME_REQUEST
from devstack.host.state_file import RunRecord, read
from devstack.views.wording import counted, duration, listed

_PAUSE = 0.02
_ASK = 5.0
"""Seconds for the run to answer; one that is suspended does not."""
_FORCED = 5.0
"""Seconds within which a run that kills everything is over."""
_SIGNED = 1.0
"""Seconds within which a run that holds the lock has signed it."""
_PORT_PATIENCE = 2.0
"""Seconds for the kernel to give a port back after its process is gone."""


def down(place: Place, *, force: bool, timeout: str | None) -> int:
    """Stop everything. Nothing to stop is fine, too. `force` kills at once."""
    patience = seconds("--timeout", timeout)
    folder = place.private_folder()
    began = time.monotonic()
    record = read(folder)
    was_running = running_pid(folder) is not None
    if was_running:
        _ask(folder, force=force, patience=_ASK if patience is None else min(_ASK, patience / 2))
        _end(folder, force=force, until=None if patience is None else began + patience)
        record = record or read(folder)  # it may have started just now
    remains = _clean(record, force=force) if record is not None else 0
    _check_ports(record)
    took = duration(time.monotonic() - began)
    if was_running:
        write(f"Everything stopped after {took}; every port can be bound again.")
    elif remains:
        write(f"The last run had died: stopped {counted(remains, 'process')}.")
    else:
        write(f"Nothing was running in {folder.path.parent}.")
    return int(ExitCode.OK)


def _ask(folder: PrivateFolder, *, force: bool, patience: float) -> None:
    """Through the socket; where nobody answers, with the signal that means the same."""
    client = ControlClient(folder)
    try:
        for _ in range(2 if force else 1):
            client.post("down", patience=patience)
        return
    except SystemProblem:
        if not _signal(folder, "TERM"):
            raise
    if force:
        time.sleep(2 * SAME_REQUEST)  # sooner it would be taken for the first one
        _signal(folder, "TERM")


def _signal(folder: PrivateFolder, name: str) -> bool:
    """Signal whoever holds the lock of this checkout; False where somebody holds it who is not known.

    The state file would not do: a run that has only just started has not written it yet. Its lock is signed a moment
    after it was taken.
    """
    until = time.monotonic() + _SIGNED
    while (found := holder(folder)) is None:
        if running_pid(folder) is None:  # it ended by itself meanwhile
            return True
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE)
    this_host("").end((found,), name)
    return True


def _end(folder: PrivateFolder, *, force: bool, until: float | None) -> None:
    """Wait for the run's end; one that does not even end by force is killed, and what it leaves is cleaned up."""
    if force and until is None:
        until = time.monotonic() + _FORCED
    try:
        _until_released(folder, until)
    except TimedOutError:
        if not force or not _signal(folder, "KILL"):
            raise
        _until_released(folder, time.monotonic() + _FORCED)


def _until_released(folder: PrivateFolder, until: float | None) -> None:
    """The run holds its lock until the last of its processes is gone."""
    while running_pid(folder) is not None:
        if until is not None and time.monotonic() > until:
            raise TimedOutError(
                "the stack has not stopped in time", hint="`devstack down --force` kills what is left."
            )
        time.sleep(_PAUSE)


def _clean(record: RunRecord, *, force: bool) -> int:
    """End what the run left, if anything; how many processes there were."""
    found = living(record)
    if not found:
        return 0
    left = end_leftovers(record, grace=0.0) if force else end_leftovers(record)
    if left:
        pids = listed([str(one.pid) for one in left])
        raise SystemProblem(f"could not stop pid {pids}", hint="Do they belong to another user?")
    return len(found)


def _check_ports(record: RunRecord | None) -> None:
    held = _held(record)
    until = time.monotonic() + _PORT_PATIENCE
    while held and time.monotonic() < until:
        time.sleep(_PAUSE)
        held = _held(record)
    if held:
        ports = listed([str(port) for port in held])
        raise PortHeldError(
            f"everything of this stack is stopped, but port {ports} cannot be bound",
            hint=f"`devstack ports {held[0]}` shows who holds it.",
        )


def _held(record: RunRecord | None) -> list[int]:
    ports: Iterable[int] = (
        () if record is None else {port for one in record.services.values() for port in one.ports}
    )
    return [port for port in sorted(ports) if not is_bindable(port)]
