"""A declared port is already held by a process.

## Why it matters
The service cannot bind it: it fails with EADDRINUSE, or Next and Vite move to another port and every link
points to the wrong program. A readiness check may even get its answer from the other program.

## Example
`port 3001 of ws is held by node server.js (pid 4242, since 09:14, ~/other-project)`

## Mending
`devstack ports` shows who it is; `devstack ports --kill 3001` stops it safely, `devstack up` frees
leftovers of its own. When the stack itself is running, its own processes are only mentioned.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.host.model import Holder, HolderClass
from devstack.rules.base import Finding, Needs, Rule, Severity
from devstack.rules.foreign_listener import stranger

if TYPE_CHECKING:
    from devstack.host.ports import PortStatus
    from devstack.rules.inspection import Inspection

_WHOSE = {
    HolderClass.OURS: "a process of this stack",
    HolderClass.SAME_REPO: "a process of this repository",
    HolderClass.FOREIGN: "another program",
    HolderClass.OTHER_USER: "a process of another user",
    HolderClass.CONTAINER: "a container",
    HolderClass.SYSTEM: "a system service",
    HolderClass.ANCESTOR: "the terminal or editor you work in",
}


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per declared port of a service that devstack starts."""
    for service in inspection.services:
        if inspection.launch(service.name) is None:
            continue
        for port in service.all_ports:
            status = inspection.port_status.get(port.number)
            if status is None or status.state in ("free", "client"):
                continue
            if stranger(inspection, service, port) is not None:
                continue  # foreign-listener says it
            is_ours = status.state == "ours"
            yield RULE.finding(
                f"Port {port.number} of `{service.name}` is held by {_who(status)}.",
                inspection.at_port(service.name, port.role),
                severity=Severity.INFO if is_ours else None,
                service=service.name,
                hint=None if is_ours else _hint(status),
            )


def _hint(status: PortStatus) -> str:
    instead = next((holder.stop_with for holder in status.holders if holder.stop_with), None)
    return (
        f"instead of killing it: {instead}"
        if instead
        else f"`devstack ports --kill {status.port}` frees it safely"
    )


def _who(status: PortStatus) -> str:
    if not status.holders:
        return status.note or "somebody that cannot be seen"
    holder: Holder = status.holders[0]
    pid = "a process that cannot be seen" if holder.pid is None else f"pid {holder.pid}"
    command = f" `{holder.command[:60]}`" if holder.command else ""
    others = len({each.pid for each in status.holders}) - 1  # one process may listen on several addresses
    more = f" and {others} more" if others else ""
    return f"{_WHOSE[holder.holder_class]}:{command} ({pid}, {holder.user}, on {holder.address}){more}"


RULE = Rule(
    id="DS404",
    name="port-held",
    severity=Severity.ERROR,
    needs=Needs.HOST,
    page=__doc__ or "",
    check=check,
)
