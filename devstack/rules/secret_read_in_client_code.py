"""Code that is shipped to the browser reads a secret.

## Why it matters
A `'use client'` component runs on the server too, while Next renders the page: the secret is printed into the HTML
that everybody can view. In a Vite source the name is undefined, or, with a `define`, inlined.

Route handlers, server components and modules that server and browser share are not meant: there the bundler
leaves nothing of the read in the page.

## Example
```
web/app/login.tsx   'use client'
                    <p>{process.env.JWT_SECRET}</p>
```

## Mending
Read it in a route handler or a server action, and hand only the result to the component.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.exposure import is_exposed_secret, is_surely_client, shared_secrets
from devstack.stack.model import FRONTENDS, ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per read."""
    stack = inspection.need_stack()
    declared = shared_secrets(stack)
    for service in stack.services.values():
        environment = inspection.environment(service.name)
        if service.type not in FRONTENDS or environment is None:
            continue
        for read in inspection.sources(service.name).reads:
            if not read.client or read.name is None or environment.is_public(read.name):
                continue  # under a public name it is `secret-exposed-to-browser`
            if not is_surely_client(inspection, service, read):
                continue
            if (service.name, read.name) in declared or is_exposed_secret(read.name):
                yield RULE.finding(
                    f"Client code of `{service.name}` reads the secret `{read.name}`: {_seen(service)}.",
                    evidence.read_place(inspection, read),
                    service=service.name,
                    hint="read it on the server (route handler, server action, API) and hand on only the result",
                )


def _seen(service: Service) -> str:
    if service.type is ServiceType.VITE:
        return "in the browser it is undefined, and whoever defines it for the page publishes it"
    return "what is rendered on the server shows it in the page's source, in the browser it is undefined"


RULE = Rule(
    id="DS304", name="secret-read-in-client-code", severity=Severity.ERROR, page=__doc__ or "", check=check
)
