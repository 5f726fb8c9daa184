"""Somebody else answers on a service's port while the stack believes that the service is up.

## Why it matters
A readiness check, a link and the browser all get their answers from the wrong program: an older copy of the server
verifies tokens with another secret, a dev server's hot-reload socket accepts every path, and everything looks well.

## Example
`ws` of the running stack lives (pid 4242), but port 3001 is answered by `node server.js` (pid 977) of another
folder; or Vite's hot-reload port is the backend's.

## Mending
`devstack ports 3001` shows who it is and since when, `devstack ports --kill 3001` stops it safely; then
`devstack restart ws`. A server that was started by hand is not meant: it may well be the service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.host.model import Holder, HolderClass
from devstack.rules.base import Finding, Needs, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Port, Service

# A container's or another user's process may well be what the service's command started.
_NOT_OURS = frozenset({HolderClass.FOREIGN, HolderClass.SAME_REPO, HolderClass.ANCESTOR})


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per port that a stranger answers."""
    inspection.need_stack()
    for service in inspection.services:
        if inspection.launch(service.name) is None:
            continue
        for port in service.all_ports:
            found = stranger(inspection, service, port)
            if found is not None:
                yield _finding(inspection, service, port, found)


def stranger(inspection: Inspection, service: Service, port: Port) -> Holder | None:
    """Who certainly is not `service` but answers on its port; None when it is, or when nobody knows.

    Certain is another service of the stack, and anybody at all while a living run has this service up. Where the
    service itself listens as well (on the other address family) `port-other-family` says it.
    """
    status = inspection.port_status.get(port.number)
    used = inspection.ports_of_run.get(service.name)
    is_elsewhere = used is not None and port.number not in used  # `up --isolate` moved it
    if status is None or is_elsewhere:
        return None
    if any(_is_of(holder, service.name) for holder in status.holders):
        return None
    for holder in status.holders:
        if holder.holder_class is HolderClass.OURS:
            return holder
        if used is not None and holder.holder_class in _NOT_OURS:
            return holder
    return None


def _is_of(holder: Holder, service: str) -> bool:
    return holder.holder_class is HolderClass.OURS and holder.service in (None, service)


def _finding(inspection: Inspection, service: Service, port: Port, holder: Holder) -> Finding:
    who = f"service `{holder.service}`" if holder.service else "a process that this stack did not start"
    pid = "" if holder.pid is None else f", pid {holder.pid}"
    folder = f" in {holder.cwd}" if holder.cwd else ""
    command = f": `{holder.command[:60]}`" if holder.command else ""
    return RULE.finding(
        f"Port {port.number} of `{service.name}` is answered by {who}{command}{pid}{folder}, not by `{service.name}`.",
        inspection.at_port(service.name, port.role),
        service=service.name,
        hint=f"`devstack ports {port.number}` shows it; once the port is free, `devstack restart {service.name}`",
    )


RULE = Rule(
    id="DS604",
    name="foreign-listener",
    severity=Severity.ERROR,
    needs=Needs.HOST,
    check=check,
    page=__doc__ or "",
)
