"""`3001`, `3000-3010`, `ws`, `web.hmr`: which ports are meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from devstack.errors import UsageError
from devstack.host.port_numbers import LAST, is_valid
from devstack.nearest import did_you_mean
from devstack.records import dataclass

InUse = Mapping[tuple[str, str], int]

if TYPE_CHECKING:
    from devstack.stack.model import Stack

_NUMBERS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A port that is meant, with its declaration if it has one.

    Attributes:
        declared: what stack.toml says, where the living run uses `port` instead.
        claimed_by: what names the port, where stack.toml does not; "" where it does.
    """

    port: int
    service: str = ""
    role: str = ""
    declared: int | None = None
    claimed_by: str = ""


def declared_ports(stack: Stack | None, in_use: InUse | None = None) -> list[Asked]:
    """Every port of every service and role, in the order of stack.toml."""
    services = [] if stack is None else stack.services.values()
    moved = in_use or {}
    return [
        Asked(
            port=moved.get((service.name, port.role), port.number),
            service=service.name,
            role=port.role,
            declared=port.number if (service.name, port.role) in moved else None,
        )
        for service in services
        for port in service.all_ports
    ]


def asked_ports(targets: Iterable[str], declared: list[Asked]) -> list[Asked]:
    """The ports that `targets` name, each once; without targets all declared. Raises UsageError."""
    wanted = tuple(targets)
    if not wanted:
        return declared
    found: dict[tuple[int, str, str], Asked] = {}
    for target in wanted:
        for entry in _of_target(target, declared):
            found.setdefault((entry.port, entry.service, entry.role), entry)
    return list(found.values())


def _of_target(target: str, declared: list[Asked]) -> list[Asked]:
    numbers = _NUMBERS.fullmatch(target)
    if numbers is None:
        return _of_service(target, declared)
    first, last = int(numbers[1]), int(numbers[2] or numbers[1])
    if not is_valid(first) or not is_valid(last):
        raise UsageError(f"`{target}`: ports go from 1 to {LAST}.")
    if last < first:
        raise UsageError(f"`{target}`: the range ends before it starts.", hint=f"{last}-{first}")
    found: list[Asked] = []
    for port in range(first, last + 1):
        found += [entry for entry in declared if entry.port == port] or [Asked(port=port)]
    return found


def _of_service(target: str, declared: list[Asked]) -> list[Asked]:
    service, _, role = target.replace(":", ".").partition(".")
    found = [entry for entry in declared if entry.service == service and role in ("", entry.role)]
    if found:
        return found
    names = list(dict.fromkeys(entry.service for entry in declared))
    roles = [f"{entry.service}.{entry.role}" for entry in declared]
    hint = did_you_mean(target, [*names, *roles], f"services with ports: {', '.join(names) or 'none'}")
    raise UsageError(f"`{target[:60]}` is no port, range or service with a port.", hint=hint)
