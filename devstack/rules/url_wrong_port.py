"""A link's URL has another port, or another address family, than its target listens on.

## Why it matters
Nobody, or somebody else, answers there: the connection is refused, and the browser shows close code 1006 without
a reason. `ws://[::1]:3001` and a server on `127.0.0.1:3001` never meet either.

Only links of stack.toml are judged, by the effective value of their variable. Host names that mean a service are
declared with `hosts`.

## Example
```
web/.env     NEXT_PUBLIC_WEBSOCKET_URL=ws://localhost:3002
stack.toml   [services.ws] port = 3001
```

## Mending
Put the target's port into the URL, or correct `port` in stack.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.links import JudgedLink, Where
from devstack.contract.urls import Address
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import FRONTENDS, ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per link."""
    for judged, address in reach.sound(inspection):
        port = reach.port_of(inspection, judged.target)
        if not misses(inspection, judged, address) or port is None:
            continue
        if judged.target in judged.resolution.other_family:
            yield _other_family(inspection, judged, address)
        elif frontend_at(inspection, judged) is None:
            yield _other_port(inspection, judged, address, port)


def misses(inspection: Inspection, judged: JudgedLink, address: Address) -> bool:
    """Whether the URL names this machine, or the target itself, but not the target's port."""
    stack = inspection.need_stack()
    if judged.reaches or address.effective_port is None:
        return False
    if stack.services[judged.link.source.service].type is ServiceType.COMPOSE:
        return False  # inside a container this machine is another one
    if judged.resolution.where is Where.ALIAS:
        # without a port a proxy may stand before it (`https://app.localhost`)
        return address.port is not None and any(
            target.service == judged.link.to for target in judged.resolution.targets
        )
    return judged.resolution.where is Where.LOCAL


def frontend_at(inspection: Inspection, judged: JudgedLink) -> str | None:
    """The frontend, other than the target, whose page or HMR port the URL names."""
    services = inspection.need_stack().services
    for target in judged.resolution.targets:
        if services[target.service].type in FRONTENDS and target.service != judged.link.to:
            return target.service
        if services[target.service].type in FRONTENDS and target.role == "hmr":
            return target.service
    return None


def _other_family(inspection: Inspection, judged: JudgedLink, address: Address) -> Finding:
    target = inspection.need_stack().services[judged.link.to]
    return RULE.finding(
        f"{reach.name_of(judged)} dials {reach.shown(judged.effective.text)}, but {reach.named(judged.target)} "
        f"listens on {target.host} only: the other address family. The connection is refused; "
        f"{reach.seen(judged)}.",
        reach.place(inspection, judged),
        inspection.at_key(f"services.{target.name}.host", note=f"listens on {target.host}"),
        reach.declared(inspection, judged),
        service=judged.link.source.service,
        hint=f"use {target.host} or localhost in the URL, or let {target.name} listen on both families",
    )


def _other_port(inspection: Inspection, judged: JudgedLink, address: Address, port: int) -> Finding:
    there = ", ".join(reach.named(target) for target in judged.resolution.targets if target.role)
    who = f"which is {there}" if there else "where no service of this stack listens"
    seen = (
        f"The connection is refused; {reach.seen(judged)}."
        if not there
        else "Another program answers, or hangs."
    )
    return RULE.finding(
        f"{reach.name_of(judged)} leads to port {address.effective_port}, {who}; "
        f"{reach.named(judged.target)} listens on {port}. {seen}",
        reach.place(inspection, judged),
        inspection.at_port(judged.link.to, judged.target.role, note=f"{judged.link.to} listens on {port}"),
        reach.declared(inspection, judged),
        service=judged.link.source.service,
        hint=f"put port {port} into the URL, or correct `port` of {judged.link.to} in stack.toml",
        fix=reach.to_port(inspection, judged, port),
    )


RULE = Rule(id="DS203", name="url-wrong-port", severity=Severity.ERROR, page=__doc__ or "", check=check)
