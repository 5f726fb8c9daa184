"""An https page is given a ws:// or http:// address of another machine.

## Why it matters
Browsers block insecure connections of a secure page before a packet is sent: the console shows a SecurityError or
"mixed content", and the WebSocket constructor throws. Loopback addresses are exempt.

A page is known to be https when its service declares `tls = true`, or when its environment gives its own address
as `https://`.

## Example
```
web/.env     NEXT_PUBLIC_APP_URL=https://app.dev.lan
             NEXT_PUBLIC_WS_URL=ws://192.168.1.20:3001
```

## Mending
Serve the backend with TLS and use `wss://`, or open the page over http.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.env.model import LayerKind
from devstack.patterns import regex
from devstack.rules import reach
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_PAGE_NAME = regex(
    r"^(?:(?:NEXT_PUBLIC|VITE|PUBLIC)_)?(?:APP|SITE|FRONTEND|PUBLIC|WEB|NEXTAUTH|AUTH)_(?:URL|ORIGIN)$"
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per public variable of an https page."""
    addresses = inspection.variables.holding("://")
    for service in inspection.need_stack().services.values():
        environment = inspection.environment(service.name)
        if environment is None or service.type not in FRONTENDS:
            continue
        page = _secure_page(inspection, service)
        if page is None:
            continue
        public = addresses & inspection.variables.public
        for _, name, value in inspection.variables.take(public, service.name):
            text = value.text or ""
            if value.origin.layer is not LayerKind.FILE or _PAGE_NAME.match(name) or not _is_blocked(text):
                continue
            secure = "wss" if urls.parse(text).is_websocket else "https"
            yield RULE.finding(
                f"The page is https, but `{name}` is {reach.shown(text)}: the browser blocks the connection as mixed "
                "content before it leaves.",
                inspection.at_origin(value.origin, name),
                page,
                service=service.name,
                hint=f"use `{secure}://` and serve it with TLS",
            )


def _is_blocked(text: str) -> bool:
    """Whether an https page may not connect there: no TLS, and not this machine, which browsers exempt."""
    if not urls.has_scheme(text):
        return False
    address = urls.parse(text)
    if address.scheme not in ("ws", "http") or address.faults or reach.is_template(address):
        return False
    host = address.host
    return not (urls.is_loopback(host) or urls.is_single_label(host) or urls.is_unspecified(host))


def _secure_page(inspection: Inspection, service: Service) -> Location | None:
    """Where it is said that the page is https."""
    if service.tls:
        return inspection.at_key(f"services.{service.name}.tls", note="the page is https")
    for _, name, value in inspection.variables.take(inspection.variables.holding("://"), service.name):
        if not _PAGE_NAME.match(name) or not (value.text or "").lower().startswith("https://"):
            continue
        return inspection.at_origin(value.origin, name, note="the page is https")
    return None


RULE = Rule(id="DS211", name="mixed-content", severity=Severity.ERROR, page=__doc__ or "", check=check)
