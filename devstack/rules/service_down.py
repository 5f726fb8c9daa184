"""Nothing answers on a service's port.

## Why it matters
A page that connects to a port on which nobody listens gets `error` and WebSocket close code 1006, an HTTP
call gets `ERR_CONNECTION_REFUSED`. Neither says which process is missing.

## Example
`[services.ws] port = 3001`, and nothing listens on 127.0.0.1:3001 or [::1]:3001.

## Mending
`devstack up` starts everything in order; `devstack ps` says why a service is not up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules.base import Finding, Needs, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service with a port that nobody serves."""
    live = inspection.need_live()
    for service in inspection.need_stack().services.values():
        if service.port is None or service.type is ServiceType.EXTERNAL or live.is_listening(service):
            continue
        yield RULE.finding(
            f"Nothing listens on port {service.port} of service `{service.name}`; who connects is refused, and"
            " a browser shows WebSocket close code 1006.",
            inspection.at_port(service.name),
            service=service.name,
            hint=f"`devstack up {service.name}` starts it and what it needs",
        )


RULE = Rule(
    id="DS603", name="service-down", severity=Severity.WARNING, needs=Needs.LIVE, check=check, page=__doc__
)
