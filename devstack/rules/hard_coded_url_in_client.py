"""Client code holds the local address of a declared service as a literal, without any variable.

## Why it matters
It works on the machine where it was written. With another port, a second checkout, or after deployment every
visitor's browser dials its own machine, and the socket closes with 1006.

## Example
```
web/src/socket.ts   new WebSocket('ws://localhost:3001/ws')
```

## Mending
Read a public variable (`NEXT_PUBLIC_…`, `VITE_…`) and link it in stack.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.links import Where, resolve
from devstack.patterns import regex
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from devstack.env.source.model import UrlLiteral
    from devstack.rules.inspection import Inspection

_DIALS = regex(
    r"\b(?:fetch|axios(?:\.\w+)?|ky(?:\.\w+)?|EventSource|WebSocket|io|connect|createClient|request|useSWR)\s*(?:<[^>]*>)?\("
    r"|\bbaseURL\b|(?i:(?:url|host|endpoint|origin|api|base|server|socket|backend)\w*['\"]?\s*[:=](?!=))"
)
_GENERATED = regex(r"(?:^|/)(?:__)?generated(?:__)?/|\.(?:gen|generated)\.[cm]?[jt]sx?$")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per literal."""
    stack = inspection.need_stack()
    for service in stack.services.values():
        if service.type not in FRONTENDS:
            continue
        for literal in inspection.sources(service.name).urls:
            if not literal.client or literal.is_fallback or literal.is_alternative:
                continue
            if is_generated(literal.path):
                continue
            found = resolve(urls.parse(literal.url), stack)
            target = next((each for each in found.targets if each.service != service.name), None)
            if found.where is not Where.LOCAL or target is None:
                continue
            if not literal.websocket and not _is_dialled(inspection, literal):
                continue
            yield RULE.finding(
                f"Client code dials {reach.named(target)} by a literal ({reach.shown(literal.url)}): it cannot follow "
                "another port or host, and a deployed page dials the visitor's own machine.",
                inspection.at(literal.path, literal.line),
                inspection.at_port(target.service, target.role, note=f"{target.service}'s port"),
                service=service.name,
                hint="read a public variable and link it in stack.toml",
            )


def is_generated(path: str) -> bool:
    """Whether the name of a module says that a program wrote it: a client made of an API's description."""
    return _GENERATED.search(path) is not None


def _is_dialled(inspection: Inspection, literal: UrlLiteral) -> bool:
    """Whether the line opens something or names an address; not help texts, placeholders and documentation."""
    return _DIALS.search(inspection.line(literal.path, literal.line)[: literal.column + 1]) is not None


RULE = Rule(
    id="DS214", name="hard-coded-url-in-client", severity=Severity.WARNING, page=__doc__ or "", check=check
)
