"""Source holds a literal that is used as a signing secret when the variable gives nothing.

## Why it matters
`process.env.JWT_SECRET || 'change-me-in-production'` makes the service start without its secret. It then
verifies with a text that everybody can read, and refuses every token that was signed with the real one: the
browser shows WebSocket close code 1006. When that literal is what will be used now, it is an error.

Meant are secrets that sign tokens and sessions, not database defaults beside a development compose file.

## Example
```
server/index.js   const secret = process.env.JWT_SECRET || process.env.NEXTAUTH_SECRET || 'change-me'
```

## Mending
Stop with a clear message when the variable is missing, and set the variable for this service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.members import Provenance
from devstack.env.model import LayerKind
from devstack.env.secrets import is_secret_name, placeholder
from devstack.env.source.model import Fallback, SourceRead
from devstack.patterns import regex
from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import Reference

if TYPE_CHECKING:
    from devstack.env.model import Environment
    from devstack.rules.inspection import Inspection

_SIGNING = regex(
    r"(?:^|_)(?:JWT|SESSION|COOKIE|NEXTAUTH|AUTH|SIGNING|SIGNATURE|HMAC|ENCRYPTION|CSRF|APP|TOKEN"
    r"|DJANGO|FLASK|RAILS)(?:_|$)"
)
_ENDS = regex(r"(?:SECRET|SECRET_KEY|SIGNING_KEY|ENCRYPTION_KEY|JWT_KEY|SECRET_KEY_BASE)\d*$")
_FOREIGN = regex(r"(?:^|_)(?:CLIENT|AWS|S3|MINIO|GOOGLE|GITHUB|STRIPE|TWILIO|OAUTH|R2)(?:_|$)")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per read with a literal."""
    stack = inspection.need_stack()
    for service in stack.services:
        environment = inspection.environment(service)
        if environment is None:
            continue
        declared = inspection.declared(service)
        reads = inspection.sources(service).reads
        continued = {(read.path, name, read.fallback) for read in reads for name in read.otherwise}
        for read in reads:
            if read.name is None or not read.fallback or not _is_signing(read.name, declared):
                continue
            if (read.path, read.name, read.fallback) in continued:
                continue  # `A || B || 'literal'`: said once, at A, which decides whether B is looked at
            found = placeholder(read.fallback, read.name)
            if found is not None and found.default_of is not None:
                continue
            yield _finding(inspection, environment, read)


def _is_signing(name: str, declared: frozenset[str]) -> bool:
    upper = name.upper()
    if not is_secret_name(name) or not _ENDS.search(upper) or _FOREIGN.search(upper):
        return False
    return bool(_SIGNING.search(upper)) or upper in ("SECRET", "SECRET_KEY") or name in declared


def is_used(environment: Environment, read: SourceRead) -> bool:
    """Whether the literal is what the code works with now."""
    for name in (read.name, *read.otherwise):
        value = None if name is None else environment.get(name)
        if value is None or not value.is_set:
            continue
        if value.text == "" and read.operator is Fallback.EMPTY_OR_UNSET:
            continue
        return False
    return not any(issue.fatal for issue in environment.issues)


def _finding(inspection: Inspection, environment: Environment, read: SourceRead) -> Finding:
    used = is_used(environment, read)
    literal = evidence.shown(inspection, read.fallback, secret=True)
    name = read.name or ""
    if used:
        message = (
            f"{environment.service} works with the literal in its source ({literal}), because `{name}` gives it "
            f"nothing. Everybody can read it and sign tokens with it{_refused(inspection, environment.service, name)}."
        )
    else:
        message = (
            f"The source holds a literal ({literal}) for `{name}`. It is not used now; "
            "the day the variable is missing the service starts with it and says nothing."
        )
    related = []
    value = environment.get(name)
    if value is not None and value.origin.layer is LayerKind.FILE:
        related.append(
            inspection.at_origin(value.origin, name, note="set to nothing here" if used else "set here")
        )
    elif used:
        related.append(evidence.where_to_set(inspection, environment.service, name, note="where it belongs"))
    return RULE.finding(
        message,
        evidence.read_place(inspection, read),
        *related,
        severity=Severity.ERROR if used and _decides(inspection, environment, read) else Severity.WARNING,
        service=environment.service,
        hint=f"set `{name}` for {environment.service}, and stop with a message when it is missing",
    )


def _refused(inspection: Inspection, service: str, name: str) -> str:
    """What else people see where another service has the real secret."""
    members = [member for shared in inspection.need_stack().shared.values() for member in shared.members]
    is_shared = any(
        isinstance(each, Reference) and each.service == service and name in each.names for each in members
    )
    return ", and those signed with the real secret are refused: the browser shows 1006" if is_shared else ""


def _decides(inspection: Inspection, environment: Environment, read: SourceRead) -> bool:
    """Whether it is certain: no other read of the name in the service takes another way."""
    reference = Reference(
        service=environment.service, names=(read.name or "",), text=f"{environment.service}:{read.name}"
    )
    return inspection.contract.effective(reference).provenance is Provenance.FALLBACK


RULE = Rule(
    id="DS112", name="fallback-secret-in-source", severity=Severity.WARNING, page=__doc__ or "", check=check
)
