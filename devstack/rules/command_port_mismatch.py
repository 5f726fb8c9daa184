"""A service's own command, configuration or variable names another port than stack.toml.

## Why it matters
The program listens where it says, devstack waits and sends clients where stack.toml says: the gate never
opens, or another program answers it.

## Example
```
stack.toml         port = 3000
web/package.json   "dev": "next dev -p 4000"
```

## Mending
Write the same port in both places, or remove it from the command: devstack passes it to Next and Vite.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules.absence import uncopied_example
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.claims import Claim, Source, claims

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service: the claim that wins when the program starts."""
    taken = {service.port for service in inspection.services if service.port is not None}
    for service in inspection.services:
        if service.port is None:
            continue
        declared = {port.number for port in service.all_ports}
        for claim in claims(inspection, service):
            if claim.source is Source.STACK or claim.role != "main":
                continue
            if _is_in_example(inspection, service, claim):
                break  # copying it brings the port
            if claim.port not in declared and claim.port not in taken and 0 < claim.port <= 65535:
                yield RULE.finding(
                    f"`{service.name}` will listen on {claim.port} ({claim.words}), but stack.toml says "
                    f"{service.port}: whoever waits for {service.port} or links to it finds nobody there.",
                    claim.place,
                    inspection.at_port(service.name, note=f"port = {service.port}"),
                    # What else the program imports may listen, too.
                    severity=Severity.WARNING if claim.source is Source.LITERAL else None,
                    service=service.name,
                    hint=f"write {service.port} in both places, or `port = {claim.port}` in stack.toml",
                )
            break


def _is_in_example(inspection: Inspection, service: Service, claim: Claim) -> bool:
    """Whether the default counts only until the example is copied, which sets the declared port."""
    name = claim.place.variable
    if claim.source is not Source.FALLBACK or name is None:
        return False
    uncopied = uncopied_example(inspection, service.name, (name,))
    file = None if uncopied is None else inspection.env_file(uncopied[0])
    return file is not None and any(
        entry.name == name and entry.raw.strip("'\" ") == str(service.port) for entry in file.assignments
    )


RULE = Rule(
    id="DS409", name="command-port-mismatch", severity=Severity.ERROR, page=__doc__ or "", check=check
)
