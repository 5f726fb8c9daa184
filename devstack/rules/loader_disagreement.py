"""One line, or equal lines, give different values to the programs that read it.

## Why it matters
Every program reads env files by rules of its own. `JWT_SECRET=pa$word#1` is `pa` for Next, `pa$word` for dotenv
and `pa$word#1` for python-dotenv. The files look equal, the services still refuse each other's tokens, and the
browser shows WebSocket close code 1006.

Only names that the contract speaks of, or that the sources of both services read, are compared.

## Example
```
web/.env   JWT_SECRET=abc#def     # Next: abc
ws/.env    JWT_SECRET=abc#def     # python-dotenv: abc#def
```

## Mending
Write the value so that all readers agree: quotes around `#` and spaces, no `$` before a letter, no backslash. A
secret is best regenerated from letters, digits, `-` and `_`: `devstack env rotate GROUP`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.links import is_same_endpoint
from devstack.contract.members import Effective, Provenance
from devstack.contract.spelling import intended, portable
from devstack.env.model import LayerKind, Value
from devstack.env.secrets import is_masked, is_secret_name
from devstack.records import dataclass
from devstack.rules import evidence
from devstack.rules.base import Edit, Finding, Fix, Location, Rule, Severity

if TYPE_CHECKING:
    from pathlib import Path

    from devstack.rules.inspection import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the program of one service gets from a line."""

    service: str
    loader: str
    name: str
    value: Value


def check(inspection: Inspection) -> Iterator[Finding]:
    """Equal lines of shared groups, then lines with several readers."""
    yield from inspection.once(_findings)


def places(inspection: Inspection) -> frozenset[tuple[str, int | None]]:
    """(path, line) of what this rule names: that another reader gets another value says more than others can."""
    found = inspection.once(_findings)
    return frozenset((place.path, place.line) for finding in found for place in finding.locations)


def _findings(inspection: Inspection) -> tuple[Finding, ...]:
    found: dict[frozenset[tuple[Path | None, int | None]], Finding] = {}
    for readings in _candidates(inspection):
        lines = frozenset((each.value.origin.path, each.value.origin.line) for each in readings)
        if lines not in found and _disagree(inspection, readings):
            found[lines] = _finding(inspection, readings)
    return tuple(found.values())


def is_explained_by_loaders(inspection: Inspection, found: Sequence[Effective]) -> bool:
    """Whether members differ although their lines are equal: then the loaders are the cause, not the people."""
    raws = {
        None if each.value is None else evidence.written(inspection, each.name or "", each.value)
        for each in found
    }
    if len(raws) != 1 or None in raws or any(each.provenance is not Provenance.ENVIRONMENT for each in found):
        return False
    values = [each.value for each in found if each.value is not None]
    return not any(value.references for value in values) or any("$" in (value.text or "") for value in values)


def _candidates(inspection: Inspection) -> Iterator[list[Reading]]:
    yield from _shared_groups(inspection)
    lines: dict[tuple[str, int, str], list[Reading]] = {}
    for service, environment in inspection.environments.items():
        if not any(len(inspection.readers(layer.path)) > 1 for layer in environment.layers):
            continue
        for name, value in environment.variables.items():
            origin = value.origin
            if origin.layer is LayerKind.FILE and origin.path is not None and origin.line is not None:
                if len(inspection.readers(origin.path)) < 2:
                    continue
                key = (inspection.real(origin.path), origin.line, name)
                reading = Reading(service=service, loader=environment.loader, name=name, value=value)
                lines.setdefault(key, []).append(reading)
    for readings in lines.values():
        texts = {each.value.text for each in readings}
        if len(readings) > 1 and len(texts) > 1:
            relevant = [each for each in readings if _is_relevant(inspection, each)]
            if len(relevant) > 1:
                yield relevant


def _shared_groups(inspection: Inspection) -> Iterator[list[Reading]]:
    for shared in inspection.need_stack().shared.values():
        found = [
            each for each in inspection.contract.effective_all(shared.members) if each.is_known and each.text
        ]
        if len(found) > 1 and is_explained_by_loaders(inspection, found):
            yield [
                Reading(
                    service=each.service,
                    loader=inspection.environments[each.service].loader,
                    name=each.name or "",
                    value=each.value,
                )
                for each in found
                if each.service is not None and each.value is not None
            ]


