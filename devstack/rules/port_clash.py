"""Two services claim the same port.

## Why it matters
The second one to start fails with EADDRINUSE, or moves to another port without being asked (Next and Vite
do), and its clients then talk to the first one.

## Example
```
[services.web]   port = 3000
ws/.env          PORT=3000       # which ws/main.py reads
```

## Mending
Give one of them another port, in the place that the finding names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.records import replace
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.claims import Claim, Source, claims
from devstack.rules.wording import named
from devstack.stack.model import Service, ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


_NAMED = 6


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per port."""
    services = {service.name: service for service in inspection.services}
    for port, clashing in clashes(inspection):
        has_container = any(services[claim.service].type is ServiceType.COMPOSE for claim in clashing)
        yield _finding(port, clashing, has_container=has_container)


def clashes(inspection: Inspection) -> Iterator[tuple[int, list[Claim]]]:
    """Each port that several services claim which may run at once, with one claim of each of them."""
    services = {service.name: service for service in inspection.services}
    by_port: dict[int, dict[str, Claim]] = {}
    for service in services.values():
        for claim in claims(inspection, service):
            if not claim.is_helper:
                by_port.setdefault(claim.port, {}).setdefault(service.name, claim)
    for port, claimants in by_port.items():
        # What was declared stands first: a command or a file that says otherwise is where it is mended.
        claims_of_port = sorted(claimants.values(), key=lambda claim: claim.source is not Source.STACK)
        clashing = [
            claim
            for claim in claims_of_port
            if any(
                other is not claim and may_meet(services[claim.service], services[other.service])
                for other in claims_of_port
            )
        ]
        if clashing:
            yield port, clashing


def may_meet(left: Service, right: Service) -> bool:
    """Whether both can run at once on the same address."""
    if left.profiles and right.profiles and not set(left.profiles) & set(right.profiles):
        return False
    return not (left.host and right.host and _is_specific(left.host, right.host))


def _is_specific(left: str, right: str) -> bool:
    anywhere = {"0.0.0.0", "::", "localhost"}
    return left != right and left not in anywhere and right not in anywhere


def _finding(port: int, clashing: list[Claim], *, has_container: bool) -> Finding:
    first, other, *more = clashing
    names = (
        named((claim.service for claim in clashing), _NAMED)
        if more
        else f"`{first.service}` and `{other.service}`"
    )
    why = "; ".join(dict.fromkeys((first.words, other.words)))
    way = f"give `{other.service}` a port of its own"
    return RULE.finding(
        f"{names} {'all' if more else 'both'} claim port {port} ({why}): the one that starts "
        "later fails with EADDRINUSE or moves away.",
        other.place,
        *(replace(claim.place, note=f"{claim.service}: {claim.words}") for claim in (first, *more)),
        service=other.service,
        hint=f"{way}, or remove what is not meant to run beside it" if has_container or more else way,
    )


RULE = Rule(id="DS402", name="port-clash", severity=Severity.ERROR, page=__doc__ or "", check=check)
