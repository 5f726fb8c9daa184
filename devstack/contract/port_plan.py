"""What `up` meets on each declared port before it starts anything, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from devstack.durations import age
from devstack.host.model import Holder, HolderClass, PortState, Trait
from devstack.host.policy import may_kill
from devstack.host.ports import Context, PortStatus, is_bindable, status
from devstack.records import dataclass
from devstack.stack import defaults
from devstack.stack.model import Service, Stack


class Situation(StrEnum):
    """How a declared port stands."""

    FREE = "free"
    OURS_LEFTOVER = "ours-leftover"
    OURS_RUNNING = "ours-running"
    SAME_REPO = "same-repo"
    OTHER_CHECKOUT = "other-checkout"
    FOREIGN = "foreign"
    OTHER_USER = "other-user"
    CONTAINER = "container"
    SYSTEM = "system"
    ANCESTOR = "ancestor"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPlan:
    """One declared port.

    Attributes:
        message: one sentence: who holds it, since when, whose it is; "" when it is free.
        command: the exact command that frees it, or None where there is none.
        may_free: `up` may free it once the person agrees (`--yes`).
    """

    port: int
    service: str
    role: str
    situation: Situation
    holders: tuple[Holder, ...] = ()
    message: str = ""
    command: str | None = None
    may_free: bool = False


def plan(stack: Stack, services: Iterable[str] | None, context: Context, *, now: float) -> list[PortPlan]:
    """Every port of these services (None = all that devstack starts), main ports first within each.

    Args:
        now: seconds since the epoch, for ages.
    """
    names = list(stack.services) if services is None else list(services)
    declared = [
        (stack.services[name], port)
        for name in names
        if defaults.starts(stack.services[name])
        for port in stack.services[name].all_ports
    ]
    found = {entry.port: entry for entry in status([port.number for _, port in declared], context)}
    return [_plan(service, port.role, found[port.number], now) for service, port in declared]


def _plan(service: Service, role: str, found: PortStatus, now: float) -> PortPlan:
    blocking = _blocking(service, found)
    situation = _situation(found, blocking)
    is_free = situation is Situation.FREE
    return PortPlan(
        port=found.port,
        service=service.name,
        role=role,
        situation=situation,
        holders=found.holders,
        message="" if is_free else _message(_named(service, role, found), found, blocking, now),
        command=None if is_free else _command(found.port, situation, blocking),
        may_free=bool(blocking) and all(may_kill(holder).is_allowed for holder in blocking),
    )


def _blocking(service: Service, found: PortStatus) -> list[Holder]:
    """The holders that are in the way; one of the other family is not, when the address is declared."""
    if service.host and found.holders and is_bindable(found.port, service.host):
        return []
    return list(found.holders)


_BY_CLASS = {
    HolderClass.SAME_REPO: Situation.SAME_REPO,
    HolderClass.OTHER_USER: Situation.OTHER_USER,
    HolderClass.CONTAINER: Situation.CONTAINER,
    HolderClass.SYSTEM: Situation.SYSTEM,
    HolderClass.ANCESTOR: Situation.ANCESTOR,
}


def _situation(found: PortStatus, blocking: list[Holder]) -> Situation:
    if found.state is PortState.CLIENT:
        return Situation.CLIENT
    if not blocking:
        return Situation.FOREIGN if found.state is PortState.HELD and not found.holders else Situation.FREE
    worst = next((holder for holder in blocking if not may_kill(holder).is_allowed), blocking[0])
    if worst.holder_class is HolderClass.OURS:
        is_running = worst.trait is Trait.RUNNING_STACK
        return Situation.OURS_RUNNING if is_running else Situation.OURS_LEFTOVER
    if worst.other_checkout is not None:
        return Situation.OTHER_CHECKOUT
    return _BY_CLASS.get(worst.holder_class, Situation.FOREIGN)


def _named(service: Service, role: str, found: PortStatus) -> str:
    return f"port {found.port} ({service.name if role == 'main' else f'{service.name} {role}'})"


def _message(what: str, found: PortStatus, blocking: list[Holder], now: float) -> str:
    if not blocking:
        return f"{what} cannot be had: {found.note}" if found.note else f"{what} cannot be had"
    others = len({holder.pid for holder in blocking}) - 1  # one process may listen on several addresses
    more = f" and {others} more" if others else ""
    return f"{what} is held by {holder_words(blocking[0], now)}{more}"


_WHOSE = {
    HolderClass.OURS: "left by an earlier run of this stack",
    HolderClass.SAME_REPO: "a dev server of this repository",
    HolderClass.FOREIGN: "not of this repository",
    HolderClass.OTHER_USER: "of another user",
    HolderClass.CONTAINER: "a container's port",
    HolderClass.SYSTEM: "of the operating system",
    HolderClass.ANCESTOR: "this devstack runs under it",
}
_LONGEST_COMMAND = 60


def holder_words(holder: Holder, now: float) -> str:
    """`pid 4121 "node server.js", for 12 m, in /src/other (not of this repository)`."""
    if holder.pid is None:
        return (holder.detail or "a process that is not visible").removeprefix("held by ")
    command = holder.command
    if len(command) > _LONGEST_COMMAND:
        command = command[: _LONGEST_COMMAND - 1] + "…"
    since = f", for {age(now - holder.started_at)}" if holder.started_at else ""
    where = f", in {holder.cwd}" if holder.cwd else ""
    return f'pid {holder.pid} "{command}"{since}{where} ({holder.detail or _WHOSE[holder.holder_class]})'


def _command(port: int, situation: Situation, blocking: list[Holder]) -> str | None:
    if not blocking:
        return None
    if situation is Situation.OTHER_CHECKOUT:
        return "devstack up --isolate"
    answers = [may_kill(holder) for holder in blocking]
    refused = [answer for answer in answers if not answer.is_allowed]
    if not refused:
        return f"devstack ports --kill {port}"
    stuck = next((answer for answer in refused if answer.instead or not answer.needs_force), None)
    return f"devstack ports --kill {port} --force" if stuck is None else stuck.instead
