"""Client code reads the environment by a computed name or by destructuring.

## Why it matters
Bundlers replace the text `process.env.NEXT_PUBLIC_X` by its value. `process.env[key]` and
`const { NEXT_PUBLIC_X } = process.env` are right while the server renders and undefined in the browser: the page
works for a moment, then the socket gets `undefined`.

## Example
```
web/app/socket.tsx   'use client'
                     const url = process.env[`NEXT_PUBLIC_${name}_URL`]
```

## Mending
Write each name out: `process.env.NEXT_PUBLIC_WS_URL`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per access to `process.env`; `import.meta.env` is an object in Vite and may be indexed."""
    for service in inspection.need_stack().services.values():
        if service.type is not ServiceType.NEXT:
            continue
        environment = inspection.environment(service.name)
        for read in inspection.sources(service.name).reads:
            if not read.client or environment is None:
                continue
            is_public = read.name is not None and environment.is_public(read.name)
            if read.name is None or (read.form == "destructuring" and is_public):
                what = "by a computed name" if read.name is None else f"`{read.name}` by destructuring"
                yield RULE.finding(
                    f"Client code of `{service.name}` reads the environment {what}: Next inlines only names that are "
                    "written out, so it is undefined in the browser.",
                    evidence.read_place(inspection, read),
                    service=service.name,
                    hint="write `process.env.NEXT_PUBLIC_…` out for each name",
                )


RULE = Rule(
    id="DS306", name="dynamic-access-in-client", severity=Severity.WARNING, page=__doc__ or "", check=check
)
