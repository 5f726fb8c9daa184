"""What can be said of a connection before anybody connects: the variables that lead to a service, read as text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from devstack.contract import hosts, links, urls
from devstack.contract.links import JudgedLink, Where
from devstack.contract.members import Effective, Facts, Provenance
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One link's variable.

    Attributes:
        name: `web:VITE_WS_URL`.
        place: `web/.env:1`, or words where there is no file.
        ok: None where nothing can be concluded.
        detail: where it leads, or what is wrong with it.
    """

    name: str
    place: str
    ok: bool | None
    detail: str


def towards(facts: Facts, service: str) -> tuple[Wire, ...]:
    """The variables that must lead to `service`."""
    return tuple(_wire(facts, one) for one in links.judged(facts) if one.link.to == service)


def outgoing(facts: Facts, service: str) -> tuple[Wire, ...]:
    """The variables with which `service` finds others."""
    return tuple(_wire(facts, one) for one in links.judged(facts) if one.link.source.service == service)


def same_address(facts: Facts, url: str) -> tuple[Wire, ...]:
    """The variables whose host and port are those of `url`."""
    asked = urls.parse(url)
    wanted = (asked.host, asked.effective_port)
    return tuple(
        _wire(facts, one)
        for one in links.judged(facts)
        if one.address is not None and (one.address.host, one.address.effective_port) == wanted
    )


def place(facts: Facts, effective: Effective) -> str:
    """`server/.env:3`, relative to the root; words for what stands in no file."""
    path, line = effective.path, effective.line
    if path is None and effective.value is not None:
        path, line = effective.value.origin.path, effective.value.origin.line
        if path is None:
            return f"the {effective.value.origin.layer.value} environment"
    if path is None and effective.fallback is not None:
        path, line = effective.fallback.path, effective.fallback.line
    if path is None:
        return "set nowhere"
    absolute = path if isinstance(path, Path) else facts.stack.root / path
    shown = Path(os.path.relpath(absolute, facts.stack.root)).as_posix()
    return shown if line is None else f"{shown}:{line}"


def _wire(facts: Facts, one: JudgedLink) -> Wire:
    effective = one.effective
    name = f"{one.link.source.service}:{effective.name or one.link.source.text.partition(':')[2]}"
    where = place(facts, effective)
    if not effective.is_known:
        return Wire(name=name, place=where, ok=None, detail=f"cannot be known: {effective.unknown}")
    wrong = "; ".join(_faults(facts, one))
    leads = "" if one.address is None else one.address.shown
    if effective.provenance is Provenance.FALLBACK:
        leads = f"not set or empty, so the code falls back to {leads or 'a literal'}"
    if wrong:
        return Wire(name=name, place=where, ok=False, detail=f"{leads}: {wrong}" if leads else wrong)
    return Wire(name=name, place=where, ok=True, detail=f"leads to {leads}" if leads else "set")


def _faults(facts: Facts, one: JudgedLink) -> Iterator[str]:
    """Everything that is wrong with the value as text."""
    address, need = one.address, one.requirement
    if one.effective.is_nothing:
        yield "empty" if one.effective.value is not None else "not set"
        return
    if address is None or address.relative:
        return
    if address.faults:
        yield ", ".join(fault.value for fault in address.faults)
        return
    if need.websocket and address.scheme in ("http", "https"):
        yield f"{address.scheme}:// where a WebSocket needs {'wss' if address.is_secure else 'ws'}://"
    if need.secure is not None and address.scheme in urls.WEB_SCHEMES and address.is_secure != need.secure:
        yield f"the service speaks {'TLS' if need.secure else 'no TLS'}"
    if urls.is_unspecified(address.host):
        yield f"{address.host} is an address to listen on, not one to connect to"
    elif need.browser and (one.resolution.where is Where.CONTAINER or address.host in links.DOCKER_HOSTS):
        yield f"`{address.host}` resolves only inside a container network, not in a browser"
    elif one.resolution.where is Where.LOCAL and not one.reaches:
        yield _elsewhere(facts, one)
    entry = hosts.find(address.host)
    if entry is not None and entry.websocket == "no" and need.websocket is not False:
        yield f"{entry.name} carries no WebSockets (checked {entry.verified}); retrying cannot help"
    path = need.path
    if path and not one.link.base and address.path.rstrip("/") != path.rstrip("/"):
        yield f"its path is {address.path or '/'}, the socket is at {path}"


def _elsewhere(facts: Facts, one: JudgedLink) -> str:
    assert one.address is not None
    target = facts.stack.services[one.link.to]
    others = [each.service for each in one.resolution.targets]
    whose = f", which is `{others[0]}`" if others else ""
    return f"it leads to port {one.address.effective_port}{whose}; `{target.name}` has port {target.port}"
