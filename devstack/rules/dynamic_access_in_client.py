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

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.exposure import is_surely_client
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.env.source.model import SourceRead
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per line that reads `process.env` so; `import.meta.env` is an object in Vite and may be indexed."""
    for service in inspection.need_stack().services.values():
        if service.type is not ServiceType.NEXT:
            continue
        environment = inspection.environment(service.name)
        told: set[tuple[str, int]] = set()
        for read in inspection.sources(service.name).reads:
            if not read.client or environment is None:
                continue
            is_public = read.name is not None and environment.is_public(read.name)
            if read.form == "wrapper":
                continue  # an object that some module made by names written out
            is_computed = read.name is None or (is_public and _is_computed(inspection, read))
            if not is_computed and not (read.form == "destructuring" and is_public):
                continue
            if (read.path, read.line) not in told and is_surely_client(inspection, service, read):
                told.add((read.path, read.line))
                what = "by a computed name" if is_computed else f"`{read.name}` by destructuring"
                yield RULE.finding(
                    f"Client code of `{service.name}` reads the environment {what}: Next inlines only names that are "
                    "written out, so it is undefined in the browser.",
                    evidence.read_place(inspection, read),
                    service=service.name,
                    hint="write `process.env.NEXT_PUBLIC_…` out for each name",
                )


def _is_computed(inspection: Inspection, read: SourceRead) -> bool:
    """Whether the key is a name of the program, even one whose text is known: bundlers look at the spelling."""
    text = inspection.line(read.path, read.line)[read.column :]
    return re.match(r"\s*(?:process\.)?env\s*\[\s*[^'\"\s]", text) is not None


RULE = Rule(
    id="DS306", name="dynamic-access-in-client", severity=Severity.WARNING, page=__doc__ or "", check=check
)
