"""vite.config reads `process.env.X`, but Vite has not loaded the env file that defines X at that time.

## Why it matters
Vite reads env files after its configuration, and never into `process.env`: the proxy's target or the port
becomes `undefined`, although the variable stands in `.env` and works inside the page's code.

## Example
```
web/.env             BACKEND_URL=http://localhost:3001
web/vite.config.ts   proxy: { "/api": process.env.BACKEND_URL }
```

## Mending
`const env = loadEnv(mode, process.cwd(), "")` in the configuration, and `env.BACKEND_URL`. Next loads env
files before its configuration, so nothing is said there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.members import is_blinded
from devstack.env.model import LayerKind
from devstack.env.source import jsconfig
from devstack.rules import claims
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import ServiceType

if TYPE_CHECKING:
    from devstack.env.model import Environment
    from devstack.rules.inspection import Inspection

# Anything of these in the configuration loads env files itself.
_LOADS = ("loadEnv", "dotenv", "load-env", "@next/env", "process.loadEnvFile", "config()")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per name."""
    for service in inspection.services:
        environment = inspection.environment(service.name)
        if service.type is not ServiceType.VITE or environment is None or _is_given(inspection, environment):
            continue
        found = jsconfig.of(inspection.need_stack(), service, inspection.files)
        if found is None or "process.env" not in found[1] or any(word in found[1] for word in _LOADS):
            continue
        shown = inspection.shown(found[0])
        index = inspection.sources(service.name)
        told: set[str] = set()
        for read in (*index.reads, *index.scripts):
            value = environment.variables.get(read.name or "")
            if read.path != shown or read.form != "process.env" or value is None or read.name is None:
                continue
            if value.origin.layer is not LayerKind.FILE or read.name in told:
                continue
            told.add(read.name)
            yield RULE.finding(
                f"{found[0].name} reads `process.env.{read.name}`, which is undefined there: Vite loads "
                f"{inspection.shown(value.origin.path) if value.origin.path else 'the file'} later, and not "
                "into `process.env`.",
                inspection.at(read.path, read.line, variable=read.name),
                inspection.at_origin(value.origin, read.name, note="defined here"),
                service=service.name,
                hint='use `loadEnv(mode, process.cwd(), "")` in the configuration',
            )


def _is_given(inspection: Inspection, environment: Environment) -> bool:
    """Whether something loads env files before Vite starts: `dotenv -- vite`, env-cmd, bun."""
    words = claims.command_words(inspection, inspection.need_stack().services[environment.service])
    is_bun = any(one.words[0] in ("bun", "bunx") for one in words)
    return is_bun or " + " in environment.loader or is_blinded(environment)


RULE = Rule(
    id="DS517", name="config-reads-unloaded", severity=Severity.WARNING, page=__doc__ or "", check=check
)
