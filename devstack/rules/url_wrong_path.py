"""A link's URL has another path than the target serves its WebSocket on.

## Why it matters
The server answers 404, or 403 as FastAPI does, to an upgrade on a path it does not know. The browser shows 1006
and nothing else.

Compared with the link's `path`, else with the target's `websocket.path`. `base = true` says that the code appends
the path; a URL whose path is only the beginning of it is taken for such a base unless the link declares `path`.

## Example
```
web/.env     VITE_WS_URL=ws://localhost:3001/ws
stack.toml   [services.ws.websocket] path = "/socket"
```

## Mending
Correct the path in the URL or in stack.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.links import JudgedLink
from devstack.contract.urls import Address
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per link."""
    for judged, address in reach.sound(inspection):
        wanted = judged.requirement.path
        if wanted is None or not judged.reaches or is_path(wanted, address.path):
            continue
        is_base = f"{wanted.rstrip('/')}/".startswith(f"{address.path.rstrip('/')}/")
        if not judged.requirement.is_path_declared and is_base:
            continue  # the code may append the rest to it
        yield _finding(inspection, judged, address, wanted)


def is_path(wanted: str, path: str) -> bool:
    """Whether `path` is the wanted one; `{id}`, `:id` and `*` stand for any segment, a final slash is no matter."""
    pieces = [
        ".*"
        if piece == "*"
        else "[^/]+"
        if re.fullmatch(r"\{[^}]*\}|:\w+|<[^>]*>|\[[^\]]*\]", piece)
        else re.escape(piece)
        for piece in wanted.strip("/").split("/")
    ]
    return re.fullmatch("/".join(pieces), path.strip("/")) is not None


def _finding(inspection: Inspection, judged: JudgedLink, address: Address, wanted: str) -> Finding:
    return RULE.finding(
        f"{reach.name_of(judged)} leads to the path `{address.path or '/'}`, but {reach.named(judged.target)} "
        f"serves `{wanted}`. The server answers 404 or 403; {reach.seen(judged)}.",
        reach.place(inspection, judged),
        inspection.at_key(f"services.{judged.link.to}.websocket.path", note=f"serves {wanted}")
        if not judged.requirement.is_path_declared
        else reach.declared(inspection, judged),
        service=judged.link.source.service,
        hint=f"end the URL with `{wanted}`, or declare `base = true` on the link if the code appends the path",
    )


RULE = Rule(id="DS208", name="url-wrong-path", severity=Severity.ERROR, page=__doc__ or "", check=check)
