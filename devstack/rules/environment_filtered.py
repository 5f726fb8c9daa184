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

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.env import wrappers
from devstack.env.model import LayerKind
from devstack.patterns import regex
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.wording import named
from devstack.stack import package, pages, scripts
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

# What Turborepo passes in strict mode without being asked, and what frameworks are inferred to need.
_PASSED = regex(
    r"^(?:CI|HOME|PATH|USER|SHELL|LANG|PWD|TMP|TEMP|TMPDIR|TERM|TURBO_.*|VERCEL_.*|NODE_OPTIONS|NODE_ENV|NPM_.*"
    r"|NEXT_PUBLIC_.*|VITE_.*|REACT_APP_.*|EXPO_PUBLIC_.*|PORT|FORCE_COLOR|NO_COLOR|COLORTERM)$"
)

# Options of turbo that take the next word.
_VALUED = frozenset(
    "-F --filter --cwd --concurrency --env-mode --ui --cache-dir --output-logs --log-order".split()  # noqa: SIM905
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service, naming what it does not get."""
    path, settings = _settings(inspection, inspection.root)
    if "tasks" not in settings or settings.get("envMode") == "loose":
        return
    for service in inspection.services:
        found = _started(inspection, service)
        if found is None:
            continue
        task, given = found
        _, own = _settings(inspection, inspection.folder(service))
        allowed = [*_allowed(settings, task), *_allowed(own, task)]
        names = [name for name in _from_outside(inspection, service, given) if not _matches(name, allowed)]
        if names:
            what = "it" if len(names) == 1 else "them"
            yield RULE.finding(
                f"Turborepo's strict mode keeps {named(names)} from `{service.name}`: turbo.json does not list {what} "
                f"for the task `{task}`, and no env file of the service sets {what}.",
                _place(inspection, path, task),
                service=service.name,
                hint=f"add {what} to `env`, `globalEnv` or `passThroughEnv`",
            )


def _settings(inspection: Inspection, folder: Path) -> tuple[Path, dict[str, object]]:
    """turbo.json of the repository, or of one package that adds to it."""
    for name in ("turbo.json", "turbo.jsonc"):
        data = foreign.from_commented_json(inspection.read_text(folder / name) or "")
        if isinstance(data, dict):
            return folder / name, data
    return folder, {}


def _started(inspection: Inspection, service: Service) -> tuple[str, frozenset[str]] | None:
    """The task through which turbo starts the service, and the names that something before turbo gives it.

    None where it is started without turbo, or with `--env-mode=loose`.
    """
    launch = inspection.launch(service.name)
    texts = [] if launch is None else [launch.command, launch.script.text if launch.script else ""]
    root = package.read(inspection.root)
    if root is not None and service.dir != "." and launch is not None and launch.script is not None:
        texts.append(root.scripts.get(launch.script.name, ""))
    for text in texts:
        for step in pages.steps(text, inspection.root):
            words = scripts.tool(step.words)
            task = _task(words[1:]) if words[:1] == ("turbo",) else None
            if task is not None:
                return None if "loose" in text else (task, _supplied(inspection, text))
    return None


def _task(words: Sequence[str]) -> str | None:
    """`dev` of `turbo run --filter web dev`."""
    rest = iter(words)
    for word in rest:
        if word in _VALUED:
            next(rest, None)
        elif not word.startswith("-") and word not in ("run", "watch"):
            return word
    return None


def _supplied(inspection: Inspection, text: str) -> frozenset[str]:
    """Names of the root's `.env`, where the command loads it for turbo (`dotenv -- turbo dev`)."""
    if not wrappers.supplies(text, {}, env_file_flag=True):
        return frozenset()
    file = inspection.env_file(inspection.root / ".env")
    return frozenset(entry.name for entry in file.assignments) if file else frozenset()


def _allowed(settings: Mapping[str, object], task: str) -> Iterator[str]:
    tasks = settings.get("tasks")
    own = [
        table
        for name, table in (tasks.items() if isinstance(tasks, dict) else ())
        if name.rpartition("#")[2] == task and isinstance(table, dict)
    ]
    for table in (settings, *own):
        for key in ("globalEnv", "globalPassThroughEnv", "env", "passThroughEnv"):
            names = table.get(key)
            yield from (name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _from_outside(inspection: Inspection, service: Service, given: frozenset[str]) -> list[str]:
    """Names that the service's source reads and that only the outside (shell, `set`, `given`) gives it."""
    environment = inspection.environment(service.name)
    if environment is None:
        return []
    names: dict[str, None] = {}
    for read in inspection.sources(service.name).reads:
        name = read.name
        if name is None or read.has_fallback or _PASSED.match(name):
            continue
        value = environment.get(name)
        if name in given if value is None else value.origin.layer is not LayerKind.FILE:
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
