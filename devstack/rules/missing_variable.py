"""A required, shared or linked variable is set nowhere its reader looks.

## Why it matters
The program finds no value: it stops with a KeyError, works with `undefined`, or goes on with a literal of its
source that nobody chose. A page shows a socket URL `undefined` or a connection to a port where nothing listens.

If the code's fallback reaches what the variable must reach, it is only mentioned. A value that stands in a file
the program never reads is `defined-where-not-read`; a misspelt name is `misspelt-name`.

## Example
```toml
[[links]]
from = "web:NEXT_PUBLIC_WEBSOCKET_URL"    # in no .env file of web
to = "ws"
```

## Mending
Set it in the file that is named; `devstack env sync` adds missing keys from the example.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.members import Provenance
from devstack.lines import split
from devstack.patterns import regex
from devstack.rules import absence, evidence, missing_env_file, packages
from devstack.rules.absence import Absence
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_EXPORT = regex(r"\s*export\s+(\w+)=")
_FOREIGN = (ServiceType.EXTERNAL, ServiceType.COMPOSE)  # their variables are set elsewhere


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service and variable; one for a group that nobody sets."""
    told = missing_env_file.telling(inspection)
    missing = [
        each
        for each in absence.absences(inspection)
        if each.service not in told and _is_told_here(inspection, each)
    ]
    grouped: dict[tuple[str, str], list[Absence]] = {}
    for each in missing:
        shared = each.need.shared
        key = ("shared", shared.name) if shared is not None else (each.service, each.name)
        grouped.setdefault(key, []).append(each)
    for found in grouped.values():
        if found[0].need.shared is not None and len(found) == len(found[0].need.shared.members):
            yield _finding(inspection, found)
        else:
            yield from (_finding(inspection, [each]) for each in found)


def _is_told_here(inspection: Inspection, found: Absence) -> bool:
    if found.is_empty or inspection.need_stack().services[found.service].type in _FOREIGN:
        return False
    shared = found.need.shared
    if (
        shared is not None
        and evidence.is_secret(shared)
        and found.effective.provenance is Provenance.FALLBACK
    ):
        return False  # `fallback-secret-in-source` names the line
    if absence.uncopied_example(inspection, found.service, found.need.reference.names) is not None:
        return False  # `missing-env-file`: copying the example brings it
    if absence.is_lost_line(inspection, found.service, found.need.reference.names):
        return False  # `syntax` and its like: it is written, and the program cannot take it
    if absence.fallback_serves(inspection, found):
        return True
    return absence.misspelling(inspection, found) is None and not absence.elsewhere(
        inspection, found.service, found.need.reference.names
    )


def _finding(inspection: Inspection, group: list[Absence]) -> Finding:
    found = group[0]
    serves = absence.fallback_serves(inspection, found)
    names = " or ".join(f"`{name}`" for name in found.need.reference.names)
    where = " and ".join(f"`{each.service}`" for each in group)
    does = evidence.without_value(inspection, found.effective)
    places = [evidence.where_to_set(inspection, each.service, each.need.reference.name) for each in group]
    fallback = found.effective.fallback
    if fallback is not None:
        places.append(evidence.read_place(inspection, fallback, note="the fallback used instead"))
    places.append(inspection.at_key(found.need.key, note=f"{names} {found.need.reason}"))
    hint = absence.to_do(inspection, group, f"set `{found.need.reference.name}` in {places[0].path}")
    direnv = _in_envrc(inspection, found)
    if direnv is not None:
        places.append(direnv)
        hint = "start devstack from a shell in which direnv is active (`direnv allow`): its .envrc sets the variable"
    return RULE.finding(
        f"{names} is not set for {where}, although it {found.need.reason}. {does}"
        + (" That is what it must reach, so it works." if serves else ""),
        *places,
        severity=Severity.INFO if serves else Severity.ERROR,
        service=found.service,
        hint=hint,
    )


def _in_envrc(inspection: Inspection, found: Absence) -> Location | None:
    """The line of an `.envrc` that sets the name: direnv was not active where devstack was started."""
    folder = inspection.folder(inspection.need_stack().services[found.service])
    for place in packages.upward(folder, inspection.root):
        text = inspection.read_text(place / ".envrc") or ""
        for number, line in enumerate(split(text), start=1):
            exported = _EXPORT.match(line)
            if exported is not None and exported[1] in found.need.reference.names:
                return inspection.at(place / ".envrc", number, note="sets it where direnv is active")
    return None


RULE = Rule(id="DS201", name="missing-variable", severity=Severity.ERROR, page=__doc__ or "", check=check)
