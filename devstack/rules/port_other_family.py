"""Different processes answer on the IPv4 and the IPv6 loopback address of one port.

## Why it matters
`localhost` is `::1` for some programs and `127.0.0.1` for others: the browser talks to one server, the
health check to the other. Both look alive, one of them is not yours.

## Example
`[::1]:5173` is an old Vite of another project, `127.0.0.1:5173` is this one.

## Mending
Stop the one that does not belong here (`devstack ports` names both), or write 127.0.0.1 into the URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules.base import Finding, Needs, Rule, Severity

if TYPE_CHECKING:
    from devstack.host.ports import PortStatus
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per declared port."""
    for service in inspection.services:
        for port in service.all_ports:
            status = inspection.port_status.get(port.number)
            if status is None or not _is_split(status):
                continue
            yield RULE.finding(
                f"Port {port.number} of `{service.name}`: {status.note}.",
                inspection.at_port(service.name, port.role),
                service=service.name,
                hint="`devstack ports` names both; stop the one that does not belong here",
            )


def _is_split(status: PortStatus) -> bool:
    four = {holder.pid for holder in status.holders if ":" not in holder.address}
    six = {holder.pid for holder in status.holders if ":" in holder.address}
    return bool(four) and bool(six) and not four & six


RULE = Rule(
    id="DS406",
    name="port-other-family",
    severity=Severity.ERROR,
    needs=Needs.HOST,
    page=__doc__ or "",
    check=check,
)
