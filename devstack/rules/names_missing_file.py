"""A variable names a certificate, key or credentials file that does not exist.

## Why it matters
The program stops when it first opens the file, or goes on without TLS or without credentials.

## Example
```
GOOGLE_APPLICATION_CREDENTIALS=./service-account.json     # not there
```

## Mending
Put the file there, or correct the path: relative paths start in the folder where the service runs. Paths
inside containers (`/run/secrets/…`) are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.env.secrets import is_placeholder
from devstack.patterns import regex
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_NAME = regex(
    r"(?:^|_)(?:CERT|CERTS|CERTIFICATE|CA|TLS|SSL|KEY|PEM|KEYSTORE|CREDENTIALS|SERVICE_ACCOUNT)"
    r"(?:_(?:FILE|PATH|LOCATION|BUNDLE|CERT|KEY))?$|^(?:NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE)$"
)
_ENDING = regex(r"\.(?:pem|crt|cer|key|p12|pfx|jks|json|der)")
_FILE = regex(rf"^[\w.~@/ -]+{_ENDING.pattern}$")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per variable of a service that runs on this machine."""
    for service_name, name, value in inspection.variables.take(inspection.variables.holding(_ENDING)):
        service = inspection.need_stack().services[service_name]
        text = value.text or ""
        if service.type is ServiceType.COMPOSE or not _NAME.search(name) or not _FILE.match(text):
            continue
        if value.origin.layer is not LayerKind.FILE:
            continue
        if is_placeholder(text) or not _is_here(inspection.root, text):
            continue
        places = [inspection.folder(service) / text, inspection.root / text]
        if value.origin.path is not None:
            places.append(value.origin.path.parent / text)
        if any(inspection.files.stat(place) is not None for place in places):
            continue
        yield RULE.finding(
            f"`{name}` of `{service.name}` names `{text}`, which does not exist in {service.dir}.",
            inspection.at_origin(value.origin, name),
            service=service.name,
            hint="put the file there, or correct the path",
        )


def _is_here(root: Path, text: str) -> bool:
    """Whether the path could exist on this machine: relative, or below the repository."""
    if text.startswith("~"):
        return False
    return not text.startswith("/") or Path(text).is_relative_to(root)


RULE = Rule(id="DS515", name="names-missing-file", severity=Severity.WARNING, page=__doc__ or "", check=check)
