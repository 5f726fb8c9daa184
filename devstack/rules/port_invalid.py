"""A port variable or a declared port that cannot be one: no number, out of range, or privileged.

## Why it matters
`int(os.environ["WS_PORT"])` stops with a ValueError; JavaScript's `Number("30O1")` is NaN and the server
listens on a random port. Ports below 1024 need root on most systems.

## Example
```
WS_PORT=30O1      # a letter O
```

## Mending
Write a number from 1 to 65535; for services of your own one above 1023.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind, Value
from devstack.env.secrets import is_placeholder, is_secret_reference
from devstack.patterns import regex
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_PORT_NAME = regex(r"(?:^|_)PORT$")
# Serial ports, Unix sockets, the addresses container links leave behind, ranges, switches.
_NOT_A_NUMBER_ON_PURPOSE = regex(
    r"/|[a-z]+://|COM\d|\\\\|\d+(?:[-:,]\d+)+$|(?:true|false|auto|none|null|random|dynamic|default|on|off|yes|no)$",
    re.IGNORECASE,
)
_PRIVILEGED = 1024


def check(inspection: Inspection) -> Iterator[Finding]:
    """Variables first, then declared ports."""
    for service, name, value in inspection.variables.take(inspection.variables.named("PORT")):
        if not _PORT_NAME.search(name) or value.origin.layer is LayerKind.PROCESS:
            continue
        why = _wrong(name, value)
        if why is not None:
            yield RULE.finding(
                f"`{name}` of `{service}` {why}: the program stops, or listens where nobody looks.",
                inspection.at_origin(value.origin, name),
                service=service,
                hint="write a number from 1 to 65535",
            )
    yield from _declared(inspection)


def _wrong(name: str, value: Value) -> str | None:
    text = (value.text or "").strip()
    if not text or value.unknown is not None or "$" in text or "SERIAL" in name:
        return None
    if re.fullmatch(r"\d+", text, re.ASCII):
        return None if int(text) <= 65535 else f"is {text}, but ports end at 65535"
    if _NOT_A_NUMBER_ON_PURPOSE.match(text) or is_placeholder(text) or is_secret_reference(text):
        return None
    shown = f"`{text}`" if len(text) <= 12 and text.isprintable() else "this text"
    return f"is {shown}, which is no port number"


def _declared(inspection: Inspection) -> Iterator[Finding]:
    for service in inspection.services:
        for port in service.all_ports:
            if 0 < port.number < _PRIVILEGED:
                yield RULE.finding(
                    f"Port {port.number} of `{service.name}` is privileged: starting it without root fails "
                    "with EACCES on most systems.",
                    inspection.at_port(service.name, port.role),
                    severity=Severity.WARNING,
                    service=service.name,
                    hint=f"take one above 1023, such as {port.number + 8000}",
                )


RULE = Rule(id="DS407", name="port-invalid", severity=Severity.ERROR, page=__doc__ or "", check=check)
