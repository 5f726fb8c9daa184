"""An exported variable freezes a value that the framework claims to reload.

## Why it matters
Next prints "Reload env: .env.local" and Vite "server restarted", but a variable that was exported before they
started wins over every file: the page keeps the old value, and the edit seems to have no effect.

Judged are variables that stack.toml speaks of and public ones that a file declares; where the exported value
differs from the file's, `shadowed-by-process` says so.

## Example
```
$ export NEXT_PUBLIC_WS_URL=ws://localhost:3001
$ devstack up
```

## Mending
`unset` the variable (or take it out of direnv, the shell's profile, the CI job) and let the file give it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.wording import named
from devstack.stack import defaults
from devstack.stack.model import OnChange, Service

if TYPE_CHECKING:
    from devstack.env.model import Environment
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service."""
    stack = inspection.need_stack()
    for service in stack.services.values():
        environment = inspection.environment(service.name)
        if environment is None or defaults.on_change(service) is not OnChange.AUTO:
            continue
        frozen = _frozen(environment, service, inspection.declared(service.name))
        if not frozen:
            continue
        yield RULE.finding(
            f"{named(frozen)} {'is' if len(frozen) == 1 else 'are'} exported in the environment devstack was started "
            f"with: the exported value wins, so `{service.name}` keeps it whatever you write into its env files, "
            "although the framework says that it reloaded them.",
            *(evidence.where_to_set(inspection, service.name, name) for name in frozen),
            service=service.name,
            hint=f"`unset {' '.join(frozen)}` and let the file give the value",
        )


def _frozen(environment: Environment, service: Service, declared: frozenset[str]) -> list[str]:
    own = {defaults.port_env(service), *service.env.assignments}
    candidates = [*declared, *(name for name in environment.variables if environment.is_public(name))]
    found = []
    for name in dict.fromkeys(candidates):
        value = environment.get(name)
        if value is None or value.origin.layer is not LayerKind.PROCESS or name in own or not value.text:
            continue
        if all(shadow.text == value.text for shadow in value.shadows):
            found.append(name)
    return sorted(found)


RULE = Rule(
    id="DS602", name="reload-does-not-apply", severity=Severity.WARNING, page=__doc__ or "", check=check
)
