"""A page would have to talk to a port that browsers refuse.

## Why it matters
Browsers block a fixed list of ports (6000, 6665–6669, 5060, 10080 and others) before anything is sent.
`curl` works, the browser shows `ERR_UNSAFE_PORT` for a page and close code 1006 for a WebSocket.

## Example
```toml
[services.ws]
port = 6000
```

## Mending
Take another port. Services that only other services talk to may keep it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.links import is_for_browser
from devstack.host.port_numbers import is_browser_blocked
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import FRONTENDS, Stack

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per port that a page reaches."""
    stack = inspection.need_stack()
    linked = _linked(inspection, stack)
    for service in inspection.services:
        for port in service.all_ports:
            if not is_browser_blocked(port.number):
                continue
            is_page = port.role == "main" and service.type in FRONTENDS
            is_socket = port.role == "main" and service.websocket is not None
            if is_page or is_socket or (service.name, port.role) in linked:
                yield RULE.finding(
                    f"Browsers refuse port {port.number} of `{service.name}`: pages show ERR_UNSAFE_PORT, a "
                    "WebSocket closes with 1006, although other programs reach it.",
                    inspection.at_port(service.name, port.role),
                    service=service.name,
                    hint="take a port that browsers do not block, such as 3001",
                )


def _linked(inspection: Inspection, stack: Stack) -> set[tuple[str, str]]:
    """Services and roles that a browser is sent to by some link."""
    return {(link.to, link.role) for link in stack.links if is_for_browser(link, inspection.contract)}


RULE = Rule(id="DS408", name="browser-blocked-port", severity=Severity.ERROR, page=__doc__ or "", check=check)
