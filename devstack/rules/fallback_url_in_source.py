"""Source holds a literal URL that is used when the variable gives nothing, and it leads elsewhere.

## Why it matters
`import.meta.env.VITE_LIVEKIT_URL || 'ws://localhost:7880'` connects to a server nobody started as soon as the
variable is unset or empty, and says nothing. While server and agent use another address the client shows only that
it cannot connect.

It is an error while the fallback is used and does not reach the link's target (or differs from the other members
of its shared group); otherwise it is only mentioned. Only variables that stack.toml links or shares are judged.

## Example
```
client/src/livekit.ts   const url = import.meta.env.VITE_LIVEKIT_URL || 'ws://localhost:7880'
client/.env             VITE_LIVEKIT_URL=
```

## Mending
Set the variable, or write the address that development really uses into the fallback.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.members import Provenance
from devstack.contract.needs import Need, needs
from devstack.env.source.model import SourceRead
from devstack.rules import absence, evidence, reach
from devstack.rules.absence import Absence
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.contract.members import Effective
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per literal."""
    stack = inspection.need_stack()
    for need in needs(stack):
        if (need.link is None and need.shared is None) or need.reference.service not in stack.services:
            continue
        effective = inspection.contract.effective(need.reference)
        for read in inspection.sources(need.reference.service).reads:
            if read.name in need.reference.names and read.fallback and urls.has_scheme(read.fallback):
                yield from _judge(inspection, need, effective, read)


def _judge(inspection: Inspection, need: Need, effective: Effective, read: SourceRead) -> Iterator[Finding]:
    if effective.unknown is not None:
        return
    used = effective.provenance is Provenance.FALLBACK and effective.text == read.fallback
    literal = reach.shown(read.fallback)
    if not used:
        if need.link is not None and effective.provenance is Provenance.ENVIRONMENT and effective.text:
            yield RULE.finding(
                f"The source holds {literal} for the day `{read.name}` is missing. It is not used now.",
                evidence.read_place(inspection, read),
                severity=Severity.INFO,
                service=need.reference.service,
            )
        return
    serves = absence.fallback_serves(inspection, Absence(need=need, effective=effective))
    if serves:
        return  # `missing-variable` or `empty-value` mentions it
    target = f"`{need.link.to}`" if need.link is not None else "what the other readers use"
    state = "set to nothing" if effective.value is not None else "not set"
    yield RULE.finding(
        f"`{read.name}` is {state}, so {need.reference.service} uses the literal {literal} in its source; "
        f"that is not {target}. The connection fails, the browser shows 1006.",
        evidence.read_place(inspection, read),
        evidence.where_to_set(inspection, need.reference.service, read.name or "", note="where it belongs")
        if effective.value is None
        else inspection.at_origin(effective.value.origin, read.name, note="set to nothing here"),
        inspection.at_key(need.key, note=f"`{read.name}` {need.reason}"),
        service=need.reference.service,
        hint=f"set `{read.name}`; that mends `{'missing-variable' if effective.value is None else 'empty-value'}`, too",
    )


RULE = Rule(
    id="DS202", name="fallback-url-in-source", severity=Severity.ERROR, page=__doc__ or "", check=check
)
