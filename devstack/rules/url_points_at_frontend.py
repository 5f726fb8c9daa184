"""A socket or API URL leads to the port of a Next or Vite page, or to its HMR socket.

## Why it matters
Dev servers never answer an upgrade that is not theirs: the connection hangs for minutes, and because a browser
opens one handshake at a time per host and port, hot reload hangs with it and the page stays blank. The HMR socket
even says "connected" to a client that sends no Origin.

Not reported where the dev server forwards the path to the target (`server.proxy`, `rewrites`), nor for a
frontend with a server of its own.

## Example
```
web/.env   VITE_WS_URL=ws://localhost:5173/ws     # Vite's own port
```

## Mending
Put the backend's port into the URL, or forward the path: `server: { proxy: { '/ws': { target, ws: true } } }`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.links import JudgedLink, Target
from devstack.contract.proxies import Forwarding, forwarding
from devstack.contract.urls import Address
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.url_wrong_port import frontend_at, misses

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per link."""
    for judged, address in reach.sound(inspection):
        frontend = frontend_at(inspection, judged) if misses(inspection, judged, address) else None
        if frontend is None:
            continue
        service = inspection.need_stack().services[frontend]
        way = forwarding(inspection.contract, service, address, judged.target)
        if way is Forwarding.UNKNOWN or way is Forwarding.YES:
            continue
        yield _finding(inspection, judged, address, frontend, way)


def _finding(
    inspection: Inspection, judged: JudgedLink, address: Address, frontend: str, way: Forwarding
) -> Finding:
    port = reach.port_of(inspection, judged.target)
    is_hmr = Target(service=frontend, role="hmr") in judged.resolution.targets
    what = "the HMR socket" if is_hmr else "the page's dev server"
    hint = f"put {judged.link.to}'s port {port} into the URL, or forward the path in the dev server's configuration"
    if way is Forwarding.WITHOUT_UPGRADE:
        hint = f"add `ws: true` to that proxy entry, or put {judged.link.to}'s port {port} into the URL"
        seen = "Its proxy forwards the path, but without `ws: true` never the upgrade: the connection hangs."
    elif address.is_websocket:
        seen = "It never answers the upgrade: the connection hangs for minutes, then the browser shows 1006."
    else:
        seen = "It answers with a page or 404 instead of the service."
    fix = (
        None if port is None or way is Forwarding.WITHOUT_UPGRADE else reach.to_port(inspection, judged, port)
    )
    return RULE.finding(
        f"{reach.name_of(judged)} must reach {reach.named(judged.target)}, but port {address.effective_port} is "
        f"{what} of `{frontend}`. {seen}",
        reach.place(inspection, judged),
        inspection.at_port(frontend, "hmr" if is_hmr else "main", note=f"{frontend}'s port"),
        reach.declared(inspection, judged),
        service=judged.link.source.service,
        hint=hint,
        fix=fix,
    )


RULE = Rule(
    id="DS204", name="url-points-at-frontend", severity=Severity.ERROR, page=__doc__ or "", check=check
)
