"""A variable must reach a service that nobody waits for.

## Why it matters
The linking service starts at the same time as the linked one, or earlier: its first connection is refused, and
whether it tries again depends on its code. With `depends_on` devstack starts it when the other one is ready.

## Example
```toml
[[links]]
from = "web:NEXT_PUBLIC_WS_URL"
to = "ws"                            # but web has no depends_on = ["ws"]
```

## Mending
Add the target to `depends_on`, or `wait = false` to the link for callbacks and addresses that are only shown. Nothing
is said where waiting would close a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules.base import Finding, Rule, Severity
from devstack.stack import defaults
from devstack.stack.graph import closure

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per pair of services."""
    stack = inspection.need_stack()
    told: set[tuple[str, str]] = set()
    for index, link in enumerate(stack.links):
        source, target = link.source.service, link.to
        if not link.wait or source == target or (source, target) in told:
            continue
        if source not in stack.services or target not in stack.services:
            continue
        if not defaults.starts(stack.services[source]) or not defaults.starts(stack.services[target]):
            continue
        if target in closure(stack, [source]) or source in closure(stack, [target]):
            continue
        told.add((source, target))
        yield RULE.finding(
            f"`{source}` must reach `{target}` but does not wait for it: its first connection may be refused.",
            inspection.at_key(f"links.{index}.from"),
            inspection.at_key(f"services.{source}"),
            service=source,
            hint=f'add `depends_on = ["{target}"]` to `{source}`, or `wait = false` to the link',
        )


RULE = Rule(
    id="DS005", name="link-without-dependency", severity=Severity.WARNING, page=__doc__ or "", check=check
)
