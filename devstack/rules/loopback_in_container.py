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
from typing import TYPE_CHECKING, Any

from devstack import foreign
from devstack.contract import urls
from devstack.contract.links import Target, Where, resolve
from devstack.lines import split
from devstack.patterns import regex
from devstack.rules import reach
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_DOCKER = regex(r"^\s*(?:docker|podman|nerdctl)\s+(?:compose\s+)?(?:run|up|exec)\b|^\s*docker-compose\s")
# Its `--env-file` fills in the compose file, and is no file of the container.
_COMPOSE = regex(r"^\s*\S+\s+compose\s|^\s*docker-compose\s")
_RUN_FILES = regex(r"--env-file[=\s]+([^\s'\"]+)")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per value: declared links first, then addresses that only a client can be meant by."""
    stack = inspection.need_stack()
    inside = {service.name for service in stack.services.values() if _is_in_container(inspection, service)}
    for judged, address in reach.sound(inspection):
        source = judged.link.source.service
        if source not in inside or judged.requirement.browser or not judged.link.wait:
            continue
        if urls.is_loopback(address.host) and judged.reaches and judged.link.to != source:
            yield _finding(
                source, judged.effective.text or "", judged.target, reach.place(inspection, judged)
            )
    for name in sorted(inside):
        yield from _unlinked(inspection, stack.services[name])


def _unlinked(inspection: Inspection, service: Service) -> Iterator[Finding]:
    """Databases and brokers: http addresses are often meant for people and pages."""
    declared = inspection.declared(service.name)
    for name, text, place in _given(inspection, service):
        if name in declared or not urls.has_scheme(text):
            continue
        address = urls.parse(text)
        if address.faults or address.scheme in urls.WEB_SCHEMES or not urls.is_loopback(address.host):
            continue
        found = resolve(address, inspection.need_stack())
        target = next((each for each in found.targets if each.service != service.name), None)
        if found.where is Where.LOCAL and target is not None:
            yield _finding(service.name, text, target, place)


def _given(inspection: Inspection, service: Service) -> Iterator[tuple[str, str, Location]]:
    """What the container gets: literals of the compose file, else the files that `docker run --env-file` names.

    A `.env` beside a compose file only fills in `${…}`; it reaches no container by itself.
    """
    if service.compose is None:
        command = service.command or ""
        named = [] if _COMPOSE.search(command) else _RUN_FILES.findall(command)
        paths = {inspection.real(inspection.folder(service) / name) for name in named}
        addresses = inspection.variables.holding("://") if paths else frozenset()
        for _, name, value in inspection.variables.take(addresses, service.name):
            path = value.origin.path
            if value.unknown is None and value.text and path is not None and inspection.real(path) in paths:
                yield name, value.text, inspection.at_origin(value.origin, name)
        return
    path = inspection.root / service.compose.path
    text = inspection.read_text(path) or ""
    lines = split(text)
    for name, literal in _compose_literals(text, service.compose.service):
        line = next((at for at, each in enumerate(lines, 1) if name in each and literal in each), None)
        yield name, literal, inspection.at(path, line, variable=name)


def _compose_literals(text: str, service: str) -> Iterator[tuple[str, str]]:
    try:
        document: Any = foreign.from_yaml(text)
        given = document["services"][service].get("environment") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    pairs = given.items() if isinstance(given, dict) else (str(entry).partition("=")[::2] for entry in given)
    for name, value in pairs:
        if isinstance(value, str) and "$" not in value:
            yield str(name), value


def _finding(service: str, text: str, target: Target, place: Location) -> Finding:
    return RULE.finding(
        f"`{service}` runs in a container, where {reach.shown(text)} is the container itself and not "
        f"{reach.named(target)}: the connection is refused.",
        place,
        service=service,
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
