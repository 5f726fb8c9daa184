"""A `${NAME}` in an env file gives nothing to the program that reads it, or stays in the value as text.

## Why it matters
`ws://${HOST}:3001` becomes `ws://:3001`, on which `new WebSocket()` throws. Causes differ by reader: Next
expands each file by itself, the most specific one first, so `.env.local` cannot refer to `.env`;
python-dotenv knows only `${NAME}` with braces and only names above the line; dotenv and Node expand
nothing.

## Example
```
web/.env         HOST=localhost
web/.env.local   NEXT_PUBLIC_WS_URL=ws://${HOST}:3001     # Next: ws://:3001
```

## Mending
Write the value out, or define the name in the same file, above the line. References that the program does
expand, and those with a default (`${NAME:-x}`), are never reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import Environment, LayerKind, Value
from devstack.env.secrets import is_secret_name
from devstack.patterns import regex
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_REFERENCE = regex(r"(?<!\\)\$(?:\{(\w+)([^{}]*)\}|([A-Za-z_]\w*))")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per variable: the first reference that does not give what it refers to."""
    for service, name, value in inspection.variables.take(inspection.variables.special):
        if value.raw is None or "$" not in value.raw or value.unknown is not None:
            continue
        if value.origin.layer is not LayerKind.FILE or value.text is None:
            continue
        environment = inspection.environments[service]
        found = _lost(environment, name, value) or _kept(inspection, environment, name, value)
        if found is not None:
            yield _finding(inspection, service, environment, name, found)


def _lost(environment: Environment, name: str, value: Value) -> tuple[str, str] | None:
    """(reference, why) of the first reference that was replaced by nothing."""
    pieces = _pieces(value)
    if pieces is None:
        return None
    for found, given in pieces:
        wanted, braced = found.group(1) or found.group(3), found.group(1) is not None
        operator = (found.group(2) or "").strip()
        has_default = operator.lstrip(":")[:1] in ("-", "+", "?", "=")
        if has_default and _is_unsupported(environment, operator, given):
            kind = environment.loader.partition("@")[0]
            return found.group(), f"{kind} does not know this way to write a default"
        if given or has_default or wanted == name:
            continue
        known = environment.get(wanted)
        if known is not None and known.text:
            return found.group(), "it is defined, but later or in a file that is expanded by itself"
        if braced and known is None:
            return found.group(), f"nothing that the program loads defines `{wanted}`"
        if braced:
            return found.group(), f"`{wanted}` is empty"
    return None


def _is_unsupported(environment: Environment, operator: str, given: str) -> bool:
    """Whether the reader took the default for text (Next: `${X-d}` is `-d}`), or for a part of the name."""
    if given == operator + "}":
        return True
    is_python = environment.loader.startswith("python-dotenv")
    return is_python and not given and not operator.startswith(":-")


def _pieces(value: Value) -> list[tuple[re.Match[str], str]] | None:
    """What each reference became, by laying the literal parts of the raw text over the effective one."""
    raw = (value.raw or "").strip()
    if raw[:1] in ("'", '"', "`") and raw[-1:] == raw[:1]:
        raw = raw[1:-1]
    references = list(_REFERENCE.finditer(raw))
    if not references:
        return None
    pattern, end = "", 0
    for found in references:
        pattern += re.escape(raw[end : found.start()]) + "(.*?)"
        end = found.end()
    laid = re.fullmatch(pattern + re.escape(raw[end:]), value.text or "", re.DOTALL)
    return None if laid is None else list(zip(references, laid.groups(), strict=True))


def _kept(
    inspection: Inspection, environment: Environment, name: str, value: Value
) -> tuple[str, str] | None:
    """A reference that this program leaves as text although it names a variable that is there."""
    if is_secret_name(name):
        return None  # a `$` in a password is a character
    for found in _REFERENCE.finditer(value.text or ""):
        wanted = found.group(1) or found.group(3)
        other = environment.variables.get(wanted)
        is_meant = found.group(1) is not None or (other is not None and wanted.isupper())
        if wanted == name or not is_meant or not _is_alone(inspection, value):
            continue
        kind = environment.loader.partition("@")[0]
        if kind == "python-dotenv" and found.group(1) is None:
            return found.group(), "python-dotenv expands only `${…}` with braces, so the text stays as it is"
        if kind == "bun" and found.group(2) and "\\$" not in (value.raw or ""):
            return found.group(), "Bun knows no default but `:-`, so the text stays as it is"
        if kind in ("dotenv", "node"):
            return found.group(), f"{kind} expands nothing, so the text stays as it is"
    return None


def _is_alone(inspection: Inspection, value: Value) -> bool:
    """Whether every program that reads this line leaves the text: otherwise the disagreement is the finding."""
    path = value.origin.path
    if path is None:
        return False
    for reader in inspection.readers(path):
        for other in inspection.environments[reader].variables.values():
            if other.origin.line == value.origin.line and other.raw == value.raw and other.text != value.text:
                return False
    return True


def _finding(
    inspection: Inspection, service: str, environment: Environment, name: str, found: tuple[str, str]
) -> Finding:
    reference, why = found
    value = environment.variables[name]
    wanted = re.sub(r"\W.*", "", reference.lstrip("${"))
    related = environment.variables.get(wanted)
    places = [inspection.at_origin(value.origin, name)]
    if related is not None and related.origin.path is not None:
        places.append(inspection.at_origin(related.origin, wanted, note="defined here"))
    return RULE.finding(
        f"`{reference}` in `{name}` does not give `{service}` what it refers to: {why}.",
        *places,
        service=service,
        hint="write the value out, or define the name in the same file above this line",
    )


RULE = Rule(id="DS506", name="unresolved-reference", severity=Severity.ERROR, page=__doc__ or "", check=check)
