"""A health answer names another port than stack.toml, or says that the WebSocket is not available.

## Why it matters
The health path answers 200, so everything looks well, while the socket listens elsewhere or is switched
off: the page shows 1006.

## Example
`GET /health` gives `{"status": "ok", "websocket": "disabled", "port": 8080}`; stack.toml says port 3001.

## Mending
Mend the port in stack.toml or the variable that the server takes its port from; switch the WebSocket on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from devstack.rules.base import Finding, Needs, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

UNAVAILABLE = frozenset(
    {"unavailable", "disabled", "off", "down", "false", "error", "closed", "not available"}
)
PORT_KEYS = ("port", "ws_port", "wsPort", "websocket_port", "websocketPort")
SOCKET_KEYS = ("websocket", "websockets", "ws", "socket")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per contradiction."""
    live = inspection.need_live()
    for service in inspection.need_stack().services.values():
        answer = live.health(service)
        body = answer.json() if answer is not None else None
        if not isinstance(body, dict):
            continue
        for contradiction in _contradictions(body, service):
            yield RULE.finding(
                f"The health answer of `{service.name}` contradicts stack.toml: {contradiction}.",
                inspection.at_key(f"services.{service.name}.ready"),
                service=service.name,
                hint="mend stack.toml, or the setting that the server takes it from",
            )


def _contradictions(body: Mapping[object, object], service: Service) -> Iterator[str]:
    declared = {port.number for port in service.all_ports}
    for key in PORT_KEYS:
        port = body.get(key)
        if isinstance(port, str) and port.isdecimal():
            port = int(port)
        if isinstance(port, int) and not isinstance(port, bool) and port not in declared:
            yield f"it says {key} {port}, stack.toml says {service.port}"
    if service.websocket is None:
        return
    for key in SOCKET_KEYS:
        said = body.get(key)
        if said is False or (isinstance(said, str) and said.lower() in UNAVAILABLE):
            yield f"it says that the WebSocket is not available ({key})"


RULE = Rule(
    id="DS608",
    name="health-contradicts-stack",
    severity=Severity.WARNING,
    needs=Needs.LIVE,
    check=check,
    page=__doc__,
)
