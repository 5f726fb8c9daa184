"""Stops what `stopping.propose` found, and proves that the ports can be bound again.

Nothing is signalled by number alone: a pidfd is opened first, then the start time is compared and the process
must still hold the port, and only then the signal goes through the pidfd. TERM to the whole tree (npm does
not pass it on), then the *port* is waited for, then whatever survived the grace is killed.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from enum import StrEnum

from devstack.host import process_facts
from devstack.host.holders import holders, occupant_note
from devstack.host.judging import Context
from devstack.host.listening import is_bindable, listeners, listeners_of, occupants
from devstack.host.model import Holder, ProcessId
from devstack.host.status import unbindable_note
from devstack.host.stopping import Proposal, Tree, propose
from devstack.records import dataclass

GRACE = 5.0
_AFTER_KILL = 2.0  # seconds the kernel may take to tear a killed process down
_RESPAWN_WATCH = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.05


class Outcome(StrEnum):
    """How freeing one port ended."""

    WAS_FREE = "was-free"
    FREED = "freed"
    REFUSED = "refused"
    RESPAWNED = "respawned"
    STILL_HELD = "still-held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """One port after freeing.

    Attributes:
        stopped, killed: pids that ended on TERM, and those that needed KILL.
        seconds: from the first signal until the port was free.
        detail: what stands in the way, for people; None when the port is free.
    """

    port: int
    outcome: Outcome
    stopped: tuple[int, ...] = ()
    killed: tuple[int, ...] = ()
    seconds: float = 0.0
    detail: str | None = None
    holders: tuple[Holder, ...] = ()


def free(port: int, context: Context, *, force: bool = False, grace: float = GRACE) -> Freed:
    """Free one port as far as `may_kill` allows; the caller has the person's consent."""
    return carry_out(propose([port], context, force=force), context, grace=grace)[0]


def carry_out(proposal: Proposal, context: Context, *, grace: float = GRACE) -> list[Freed]:
    """Stop the proposal's trees; one result for each port, in the order asked for."""
    started = time.monotonic()
    with ExitStack() as open_files:
        targets = [target for tree in proposal.trees for target in _targets(tree, open_files)]
        _signal(targets, signal.SIGTERM)
        _wait(targets, started + grace)
        survivors = [target for target in targets if not target.is_gone()]
        _signal(survivors, _KILL)
        _wait(survivors, time.monotonic() + _AFTER_KILL)
        ended = [target for target in targets if target.is_gone()]
    seconds = time.monotonic() - started
    report = _Report(
        ended=frozenset(target.id for target in ended),
        killed=frozenset(target.id for target in survivors),
        known=frozenset(target.id for target in targets),
        seconds=seconds,
        now=_watch_respawn(proposal, context),
    )
    return [_result(port, proposal, report) for port in proposal.ports]


_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(slots=True)
class _Target:
    """A process to signal; `handle` is its pidfd where the system has such a thing."""

    id: ProcessId
    handle: int | None
    is_forbidden: bool = False

    def is_gone(self) -> bool:
        if self.handle is not None:
            return bool(select.select([self.handle], [], [], 0)[0])
        return not process_facts.is_alive(self.id)

    def send(self, number: int) -> None:
        try:
            if self.handle is not None:
                signal.pidfd_send_signal(self.handle, number)
            elif process_facts.is_alive(self.id):
                os.kill(self.id.pid, number)
        except PermissionError:
            self.is_forbidden = True
        except OSError:
            pass  # it went away in between, which is what was wanted


def _targets(tree: Tree, open_files: ExitStack) -> list[_Target]:
    """Handles on the tree's processes, empty when none of its holders holds a port any longer."""
    opened = [_open(member.id, open_files) for member in tree.members]
    targets = [target for target in opened if target is not None]
    holding = {owner for entry in listeners_of(tree.holders) for owner in entry.owners}
    return targets if holding & {target.id for target in targets} else []


