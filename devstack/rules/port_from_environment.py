"""An exported `PORT`, or that of a Procfile runner, reaches services that have ports of their own.

## Why it matters
Every process inherits it: a backend that reads `PORT` then listens on the frontend's port, or where
foreman and honcho count from 5000 in steps of 100. The env file does not help, because an exported
variable wins.

## Example
```
$ export PORT=3000
ws/main.py   port = int(os.getenv("PORT", "3001"))     # listens on 3000
```

## Mending
`unset PORT` before starting; or set `port_env = "PORT"` for the service in stack.toml, so that devstack
gives it its own; or read a variable of its own name (`WS_PORT`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.claims import Source, claims
from devstack.stack.model import Service, ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding: the cause is one exported variable."""
    exported = inspection.process_env.get("PORT", "")
    if not exported.isdecimal():
        return
    affected = [
        service
        for service in inspection.services
        if service.port is not None and service.port != int(exported) and _takes_it(inspection, service)
    ]
    if not affected:
        return
    names = ", ".join(f"`{service.name}` ({service.port})" for service in affected)
    yield RULE.finding(
        f"`PORT={exported}` is exported in this shell and reaches every service; {names} would take it instead "
        "of the declared port.",
        *(inspection.at_port(service.name) for service in affected),
        service=affected[0].name,
        hint="`unset PORT` before starting, or give the service `port_env` in stack.toml",
    )


def _takes_it(inspection: Inspection, service: Service) -> bool:
    """Whether the exported PORT decides where the service listens when nothing but its command is used."""
    if service.type is ServiceType.NEXT:
        return not any(
            claim.source is Source.COMMAND and claim.role == "main" for claim in claims(inspection, service)
        )
    if service.type not in (ServiceType.NODE, ServiceType.PYTHON, ServiceType.COMMAND):
        return False
    environment = inspection.environment(service.name)
    value = None if environment is None else environment.get("PORT")
    if value is None or value.origin.layer is not LayerKind.PROCESS:
        return False
    return "PORT" in inspection.read_names(service.name)


RULE = Rule(
    id="DS405", name="port-from-environment", severity=Severity.WARNING, page=__doc__ or "", check=check
)
