"""The state of a port in one word, with everything that is known about who has it."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from contextlib import suppress

from devstack.host.holders import holders, occupant_note, udp_holders
from devstack.host.judging import Context
from devstack.host.listening import bind_error, is_winding_down, occupants
from devstack.host.model import Holder, HolderClass, PortState
from devstack.host.port_numbers import ephemeral_range, is_ephemeral, remark
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PortStatus:
    """One port now.

    Attributes:
        holders: who listens; one entry for each process and address, empty when nobody does.
        note: what else a person should know, or None.
    """

    port: int
    state: PortState
    holders: tuple[Holder, ...] = ()
    note: str | None = None


def status(ports: Iterable[int], context: Context) -> list[PortStatus]:
    """State of each port, in the order given. One question to the kernel for all listeners."""
    wanted = tuple(dict.fromkeys(ports))
    held = holders(wanted, context) if wanted else {}
    return [_listened(port, held[port]) if port in held else _silent(port) for port in wanted]


def every_listener(context: Context) -> list[PortStatus]:
    """Every port somebody listens on, in ascending order."""
    return [_listened(port, found) for port, found in sorted(holders(None, context).items())]


def udp_status(ports: Iterable[int] | None, context: Context) -> list[PortStatus]:
    """The same for UDP, of these ports or of all that somebody waits on; bind() is not tried."""
    held = udp_holders(ports, context)
    wanted = sorted(held) if ports is None else dict.fromkeys(ports)
    return [
        _listened(port, held[port]) if port in held else PortStatus(port=port, state=PortState.FREE)
        for port in wanted
    ]


def _listened(port: int, found: list[Holder]) -> PortStatus:
    is_ours = all(holder.holder_class is HolderClass.OURS for holder in found)
    return PortStatus(
        port=port,
        state=PortState.OURS if is_ours else PortState.HELD,
        holders=tuple(found),
        note=split_note(found),
    )


def split_note(found: Iterable[Holder]) -> str | None:
    """The warning when one program answers on IPv4 and another on IPv6 of the same port."""
    by_family: dict[bool, set[int | None]] = {False: set(), True: set()}
    for holder in found:
        is_v6 = ":" in holder.address and not holder.address.startswith("::ffff:")
        by_family[is_v6].add(holder.pid)
    four, six = by_family[False], by_family[True]
    if not four or not six or four & six:
        return None
    return (
        f"different processes answer on IPv4 ({_pids(four)}) and IPv6 ({_pids(six)}): "
        "`localhost` reaches one or the other"
    )


def unbindable_note(port: int) -> str:
    """Why bind() fails although nobody is there."""
    if is_winding_down(port):
        return "connections of a server that is gone still end (TIME_WAIT): free within a minute"
    return "it cannot be bound, and the system does not tell why"


def _pids(found: Iterable[int | None]) -> str:
    return ", ".join(sorted("not visible" if pid is None else f"pid {pid}" for pid in found))


def _silent(port: int) -> PortStatus:
    problem = bind_error(port)
    if problem is None:
        return PortStatus(port=port, state=PortState.FREE)
    if problem.errno in (errno.EACCES, errno.EPERM):
        return PortStatus(port=port, state=PortState.FREE, note=remark(port) or problem.strerror)
    using = []
    with suppress(OSError):
        using = occupants([port])
    if not using:
        # The holder may have gone between the two questions.
        is_free = bind_error(port) is None
        note = None if is_free else unbindable_note(port)
        return PortStatus(port=port, state=PortState.FREE if is_free else PortState.HELD, note=note)
    talking = [entry for entry in using if entry.peer is not None]
    if not talking:
        return PortStatus(port=port, state=PortState.HELD, note=occupant_note(using[0]))
    who = occupant_note(talking[0])
    note = f"{who}; nothing listens, so there is nothing to stop: wait, or take another port"
    if is_ephemeral(port):
        note = f"{note} outside of {'-'.join(map(str, ephemeral_range()))}, which outgoing connections use"
    return PortStatus(port=port, state=PortState.CLIENT, note=note)
