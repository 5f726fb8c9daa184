"""A secret stands under a name that the bundler publishes.

## Why it matters
Names with `NEXT_PUBLIC_`, `VITE_` or a prefix of `envPrefix` are copied into the JavaScript that every visitor
downloads. A signing secret there lets anybody mint tokens; a provider's key lets anybody spend your money.

Publishable keys (Stripe `pk_…`, Supabase anon, Clerk publishable, maps keys) are made for pages and not meant.

## Example
```
web/.env            VITE_SUPABASE_SERVICE_ROLE_KEY=…
web/vite.config.ts  envPrefix: ['VITE_', 'LIVEKIT_']      # publishes LIVEKIT_API_SECRET
```

## Mending
Rename the variable without the prefix, read it on the server only, and replace the secret: it may be out already.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.exposure import is_exposed_secret, shared_secrets

if TYPE_CHECKING:
    from devstack.env.model import Value
    from devstack.rules.inspection import Inspection

_USUAL = ("NEXT_PUBLIC_", "VITE_", "REACT_APP_", "EXPO_PUBLIC_", "PUBLIC_")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per variable."""
    secrets = shared_secrets(inspection.need_stack())
    for service, name, value in inspection.variables.take(inspection.variables.public):
        if not value.text or value.origin.layer is LayerKind.PROCESS:
            continue
        # SvelteKit's and Astro's `PUBLIC_` says where a name goes, not that its key was made for it.
        if (service, name) in secrets or is_exposed_secret(name.removeprefix("PUBLIC_"), value.text):
            yield _finding(inspection, service, name, value)


def _finding(inspection: Inspection, service: str, name: str, value: Value) -> Finding:
    environment = inspection.environments[service]
    prefix = next((each for each in environment.prefixes if each and name.startswith(each)), "")
    why = f"the prefix `{prefix}`" if prefix in _USUAL else f"`envPrefix`, which holds `{prefix}`,"
    places: list[Location] = [inspection.at_origin(value.origin, name)]
    if prefix not in _USUAL:
        from devstack.env.source import jsconfig

        stack = inspection.need_stack()
        found = jsconfig.of(stack, stack.services[service], inspection.files)
        if found is not None:
            line = next((each.line for each in jsconfig.literals(found[1]) if each.is_at("envPrefix")), None)
            places.append(inspection.at(found[0], line, note="publishes the prefix"))
    return RULE.finding(
        f"`{name}` is a secret, but {why} publishes it: everybody who opens the page of `{service}` can read it.",
        *places,
        service=service,
        hint="rename it without the public prefix, read it on the server, and replace the secret"
        if prefix in _USUAL
        else f"take `{prefix}` out of envPrefix, and replace the secret",
    )


RULE = Rule(
    id="DS301", name="secret-exposed-to-browser", severity=Severity.ERROR, page=__doc__ or "", check=check
)
