"""Whose a listener is: every process that holds it, with its class. Reads only, never signals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from devstack.host import process_facts, programs
from devstack.host.judging import Context, judge
from devstack.host.listening import Occupant, listeners, udp_sockets
from devstack.host.model import Holder, HolderClass, Listener
from devstack.host.process_facts import Facts
from devstack.records import replace


def holders(ports: Iterable[int] | None, context: Context) -> dict[int, list[Holder]]:
    """Who listens on each of these ports (None = on any): one entry for each process and address."""
    found: dict[int, list[Holder]] = defaultdict(list)
    sockets = listeners(ports, with_owners=True)
    look = _Lookup(context)
    for socket in sockets:
        found[socket.port] += look.of(socket)
    return dict(found)


def udp_holders(ports: Iterable[int] | None, context: Context) -> dict[int, list[Holder]]:
    """Who waits for UDP datagrams on each of these ports (None = on any)."""
    found: dict[int, list[Holder]] = defaultdict(list)
    look = _Lookup(context)
    for socket in udp_sockets(ports):
        found[socket.port] += look.of(socket)
    return dict(found)


def occupant_note(occupant: Occupant) -> str:
    """Who uses a port without listening on it, in words."""
    facts = process_facts.facts(occupant.owners[0].pid) if occupant.owners else None
    who = (
        f"{programs.own_names(facts)[0]} (pid {facts.kin.pid})" if facts else "a process that is not visible"
    )
    if occupant.peer is None:
        return f"bound by {who}, which does not listen on it"
    return f"the local end of a connection of {who} to {occupant.peer}"


class _Lookup:
    """Facts are read once for each process of one question."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._facts: dict[int, Facts | None] = {}

    def of(self, socket: Listener) -> list[Holder]:
        found = [self._facts_of(owner.pid) for owner in socket.owners]
        seen = [judge(facts, socket.address, self._context, self._facts_of) for facts in found if facts]
        return [_completed(holder, socket) for holder in seen or [self._unseen(socket)]]

    def _facts_of(self, pid: int) -> Facts | None:
        if pid not in self._facts:
            self._facts[pid] = process_facts.facts(pid)
        return self._facts[pid]

    def _unseen(self, socket: Listener) -> Holder:
        proxy = _published_by_proxy(socket.port)
        if proxy is not None:
            return judge(proxy, socket.address, self._context, self._facts_of)
        user = process_facts.user_name(socket.uid)
        is_own = socket.uid is not None and socket.uid == self._context.uid
        who = "" if socket.uid is None else f"held by uid {socket.uid}, "
        ask = f"docker ps --filter publish={socket.port}"
        if not is_own and self._context.uid != 0:
            ask = f"sudo devstack ports {socket.port}, or {ask}"
        return Holder(
            pid=None,
            started_at=0.0,
            command="",
            user=user,
            cwd=None,
            address=socket.address,
            holder_class=HolderClass.FOREIGN if is_own else HolderClass.OTHER_USER,
            detail=f"{who}process not visible: {ask}",
            uid=socket.uid,
            stop_with=ask,
        )


def _completed(holder: Holder, socket: Listener) -> Holder:
    """The holder with what only its socket or its container engine knows."""
    if holder.holder_class is HolderClass.CONTAINER and holder.stop_with is None:
        holder = _with_container(holder, socket.port)
    if not socket.is_hung:
        return holder
    hung = f"hung: {socket.queued} connections wait and none is accepted"
    return replace(holder, detail=f"{holder.detail}; {hung}" if holder.detail else hung)


def _with_container(holder: Holder, port: int) -> Holder:
    from devstack.host import containers

    found = containers.publishing(port)
    if found is None:
        return replace(holder, stop_with=f"docker ps --filter publish={port}")
    return replace(holder, detail=f"container {found.name} ({found.engine})", stop_with=found.stop_command)


def _published_by_proxy(port: int) -> Facts | None:
    """docker-proxy runs as root, so its sockets are invisible, but its command line names the port."""
    for place in process_facts.everyone().values():
        if place.name in programs.CONTAINER_PROXIES:
            facts = process_facts.facts(place.pid)
            if facts and f"-host-port {port} " in " ".join(facts.argv) + " ":
                return facts
    return None
