"""A service that runs in a container is given the localhost address of another service.

## Why it matters
Inside a container localhost is the container itself. The connection is refused although the service runs, and the
same address works from a terminal.

## Example
```
stack.toml   [services.api] type = "compose"
api/.env     REDIS_URL=redis://localhost:6379
```

## Mending
Use the other container's name, or `host.docker.internal` for what runs on this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.links import Where, resolve
from devstack.env.model import LayerKind
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_DOCKER = re.compile(r"^\s*(?:docker|podman|nerdctl)\s+(?:compose\s+)?(?:run|up|exec)\b|^\s*docker-compose\s")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per value."""
    stack = inspection.need_stack()
    for service in stack.services.values():
        environment = inspection.environment(service.name)
        if environment is None or not _is_in_container(inspection, service):
            continue
        for name, value in environment.variables.items():
            text = value.text or ""
            if (
                value.unknown is not None
                or value.origin.layer is LayerKind.PROCESS
                or not urls.has_scheme(text)
            ):
                continue
            address = urls.parse(text)
            if address.faults or not urls.is_loopback(address.host):
                continue
            found = resolve(address, stack)
            target = next((each for each in found.targets if each.service != service.name), None)
            if found.where is Where.LOCAL and target is not None:
                yield RULE.finding(
                    f"`{service.name}` runs in a container, where {reach.shown(text)} is the container itself and not "
                    f"{reach.named(target)}: the connection is refused.",
                    inspection.at_origin(value.origin, name),
                    service=service.name,
                    hint="use the container's name, or host.docker.internal for what runs on this machine",
                )


def _is_in_container(inspection: Inspection, service: Service) -> bool:
    if service.type is ServiceType.COMPOSE:
        text = inspection.read_text(inspection.root / service.compose.path) if service.compose else None
        return not re.search(r"network_mode:\s*[\"']?host", text or "")
    command = service.command or ""
    return bool(_DOCKER.search(command)) and "--network host" not in command and "--net=host" not in command


RULE = Rule(
    id="DS215", name="loopback-in-container", severity=Severity.WARNING, page=__doc__ or "", check=check
)
