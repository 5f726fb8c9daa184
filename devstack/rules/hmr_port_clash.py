"""A hot-reload (HMR) or inspector port is also the port of a service.

## Why it matters
When the backend starts first, Vite logs one line (`WebSocket server error: Port 3001 is already in use`)
and goes on; the page's hot-reload client then connects to the *backend*, reloads in a loop or is let in.
When Vite starts first, the backend fails with EADDRINUSE, or a health check takes Vite's socket for the
backend. Of two processes with `--inspect` on 9229 the second one only says that the address is in use and runs
without: a warning.

## Example
```ts
export default { server: { hmr: { port: 3001 } } }     // ws listens on 3001
```

## Mending
Leave `server.hmr.port` out (HMR then shares the page's port), or give it a port that nobody else claims.
`clientPort`, which only says what the browser dials, never clashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.records import replace
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.claims import Claim, claims
from devstack.rules.port_clash import may_meet

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per pair of services and port; a page's own port is what HMR uses by default."""
    services = {service.name: service for service in inspection.services}
    everything = [claim for service in services.values() for claim in claims(inspection, service)]
    by_port: dict[int, list[Claim]] = {}
    for claim in everything:
        by_port.setdefault(claim.port, []).append(claim)
    told: set[tuple[str, int]] = set()
    for helper in sorted((claim for claim in everything if claim.is_helper), key=_most_concrete):
        for other in by_port[helper.port]:
            if other.service == helper.service:
                continue
            if (helper.service, helper.port) in told or (
                other.is_helper and (other.service, other.port) in told
            ):
                continue
            if may_meet(services[helper.service], services[other.service]):
                told.add((helper.service, helper.port))
                yield _finding(helper, other)


def _most_concrete(claim: Claim) -> bool:
    """The configuration's line before stack.toml's: there it is mended."""
    return claim.place.path.endswith("stack.toml")


def _finding(helper: Claim, other: Claim) -> Finding:
    kind = "hot reload" if helper.role == "hmr" else "the inspector"
    is_mild = helper.role.startswith("inspect") and other.role.startswith("inspect")  # Node goes on without
    effect = "the one that starts later fails with EADDRINUSE"
    if helper.role == "hmr":
        effect = (
            "the page's hot-reload client talks to the other program, or the second one fails with EADDRINUSE"
        )
    elif is_mild:
        effect = "the second one runs without its inspector, and a debugger that is meant for it gets the first one"
    return RULE.finding(
        f"`{helper.service}` uses port {helper.port} for {kind} ({helper.words}), which `{other.service}` "
        f"claims too ({other.words}): {effect}.",
        helper.place,
        replace(other.place, note=f"{other.service}: {other.words}"),
        severity=Severity.WARNING if is_mild else None,
        service=helper.service,
        hint=f"take another port for {kind}, or none at all",
    )


RULE = Rule(id="DS403", name="hmr-port-clash", severity=Severity.ERROR, page=__doc__ or "", check=check)
