"""A task runner strips variables that a service needs: Turborepo's strict mode.

## Why it matters
Turborepo 2 gives a task only the variables that turbo.json lists (`env`, `passThroughEnv`, `globalEnv`,
…). What a shell, a `dotenv --` wrapper or CI exports does not arrive, so the service sees `undefined`,
while the same command without turbo works. Variables that the service loads from its own env files are
not affected.

## Example
```
turbo.json   "tasks": {"dev": {}}             # root .env: JWT_SECRET=…, loaded by `dotenv -- turbo dev`
```

## Mending
Add the name to the task's `env` or to `globalEnv`, or to `passThroughEnv` when it must not change the
cache's key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.patterns import regex
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.stack import package
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

# What Turborepo passes in strict mode without being asked, and what frameworks are inferred to need.
_PASSED = regex(
    r"^(?:CI|HOME|PATH|USER|SHELL|LANG|PWD|TMP|TEMP|TMPDIR|TERM|TURBO_.*|VERCEL_.*|NODE_OPTIONS|NODE_ENV|NPM_.*"
    r"|NEXT_PUBLIC_.*|VITE_.*|REACT_APP_.*|EXPO_PUBLIC_.*|PORT|FORCE_COLOR|NO_COLOR|COLORTERM)$"
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service, naming what it does not get."""
    found = _turbo(inspection)
    if found is None:
        return
    path, settings = found
    for service in inspection.services:
        task = _task(inspection, service)
        if task is None:
            continue
        allowed = _allowed(settings, task)
        names = [name for name in _from_outside(inspection, service) if not _matches(name, allowed)]
        if names:
            shown = ", ".join(f"`{name}`" for name in names[:5]) + (" …" if len(names) > 5 else "")
            yield RULE.finding(
                f"Turborepo's strict mode keeps {shown} from `{service.name}`: turbo.json does not list "
                "it for "
                f"the task `{task}`, and no env file of the service sets it.",
                _place(inspection, path, task),
                service=service.name,
                hint="add it to `env`, `globalEnv` or `passThroughEnv`",
            )


def _turbo(inspection: Inspection) -> tuple[Path, dict[str, object]] | None:
    for name in ("turbo.json", "turbo.jsonc"):
        path = inspection.root / name
        text = inspection.read_text(path)
        if text is None:
            continue
        try:
            data = json.loads(re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', r"\1", text, flags=re.DOTALL))
        except ValueError:
            return None
        if isinstance(data, dict) and "tasks" in data and data.get("envMode") != "loose":
            return path, data
    return None


def _task(inspection: Inspection, service: Service) -> str | None:
    """The turbo task through which the service is started, or None when it is started without turbo."""
    launch = inspection.launch(service.name)
    texts = [] if launch is None else [launch.command, launch.script.text if launch.script else ""]
    own = package.read(inspection.folder(service))
    root = package.read(inspection.root)
    if root is not None and own is not None and service.dir != "." and launch is not None and launch.script:
        texts.append(root.scripts.get(launch.script.name, ""))
    for text in texts:
        found = re.search(r"\bturbo\s+(?:run\s+)?([\w:-]+)", text)
        if found and "--env-mode=loose" not in text and "--env-mode loose" not in text:
            return found.group(1)
    return None


def _allowed(settings: dict[str, object], task: str) -> list[str]:
    names: list[object] = []
    tasks = settings.get("tasks")
    for key in ("globalEnv", "globalPassThroughEnv"):
        listed = settings.get(key)
        names += listed if isinstance(listed, list) else []
    for name, table in tasks.items() if isinstance(tasks, dict) else ():
        if name.rpartition("#")[2] == task and isinstance(table, dict):
            for key in ("env", "passThroughEnv"):
                listed = table.get(key)
                names += listed if isinstance(listed, list) else []
    return [name for name in names if isinstance(name, str)]


def _from_outside(inspection: Inspection, service: Service) -> list[str]:
    """Names that the service's source reads and that only the outside (shell, `set`, root `.env`) gives it."""
    environment = inspection.environment(service.name)
    if environment is None:
        return []
    root = inspection.env_file(inspection.root / ".env") if service.dir != "." else None
    outside = {entry.name for entry in root.assignments} if root else set()
    names: dict[str, None] = {}
    for read in inspection.sources(service.name).reads:
        name = read.name
        if name is None or read.has_fallback or _PASSED.match(name):
            continue
        value = environment.get(name)
        is_given = (
            value is not None and value.origin.layer is not LayerKind.FILE
        )  # turbo gets it, not the task
        if is_given or (value is None and name in outside):
            names[name] = None
    return list(names)


def _matches(name: str, allowed: list[str]) -> bool:
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), name) for one in allowed)


def _place(inspection: Inspection, path: Path, task: str) -> Location:
    text = inspection.read_text(path) or ""
    at = text.find(f'"{task}"')
    return inspection.at(path, text.count("\n", 0, at) + 1 if at >= 0 else 1)


RULE = Rule(
    id="DS516", name="environment-filtered", severity=Severity.WARNING, page=__doc__ or "", check=check
)
