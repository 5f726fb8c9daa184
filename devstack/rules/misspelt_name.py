"""A needed variable is missing and one whose name is a slip away exists.

## Why it matters
`LIVEKIT_API_SECERT=…` sets a variable that nobody reads. The program says that `LIVEKIT_API_SECRET` is missing,
and the line looks right to everybody who reads the file.

## Example
```
agent/.env.local   LIVEKIT_API_SECERT=…    # the agent reads LIVEKIT_API_SECRET
```

## Mending
Rename the variable on the line that is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.nearest import is_one_slip
from devstack.rules import absence
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per misspelt line."""
    for each in absence.absences(inspection):
        found = None if each.is_empty else absence.misspelling(inspection, each)
        if found is None:
            continue
        name, place = found
        if not name.isascii():
            continue  # `invisible-characters` names the letter
        wanted = min(each.need.reference.names, key=lambda other: (not is_one_slip(name, other), other))
        yield RULE.finding(
            f"{each.service} needs `{wanted}`, which is not set; this line sets `{name}`, which is one slip away. "
            "The program finds no value.",
            place,
            inspection.at_key(each.need.key, note=f"`{wanted}` {each.need.reason}"),
            service=each.service,
            hint=f"rename `{name}` to `{wanted}`",
        )


RULE = Rule(id="DS109", name="misspelt-name", severity=Severity.ERROR, page=__doc__ or "", check=check)
