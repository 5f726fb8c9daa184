"""Source holds a literal URL that is used when the variable gives nothing, and it leads elsewhere.

## Why it matters
`import.meta.env.VITE_LIVEKIT_URL || 'ws://localhost:7880'` connects to a server nobody started as soon as the
variable is unset or empty, and says nothing. While server and agent use another address the client shows only that
it cannot connect.

It is an error while the fallback is used and does not reach the link's target (or differs from the other members
of its shared group); while the variable is set it is only mentioned. Only variables that stack.toml links or shares
are judged.

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
from devstack.records import replace
from devstack.rules import absence, evidence, reach
from devstack.rules.absence import Absence
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.contract.members import Effective
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per variable and literal, at the first place that holds it."""
    stack = inspection.need_stack()
    for need in needs(stack):
        if (need.link is None and need.shared is None) or need.reference.service not in stack.services:
            continue
        effective = inspection.contract.effective(need.reference)
        same: dict[tuple[str | None, str], list[SourceRead]] = {}
        for read in inspection.sources(need.reference.service).reads:
            if read.name in need.reference.names and read.fallback and urls.has_scheme(read.fallback):
                same.setdefault((read.name, read.fallback), []).append(read)
        for reads in same.values():
            yield from _judge(inspection, need, effective, reads)


def _judge(
    inspection: Inspection, need: Need, effective: Effective, reads: list[SourceRead]
) -> Iterator[Finding]:
    if effective.unknown is not None or _serves(inspection, need, effective, reads[0]):
        return  # where it is used, `missing-variable` or `empty-value` mentions it
    if effective.provenance is Provenance.FALLBACK and effective.text == reads[0].fallback:
        yield _used(inspection, need, effective, reads)
    elif need.link is not None and effective.provenance is Provenance.ENVIRONMENT and effective.text:
        yield RULE.finding(
            f"The source holds {reach.shown(reads[0].fallback)} for the day `{reads[0].name}` is missing; "
            f"`{need.link.to}` is elsewhere. It is not used now.",
            *(evidence.read_place(inspection, read) for read in reads),
            severity=Severity.INFO,
            service=need.reference.service,
        )


def _serves(inspection: Inspection, need: Need, effective: Effective, read: SourceRead) -> bool:
    """Whether the literal is, or would be, as good as the value."""
    as_fallback = replace(effective, text=read.fallback, provenance=Provenance.FALLBACK)
    return absence.fallback_serves(inspection, Absence(need=need, effective=as_fallback))


def _used(inspection: Inspection, need: Need, effective: Effective, reads: list[SourceRead]) -> Finding:
    name, value = reads[0].name or "", effective.value
    target = f"`{need.link.to}`" if need.link is not None else "what the other readers use"
    state = "set to nothing" if value is not None else "not set"
    return RULE.finding(
        f"`{name}` is {state}, so {need.reference.service} uses the literal {reach.shown(reads[0].fallback)} in its "
        f"source; that is not {target}. The connection fails, the browser shows 1006.",
        *(evidence.read_place(inspection, read) for read in reads),
        evidence.where_to_set(inspection, need.reference.service, name, note="where it belongs")
        if value is None
        else inspection.at_origin(value.origin, name, note="set to nothing here"),
        inspection.at_key(need.key, note=f"`{name}` {need.reason}"),
        service=need.reference.service,
        hint=f"set `{name}`; that mends `{'missing-variable' if value is None else 'empty-value'}`, too",
    )


RULE = Rule(
    id="DS202", name="fallback-url-in-source", severity=Severity.ERROR, page=__doc__ or "", check=check
)
