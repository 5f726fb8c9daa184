"""A service's list of allowed origins lacks the frontend's real origin.

## Why it matters
The browser sends `Origin: http://localhost:5173`. A server that allows only `http://localhost:3000` answers without
the CORS header or refuses the upgrade: the console shows a CORS error, or 403 and 1006 for a WebSocket.

Only `[[origins]]` of stack.toml are judged. `localhost` and `127.0.0.1` spellings are both accepted, wildcards and
patterns are followed, an unset variable says nothing.

## Example
```
ws/.env      CORS_ORIGIN=http://localhost:3000
stack.toml   [services.web] port = 5173
```

## Mending
Add the frontend's origin to the list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.contract.members import Effective
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_OTHER_NAMES = ("localhost", "127.0.0.1", "[::1]")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per allow-list and frontend."""
    stack = inspection.need_stack()
    for index, origins in enumerate(stack.origins):
        found = inspection.contract.effective(origins.source)
        if not found.is_known or not found.text:
            continue
        entries = allowed_entries(found.text)
        if entries is None:
            continue
        for name in origins.allows:
            service = stack.services.get(name)
            if service is None or service.port is None:
                continue
            if not any(allows(entry, origin) for entry in entries for origin in origins_of(service)):
                yield _finding(inspection, index, found, service, entries)


def origins_of(service: Service) -> tuple[str, ...]:
    """The origins under which a browser on this machine may open the frontend; the usual one first."""
    scheme = "https" if service.tls else "http"
    hosts = [*_OTHER_NAMES, *(host for host in service.hosts)]
    default = 443 if service.tls else 80
    port = "" if service.port == default else f":{service.port}"
    return tuple(f"{scheme}://{host}{port}" for host in hosts)


def allowed_entries(text: str) -> tuple[str, ...] | None:
    """The entries of a list as people write it: JSON, commas, semicolons or spaces; None when unreadable."""
    bare = text.strip()
    if bare.startswith("["):
        try:
            loaded = json.loads(bare.replace("'", '"'))
        except ValueError:
            return None
        return tuple(str(entry) for entry in loaded)
    if bare.lower() in ("true", "false", "none", "null", "self", "same-origin"):
        return None
    return tuple(entry.strip("\"'") for entry in re.split(r"[,;\s]+", bare) if entry)


def allows(entry: str, origin: str) -> bool:
    """Whether an entry lets an origin in. What cannot be decided counts as allowing."""
    if entry == "*":
        return True
    if entry.startswith("/") or re.search(r"[\\^$(|]", entry):
        try:
            return re.search(entry.strip("/"), origin) is not None
        except re.error:
            return True
    wanted = urls.parse(origin)
    if not urls.has_scheme(entry):
        host, _, port = entry.partition(":")
        return host in ("", wanted.host, "*") and port in ("", "*", str(wanted.port))
    if "*" in entry:
        return fnmatchcase(origin, entry.rstrip("/"))
    given = urls.parse(entry)
    return (given.scheme, given.host, given.effective_port) == (
        wanted.scheme,
        wanted.host,
        wanted.effective_port,
    )


def _finding(
    inspection: Inspection, index: int, found: Effective, service: Service, entries: tuple[str, ...]
) -> Finding:
    origin = origins_of(service)[0]
    shown = ", ".join(
        f"`{urls.parse(entry).shown}`" if urls.has_scheme(entry) else "another text" for entry in entries[:4]
    )
    return RULE.finding(
        f"`{found.name}` allows {shown}, but pages of `{service.name}` come from `{origin}`. The browser reports a "
        f"CORS error, and a WebSocket is refused with 403, which it shows as 1006.",
        evidence.place(inspection, found),
        inspection.at_key(f"services.{service.name}.port", note=f"{service.name} is served from {origin}"),
        inspection.at_key(f"origins.{index}", note=f"must allow {service.name}"),
        service=found.service,
        hint=f"add `{origin}` to the list",
    )


RULE = Rule(id="DS209", name="origin-not-allowed", severity=Severity.ERROR, page=__doc__ or "", check=check)
