"""Ports that containers publish on this machine, as their compose file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from devstack import foreign
from devstack.lines import split
from devstack.patterns import regex

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

# `5433:5432`, `127.0.0.1:5433:5432/tcp`; a container's port alone gets a free one, a range is left out.
_SHORT = regex(r"(?:.*:)?(?P<host>\d{1,5}):\d{1,5}(?:/tcp)?$")


def ports(inspection: Inspection, service: Service) -> Iterator[tuple[int, int | None]]:
    """(port on this machine, 1-based line) of what the service's container publishes, in order."""
    if service.compose is None:
        return
    body = _services(inspection, service.compose.path).get(service.compose.service)
    given = body.get("ports") if isinstance(body, dict) else None
    for entry in given if isinstance(given, list) else ():
        written = str(entry.get("published", "")) if isinstance(entry, dict) else str(entry)
        is_tcp = not isinstance(entry, dict) or entry.get("protocol", "tcp") == "tcp"
        text = _filled_in(inspection, service.name, written)
        found = _SHORT.match(f"{text}:0" if isinstance(entry, dict) else text)
        if found is not None and is_tcp and 0 < int(found["host"]) < 65536:
            yield int(found["host"]), _line(inspection, service, written)


def _services(inspection: Inspection, path: str) -> Mapping[str, Any]:
    document = inspection.once(_document, path)
    found = document.get("services") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _document(inspection: Inspection, path: str) -> object:
    try:
        return foreign.from_yaml(inspection.read_text(inspection.root / path) or "")
    except ValueError:
        return None


def _filled_in(inspection: Inspection, service: str, text: str) -> str:
    """The text as compose reads it; "" where a reference cannot be followed."""
    if "$" not in text:
        return text
    from devstack.env.loaders import compose_template
    from devstack.env.loaders.flat import MultipliedError

    environment = inspection.environment(service)
    known = {} if environment is None else dict(environment.process)
    for name, value in () if environment is None else environment.variables.items():
        if value.unknown is not None:
            return ""
        if value.text is not None:
            known[name] = value.text
    try:
        return compose_template.substitute(text, known)
    except (compose_template.TemplateError, MultipliedError):
        return ""


def _line(inspection: Inspection, service: Service, written: str) -> int | None:
    """The first line that holds the text, below the one that names the container's service."""
    assert service.compose is not None
    lines = split(inspection.read_text(inspection.root / service.compose.path) or "")
    heads = (
        at for at, line in enumerate(lines) if line.strip().strip("\"'").startswith(service.compose.service)
    )
    start = next(heads, 0)
    return next((at + 1 for at in range(start, len(lines)) if written in lines[at]), None)