def _open(process: ProcessId, open_files: ExitStack) -> _Target | None:
    handle: int | None = None
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return None
        except OSError:  # a kernel or sandbox without pidfds
            handle = None
        else:
            open_files.callback(os.close, handle)
    # Only now: whatever has this pid from here on is what the handle means.
    return _Target(process, handle) if process_facts.is_alive(process) else None


def _signal(targets: Iterable[_Target], number: int) -> None:
    for target in targets:
        target.send(number)


def _wait(targets: list[_Target], deadline: float) -> None:
    """Until all are gone or the time is up; with pidfds the kernel wakes us at every exit."""
    pause = _FIRST_PAUSE
    while waiting := [target for target in targets if not target.is_gone() and not target.is_forbidden]:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        handles = [target.handle for target in waiting if target.handle is not None]
        if len(handles) == len(waiting):
            select.select(handles, [], [], left)
        else:
            time.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)


def _watch_respawn(proposal: Proposal, context: Context) -> dict[int, list[Holder]]:
    """Who holds the ports now; waits a moment only while somebody could start a server again."""
    freed = sorted({port for tree in proposal.trees for port in tree.ports} & set(proposal.ports))
    respawners = {tree.respawner for tree in proposal.trees if tree.respawner is not None}
    deadline = time.monotonic() + _RESPAWN_WATCH
    pause = _FIRST_PAUSE
    while freed and not listeners(freed):
        alive = [pid for pid in respawners if (place := process_facts.kin(pid)) and not place.is_dead]
        if not alive or time.monotonic() >= deadline:
            break
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return holders(proposal.ports, context)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    ended: frozenset[ProcessId]
    killed: frozenset[ProcessId]
    known: frozenset[ProcessId]
    seconds: float
    now: dict[int, list[Holder]]


def _result(port: int, proposal: Proposal, report: _Report) -> Freed:
    before = proposal.holders.get(port, [])
    refusals = [refusal for refusal in proposal.refusals if refusal.port == port]
    if refusals:
        who = tuple(refusal.holder for refusal in refusals)
        return Freed(port=port, outcome=Outcome.REFUSED, detail=refusals[0].permission.reason, holders=who)
    stopped, killed = _ended(port, proposal, report)
    now = report.now.get(port, [])
    if not now and is_bindable(port):
        if not before:
            return Freed(port=port, outcome=Outcome.WAS_FREE)
        return Freed(port=port, outcome=Outcome.FREED, stopped=stopped, killed=killed, seconds=report.seconds)
    fresh = [holder for holder in now if holder.id not in report.known]
    return Freed(
        port=port,
        outcome=Outcome.RESPAWNED if fresh and before else Outcome.STILL_HELD,
        stopped=stopped,
        killed=killed,
        detail=_respawn_note(fresh[0]) if fresh and before else _still_held_note(port, now),
        holders=tuple(now),
    )


def _ended(port: int, proposal: Proposal, report: _Report) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Pids of the trees on `port` that ended on TERM, and those that needed KILL."""
    members = [member.id for tree in proposal.trees if port in tree.ports for member in tree.members]
    ended = [process for process in members if process in report.ended]
    return (
        tuple(process.pid for process in ended if process not in report.killed),
        tuple(process.pid for process in ended if process in report.killed),
    )


def _respawn_note(holder: Holder) -> str:
    place = process_facts.kin(holder.pid) if holder.pid else None
    parent = process_facts.facts(place.parent) if place else None
    who = f" by {parent.kin.name} (pid {parent.kin.pid})" if parent and parent.kin.pid > 1 else ""
    return f"started again{who} as pid {holder.pid}"


def _still_held_note(port: int, now: list[Holder]) -> str:
    if now:
        return f"pid {now[0].pid} did not end" if now[0].pid else "a process that is not visible holds it"
    with suppress(OSError):
        using = occupants([port])
        if using:
            return occupant_note(using[0])
    return unbindable_note(port)
