"""A browser is given a host that only containers know, or 0.0.0.0.

## Why it matters
`ws://backend:8350` resolves inside the compose network only; the page's console shows ERR_NAME_NOT_RESOLVED and
close code 1006. `host.docker.internal` leads from a container to this machine, and a browser is no container.
0.0.0.0 is an address to listen on, not to dial: it works on some systems and browsers only.

Judged are variables that a bundler puts into the page, and links with `used_by = "browser"`.

## Example
```
web/.env   NEXT_PUBLIC_WEBSOCKET_URL=ws://ws:3001     # a compose service name
```

## Mending
Use localhost and the published port for the page; keep the container's name for server-side variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.links import DOCKER_HOSTS, JudgedLink, Where
from devstack.contract.urls import Address
from devstack.env.model import LayerKind
from devstack.env.secrets import placeholder
from devstack.rules import reach
from devstack.rules.base import Finding, Fix, Rule, Severity
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per value that a page uses."""
    for judged, address in reach.sound(inspection):
        if judged.requirement.browser and _is_unreachable(address):
            yield _link(inspection, judged, address)
    yield from _unlinked(inspection)


def _is_unreachable(address: Address) -> bool:
    if urls.is_unspecified(address.host) or address.host in DOCKER_HOSTS:
        return True
    return urls.is_single_label(address.host) and address.scheme in urls.WEB_SCHEMES


def _seen(address: Address) -> str:
    if urls.is_unspecified(address.host):
        return "is an address to listen on, not to dial: some browsers and systems refuse it"
    if address.host in DOCKER_HOSTS:
        return "is known inside containers: on most machines the browser shows ERR_NAME_NOT_RESOLVED and 1006"
    return "resolves inside the container network only: the browser shows ERR_NAME_NOT_RESOLVED and 1006"


def _link(inspection: Inspection, judged: JudgedLink, address: Address) -> Finding:
    where, services = judged.resolution.where, inspection.services
    is_declared = any(address.host == name.lower() for service in services for name in service.hosts)
    is_certain = where is Where.CONTAINER or (where is Where.ALIAS and not is_declared)
    return RULE.finding(
        f"{reach.name_of(judged)} gives the page {reach.shown(judged.effective.text)}; "
        f"`{address.host}` {_seen(address)}.",
        reach.place(inspection, judged),
        reach.declared(inspection, judged),
        severity=Severity.ERROR if is_certain else Severity.WARNING,
        service=judged.link.source.service,
        hint="use localhost and the port that is published on this machine",
        fix=_with_localhost(inspection, judged, address),
    )


def _with_localhost(inspection: Inspection, judged: JudgedLink, address: Address) -> Fix | None:
    changed = reach.with_host(judged.effective.text or "", address, "localhost")
    return (
        None
        if changed is None
        else reach.rewrite(inspection, judged, "change the host to localhost", changed)
    )


def _unlinked(inspection: Inspection) -> Iterator[Finding]:
    """Public variables that no link speaks of: a warning, since nobody said what they are for."""
    addresses = inspection.variables.public & inspection.variables.holding("://")
    for service in inspection.need_stack().services.values():
        environment = inspection.environment(service.name)
        if environment is None or service.type not in FRONTENDS:
            continue
        declared = inspection.declared(service.name)
        for _, name, value in inspection.variables.take(addresses, service.name):
            text = value.text or ""
            if name in declared or not urls.has_scheme(text):
                continue
            address = urls.parse(text)
            if value.origin.layer is not LayerKind.FILE or value.unknown is not None or address.faults:
                continue
            if _is_unreachable(address) and placeholder(address.host) is None and "<" not in text:
                yield RULE.finding(
                    f"`{name}` gives the page {reach.shown(text)}; `{address.host}` {_seen(address)}.",
                    inspection.at_origin(value.origin, name),
                    severity=Severity.WARNING,
                    service=service.name,
                    hint="use localhost and the port that is published on this machine",
                )


RULE = Rule(id="DS207", name="url-host-unreachable", severity=Severity.ERROR, page=__doc__ or "", check=check)
