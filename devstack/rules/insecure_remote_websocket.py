"""A WebSocket to a public host without TLS.

## Why it matters
Tokens in the URL and everything said travel readable, and a page that is served over https may not open such a
connection at all. Many hosts redirect `ws://` to `https://`, which a WebSocket client cannot follow: 1006.

## Example
```
web/.env.production   NEXT_PUBLIC_WS_URL=ws://api.acme.dev/ws
```

## Mending
Use `wss://`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import hosts, urls
from devstack.rules import mixed_content, reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.web_addresses import socket_addresses

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per place."""
    inspection.need_stack()
    mixed = {
        (finding.locations[0].path, finding.locations[0].line) for finding in mixed_content.check(inspection)
    }
    for found in socket_addresses(inspection):
        if found.address.scheme != "ws" or not urls.is_public(found.address.host):
            continue
        if (found.place.path, found.place.line) in mixed:
            continue  # the page is https: the browser does not even try
        entry = hosts.find(found.address.host)
        tail = f" {entry.name} accepts TLS only." if entry is not None and entry.tls_only else ""
        what = f"`{found.name}`" if found.name else "This address"
        yield RULE.finding(
            f"{what} opens a WebSocket to the public host `{found.address.host}` without TLS "
            f"({reach.shown(found.text)}): tokens travel readable, and an https page may not open it.{tail}",
            found.place,
            service=found.service,
            hint="use wss://",
        )


RULE = Rule(
    id="DS213", name="insecure-remote-websocket", severity=Severity.WARNING, page=__doc__ or "", check=check
)
