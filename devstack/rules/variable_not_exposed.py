"""Client code reads a variable that the bundler does not give to the browser.

## Why it matters
Next inlines only `NEXT_PUBLIC_…`, Vite only `VITE_…` (or `envPrefix`). Any other name is `undefined` in the page:
the code falls back or opens `new WebSocket(undefined)`. It happens after a migration from another framework.

An error for names that stack.toml speaks of, otherwise only mentioned; modules that server and browser share are
no error.

## Example
```
web/app/socket.tsx   'use client'
                     process.env.VITE_WS_URL      // a Next app: undefined
```

## Mending
Rename the variable with the framework's prefix, in the file and in the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.source import jsconfig
from devstack.patterns import regex
from devstack.rules import evidence
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.exposure import is_exposed_secret, is_isomorphic, is_surely_client, shared_secrets
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.env.source.model import SourceRead
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

# Names that bundlers replace themselves.
_BUILT_IN = regex(
    r"(?:NODE_ENV|MODE|DEV|PROD|SSR|BASE_URL|LEGACY|TEST|VITEST|NEXT_RUNTIME|NEXT_PHASE|TURBOPACK|STORYBOOK|CI|DEBUG"
    r"|PORT|HOSTNAME|npm_\w+|JEST_WORKER_ID|PUBLIC_URL|BROWSER|PLATFORM|NODE_DEBUG|VERCEL\w*|__NEXT\w*|NEXT_DEPLOYMENT_ID|PACKAGE_VERSION)$"
)
_FRAMEWORK = {ServiceType.NEXT: "NEXT_PUBLIC_", ServiceType.VITE: "VITE_"}
_FOREIGN_PREFIXES = (
    "NEXT_PUBLIC_",
    "VITE_",
    "REACT_APP_",
    "EXPO_PUBLIC_",
    "NUXT_PUBLIC_",
    "PUBLIC_",
    "GATSBY_",
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per name and service, at its first read."""
    stack = inspection.need_stack()
    secrets = shared_secrets(stack)
    for service in stack.services.values():
        defined = _defined_by_config(inspection, service) if service.type in _FRAMEWORK else None
        if defined is None:
            continue
        found: dict[str, SourceRead] = {}
        for read in inspection.sources(service.name).reads:
            name = read.name
            if name is None or name in found or name in defined or (service.name, name) in secrets:
                continue
            if read.client and _is_lost(inspection, service, read, name):
                found[name] = read
        declared = inspection.declared(service.name)
        for name, read in found.items():
            is_error = name in declared and is_surely_client(inspection, service, read)
            yield _finding(inspection, service, read, is_error=is_error)


def _is_lost(inspection: Inspection, service: Service, read: SourceRead, name: str) -> bool:
    """Whether the page gets nothing by this read and is meant to."""
    environment = inspection.environments[service.name]
    if _BUILT_IN.match(name) or (
        environment.is_public(name) and not _is_of_a_server(inspection, service, read)
    ):
        return False
    value = environment.get(name)
    if is_exposed_secret(name, "" if value is None else value.text or ""):
        return False  # nobody is told to publish a secret
    return name in inspection.declared(service.name) or not _runs_on_server(inspection, service, read)


def _is_of_a_server(inspection: Inspection, service: Service, read: SourceRead) -> bool:
    """Whether it reads `process.env`, which only servers have, in a program for pages alone."""
    is_vite = service.type is ServiceType.VITE and read.form == "process.env"
    return is_vite and not inspection.once(is_isomorphic, service.name)


def _runs_on_server(inspection: Inspection, service: Service, read: SourceRead) -> bool:
    """Whether the read may well be meant for the server: no name of the page's, in a module that knows both sides."""
    if not is_surely_client(inspection, service, read):
        return True
    return "typeof window" in (inspection.read_text(inspection.root / read.path) or "")


def _defined_by_config(inspection: Inspection, service: Service) -> set[str] | None:
    """Names that the configuration defines for the page; None = all may be."""
    found = jsconfig.of(inspection.need_stack(), service, inspection.files)
    if found is None:
        return set()
    text = found[1]
    if re.search(
        r"['\"]process\.env['\"]\s*:|EnvironmentPlugin|environmentPlugin|vite-plugin-environment|DefinePlugin",
        text,
    ):
        return None
    names = set(re.findall(r"process\.env\.([A-Za-z_]\w*)['\"]?\s*\]?\s*:", text))
    block = re.search(r"\benv\s*:\s*\{(.*?)\}", text, re.DOTALL)
    if block is not None:
        names |= set(re.findall(r"(?:^|[{,])\s*([A-Za-z_]\w*)\s*(?=[:,}]|$)", block[1]))
    return names


def _finding(inspection: Inspection, service: Service, read: SourceRead, *, is_error: bool) -> Finding:
    prefix = _FRAMEWORK[service.type]
    name = read.name or ""
    is_named_right = service.type is ServiceType.VITE and inspection.environments[service.name].is_public(
        name
    )
    bare = next((name.removeprefix(each) for each in _FOREIGN_PREFIXES if name.startswith(each)), name)
    kind = "Next" if service.type is ServiceType.NEXT else "Vite"
    instead = "undefined"
    if read.fallback and "://" in read.fallback:
        instead = (
            f"undefined, and the code goes on with {evidence.shown(inspection, read.fallback, secret=False)},"
        )
    if is_named_right:
        what = f"`{name}` from `process.env`, which does not exist in the browser: the page throws a ReferenceError."
    else:
        what = f"`{name}`, which {kind} does not put into the page: it is {instead} in the browser."
    return RULE.finding(
        f"Client code of `{service.name}` reads {what}",
        evidence.read_place(inspection, read),
        *_definitions(inspection, service, name),
        severity=Severity.ERROR if is_error else Severity.INFO,
        service=service.name,
        hint=f"write `import.meta.env.{name}`: Vite has no `process.env` in the browser"
        if is_named_right
        else f"name it `{prefix}{bare}` in the env file and in the code",
    )


def _definitions(inspection: Inspection, service: Service, name: str) -> Iterator[Location]:
    value = inspection.environments[service.name].variables.get(name)
    if value is not None:
        yield inspection.at_origin(value.origin, name, note="defined here")


RULE = Rule(id="DS305", name="variable-not-exposed", severity=Severity.ERROR, page=__doc__ or "", check=check)
