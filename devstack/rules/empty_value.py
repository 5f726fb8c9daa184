"""A required, shared or linked variable is set to nothing.

## Why it matters
`VITE_WS_URL=` is not the same as no line. With `||` the code goes on to its literal, with `??`, a `getenv`
default or a settings class it works with the empty text: `new WebSocket("")` throws, an empty signing key is
refused by the JWT library, and an empty line hides a value that another file would give.

Empty optional variables are normal and never reported. If the code's fallback reaches what the variable must
reach, it is only mentioned.

## Example
```
client/.env   VITE_LIVEKIT_URL=
client/src    import.meta.env.VITE_LIVEKIT_URL || 'ws://localhost:7880'
```

## Mending
Give it a value, or remove the line if the code's own default is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.rules import absence, evidence
from devstack.rules.absence import Absence
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per empty line that decides."""
    for each in absence.absences(inspection):
        value = each.effective.value
        if not each.is_empty or value is None:
            continue
        if value.origin.layer is LayerKind.PROCESS and any(shadow.text for shadow in value.shadows):
            continue  # an inherited empty variable hides the file's value: `shadowed-by-process`
        yield _finding(inspection, each)


def _finding(inspection: Inspection, found: Absence) -> Finding:
    serves = absence.fallback_serves(inspection, found)
    does = evidence.without_value(inspection, found.effective)
    places = [absence.where_missing(inspection, found)]
    if found.effective.fallback is not None:
        places.append(
            evidence.read_place(inspection, found.effective.fallback, note="the fallback used instead")
        )
    places.append(inspection.at_key(found.need.key, note=f"`{found.name}` {found.need.reason}"))
    tail = " That is what it must reach, so it works." if serves else _seen(found)
    return RULE.finding(
        f"`{found.name}` is set to nothing for {found.service}, although it {found.need.reason}. {does}{tail}",
        *places,
        severity=Severity.INFO if serves else Severity.ERROR,
        service=found.service,
        hint="remove the line, or give it a value" if serves else _hint(inspection, found),
    )


def _hint(inspection: Inspection, found: Absence) -> str:
    todo, value = f"give `{found.name}` its value", found.effective.value
    is_in_file = value is not None and value.origin.layer is not LayerKind.PROCESS
    # An example would mostly hold nothing, too.
    is_of_contract = found.need.link is not None or found.need.shared is not None
    return absence.to_do(inspection, [found], todo) if is_in_file and is_of_contract else todo


def _seen(found: Absence) -> str:
    if found.need.link is not None:
        return (
            f" `{found.need.link.to}` is never reached; the browser shows 1006 or a SyntaxError for the URL."
        )
    if found.need.shared is not None and found.need.shared.secret:
        return " Signing or verifying fails, or anybody can do it."
    return ""


RULE = Rule(id="DS107", name="empty-value", severity=Severity.ERROR, page=__doc__ or "", check=check)
