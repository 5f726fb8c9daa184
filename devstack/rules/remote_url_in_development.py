"""A link to a service of this stack points to a public host.

## Why it matters
The local backend runs, but the page talks to production: changes seem to have no effect, and test data ends up
with real users. Usually a production URL was left in a development file.

Only links to services that this stack starts are judged; tunnels and private networks are left alone.

## Example
```
web/.env.local   NEXT_PUBLIC_API_URL=https://api.acme.dev     # stack.toml links it to the local `api`
```

## Mending
Put the local address into the development file, or declare the service as `external`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import hosts
from devstack.contract.links import Where
from devstack.patterns import regex
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

# Public names that lead back to this machine.
_TUNNELS = regex(
    r"(?:^|\.)(?:ngrok(?:-free)?\.(?:app|io|dev)|ngrok\.(?:app|io)|trycloudflare\.com|loca\.lt|devtunnels\.ms|gitpod\.io"
    r"|github\.dev|app\.github\.dev|ts\.net|localhost\.run|lhr\.life|pinggy\.\w+|serveo\.net|nip\.io|sslip\.io"
    r"|localtest\.me|lvh\.me|vcap\.me|tunnelmole\.net|zrok\.io|expose\.dev|sharedwithexpose\.com|webcontainer\.io"
    r"|csb\.app|replit\.dev|preview\.app\.daytona\.work)$"
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per link."""
    services = inspection.need_stack().services
    for judged, address in reach.sound(inspection):
        target = services[judged.link.to]
        if target.type is ServiceType.EXTERNAL or judged.resolution.where is not Where.PUBLIC:
            continue
        if inspection.environments[judged.link.source.service].mode == "production":
            continue  # then it is no development file
        entry = hosts.find(address.host) if address.is_websocket or judged.requirement.websocket else None
        if _TUNNELS.search(address.host) or (entry is not None and entry.websocket == "no"):
            continue  # `host-without-websocket` says more
        yield RULE.finding(
            f"{reach.name_of(judged)} must reach the local {reach.named(judged.target)}, but leads to the public host "
            f"`{address.host}`. What runs here is never asked.",
            reach.place(inspection, judged),
            reach.declared(inspection, judged),
            service=judged.link.source.service,
            hint=f"use the local address in development, or declare `{target.name}` as external",
        )


RULE = Rule(
    id="DS210", name="remote-url-in-development", severity=Severity.WARNING, page=__doc__ or "", check=check
)
