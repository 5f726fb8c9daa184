"""A value stands in a file that its reader never loads.

## Why it matters
Next and Vite read env files of their own folder only, python-dotenv reads `.env` and not `.env.local`, Next never
loads `.env.staging`. The file looks right, the program finds nothing, and falls back or stops.

## Example
```
.env.local          LIVEKIT_API_SECRET=…      # the agent calls load_dotenv(): only .env
web/src/.env        VITE_WS_URL=…             # Vite reads web/.env
```

## Mending
Move the line to the file that is read, or tell the program to read this one (`load_dotenv(".env.local")`,
`envDir`, a symlink).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules import absence, evidence
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per needed variable that stands in an unread file."""
    for each in absence.absences(inspection):
        if each.is_empty or absence.misspelling(inspection, each) is not None:
            continue
        if absence.fallback_serves(inspection, each):
            continue  # a production file, and a default that is right for development
        places = absence.elsewhere(inspection, each.service, each.need.reference.names)
        if not places:
            continue
        reads = _files_read(inspection, each.service)
        yield RULE.finding(
            f"`{places[0].variable}` stands in {places[0].path}, which {each.service}'s program never reads; "
            f"it {each.need.reason}. {evidence.without_value(inspection, each.effective)}",
            *places,
            evidence.where_to_set(inspection, each.service, each.name, note="where it would be read"),
            inspection.at_key(each.need.key, note=f"`{each.name}` {each.need.reason}"),
            service=each.service,
            hint=f"move the line to a file that is read ({reads}), or let the program read {places[0].path}",
        )


def _files_read(inspection: Inspection, service: str) -> str:
    environment = inspection.environments[service]
    names = [inspection.shown(layer.path) for layer in environment.layers]
    return ", ".join(names[:4]) or "it reads none"


RULE = Rule(
    id="DS108", name="defined-where-not-read", severity=Severity.ERROR, page=__doc__ or "", check=check
)