def _is_relevant(inspection: Inspection, reading: Reading) -> bool:
    """Whether the service has a use for the name: otherwise its reading of it harms nobody."""
    return reading.name in inspection.declared(reading.service) or reading.name in inspection.read_names(
        reading.service
    )


def _disagree(inspection: Inspection, readings: Sequence[Reading]) -> bool:
    known = [each for each in readings if each.value.unknown is None and each.value.text is not None]
    if len(known) < 2 or _resolved_differently(inspection, known):
        return False
    first = known[0].value.text or ""
    stack = inspection.need_stack()
    return any(not is_same_endpoint(first, each.value.text or "", stack) for each in known[1:])


def _resolved_differently(inspection: Inspection, readings: Sequence[Reading]) -> bool:
    """References that were resolved everywhere, to values that differ by design (`.env.local` of one service)."""
    if any("$" in (each.value.text or "") for each in readings):
        return False
    for name in {reference for each in readings for reference in each.value.references}:
        found = [inspection.environments[each.service].get(name) for each in readings]
        if all(value is not None and value.text for value in found):
            return len({value.text for value in found if value is not None}) > 1
    return False


def _finding(inspection: Inspection, readings: Sequence[Reading]) -> Finding:
    first = readings[0]
    raw = evidence.written(inspection, first.name, first.value) or ""
    secret = any(is_secret_name(each.name) for each in readings)
    results = "; ".join(
        f"{each.service} ({each.loader}) gets {evidence.shown(inspection, each.value.text, secret=secret)}"
        for each in readings
    )
    written = intended(raw)
    spelling = portable(written)
    places = _places(inspection, readings)
    one = "This line gives" if len(places) == 1 else "Equal lines give"
    return RULE.finding(
        f"{one} `{first.name}` different values: {results}. {_cause(raw)}",
        *places,
        service=first.service,
        hint=_without_spelling(inspection, readings, written)
        if spelling is None
        else _hint(spelling, written, first.name),
        fix=_requote(inspection, readings, written) if spelling is not None else None,
    )


def _places(inspection: Inspection, readings: Sequence[Reading]) -> tuple[Location, ...]:
    found: dict[tuple[str, int | None], Location] = {}
    for each in readings:
        origin = each.value.origin
        place = inspection.at_origin(origin, each.name, note=f"read by {each.service} with {each.loader}")
        found.setdefault((inspection.real(origin.path or ""), origin.line), place)
    return tuple(found.values())


def _cause(raw: str) -> str:
    if "$" in raw:
        return "Next, Vite and Compose expand `$name`; dotenv, node and python-dotenv leave it."
    if "#" in raw:
        return "For the JavaScript readers an unquoted `#` begins a comment; for python-dotenv only after a space."
    if "`" in raw:
        return "Only the JavaScript readers take backticks for quotes."
    if "\\" in raw:
        return "The readers differ in which backslashes they take for escapes."
    return "The readers treat this spelling differently."


def _without_spelling(inspection: Inspection, readings: Sequence[Reading], text: str) -> str:
    """What to do where no quotes help: what follows a `$` is a variable, a piece of a password, or anything."""
    names = re.findall(r"\$\{?(\w+)", text)
    if any(name in inspection.environments[each.service].variables for name in names for each in readings):
        return "write the value out, without a reference: not every reader expands it"
    if names and urls.has_scheme(text):
        return "write `%24` for each `$`"
    return "no spelling is read alike everywhere: choose a value of letters, digits, `-` and `_`"


def _hint(spelling: str, text: str, name: str) -> str:
    """How to write it; the text itself only where it is no secret and holds none."""
    if not is_masked(name, text):
        return f"write it as `{spelling}`: then all readers agree"
    quotes = {'"': "put it into double quotes", "'": "put it into single quotes"}
    how = "write it bare" if spelling == text else quotes.get(spelling[:1], "write it bare")
    return f"{how}: then all readers get the {len(text)} characters as written"


def _requote(inspection: Inspection, readings: Sequence[Reading], text: str) -> Fix:
    edits = {
        (place.path, place.line): Edit(
            kind="set", path=place.path, variable=place.variable, line=place.line, value=text
        )
        for place in _places(inspection, readings)
    }
    return Fix(title="quote the value so that all readers agree", safe=True, edits=tuple(edits.values()))


RULE = Rule(
    id="DS102",
    name="loader-disagreement",
    severity=Severity.ERROR,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
