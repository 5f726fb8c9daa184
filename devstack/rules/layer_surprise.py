"""Env files whose order, or whose being read at all, differs from what people expect.

## Why it matters
Next lets `.env.local` win over `.env.development`; Vite does it the other way round. Next never reads
`.env.staging`; neither reads a file below `src/`. The value that somebody edits is then not the one that
runs. And no file is read by itself: where neither the sources nor the command of a Python or Node service load
one, and its packages are known to load none, that is noted.

## Example
```
web/.env.local         VITE_WS_URL=ws://localhost:3001   # loses in Vite
web/.env.development   VITE_WS_URL=ws://localhost:9999   # wins
```

## Mending
For Vite put personal values into `.env.development.local`, which wins over both. Move files to the folder
that the framework reads, and name them after a mode that it knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import Environment, FileLayer, LayerKind, Value
from devstack.rules import unloaded
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.envfiles import is_env_name, is_example
from devstack.rules.wording import named
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_NEXT_MODES = {"development", "production", "test"}
# Folders of sources: an env file in one of them was meant for the service around it.
_SOURCE_FOLDERS = ("src", "app", "pages", "public", "src/app", "src/pages")


def check(inspection: Inspection) -> Iterator[Finding]:
    """Surprising winners, files that are never read, files that nothing seems to load."""
    for service in inspection.services:
        yield from _unloaded(inspection, service)
        environment = inspection.environment(service.name)
        kind = "" if environment is None else environment.loader.partition("@")[0]
        if environment is None or kind not in ("next", "vite"):
            continue
        if kind == "vite":
            yield from _local_that_loses(inspection, service, environment)
        else:
            yield from _unknown_modes(inspection, service, environment)
        yield from _among_sources(inspection, service, environment, kind)


def _unloaded(inspection: Inspection, service: Service) -> Iterator[Finding]:
    found = list(unloaded.needed(inspection, service))
    if not found:
        return
    _, value, _ = found[0]
    shown = "the env file" if value.origin.path is None else inspection.shown(value.origin.path)
    yield RULE.finding(
        f"`{service.name}` needs {named(name for name, _, _ in found)} of {shown}, but nothing in its sources, its "
        "packages or its command loads that file: started like this, the program finds no value.",
        *(inspection.at(read.path, read.line, variable=name) for name, _, read in found[:4]),
        inspection.at_origin(value.origin, found[0][0], note="written here"),
        severity=Severity.INFO,
        service=service.name,
        hint="load it in the program (`load_dotenv()`, `import 'dotenv/config'`, `node --env-file`), "
        "or write `env = { inject = true }` in stack.toml",
    )


def _local_that_loses(
    inspection: Inspection, service: Service, environment: Environment
) -> Iterator[Finding]:
    for _, name, value in inspection.variables.take(inspection.variables.special, service.name):
        winner = value.origin.path
        if winner is None or winner.name != f".env.{environment.mode}":
            continue
        loser = _local_shadow(value)
        if loser is None:
            continue
        path, line = loser
        yield RULE.finding(
            f"`{name}` from `.env.local` loses: Vite lets `.env.{environment.mode}` win (Next does it the "
            "other way round), so the page runs with the other value.",
            inspection.at(path, line, variable=name, note="loses"),
            inspection.at_origin(value.origin, name, note="wins"),
            service=service.name,
            hint=f"move it to `.env.{environment.mode}.local`, which wins over both",
        )


def _local_shadow(value: Value) -> tuple[Path, int | None] | None:
    for shadow in value.shadows:
        path = shadow.origin.path
        if path is not None and path.name == ".env.local" and shadow.text not in (value.text, value.raw):
            return path, shadow.origin.line
    return None


def _unknown_modes(inspection: Inspection, service: Service, environment: Environment) -> Iterator[Finding]:
    for name in inspection.files.names(inspection.folder(service)):
        mode = name.removeprefix(".env.").removesuffix(".local")
        if not name.startswith(".env.") or mode in _NEXT_MODES or mode == "local" or is_example(name):
            continue
        path = inspection.folder(service) / name
        if (
            inspection.files.is_file(path)
            and not _is_layer(environment, path)
            and not inspection.readers(path)
        ):
            yield RULE.finding(
                f"Next never reads `{name}`: it knows only the modes development, production and test.",
                inspection.at(path),
                severity=Severity.INFO,
                service=service.name,
                hint="rename it, or load it yourself (`dotenv -e`, `env.layers` of stack.toml)",
            )


def _among_sources(
    inspection: Inspection, service: Service, environment: Environment, kind: str
) -> Iterator[Finding]:
    folder = inspection.folder(service)
    for below in _SOURCE_FOLDERS:
        for name in inspection.files.names(folder / below):
            path = folder / below / name
            if not is_env_name(name) or is_example(name) or inspection.readers(path):
                continue
            if not inspection.files.is_file(path) or _belongs_to_other(inspection, service, path):
                continue
            if not _holds_needed(inspection, service, path):
                yield RULE.finding(
                    f"`{name}` in `{below}/` is never read: {kind.capitalize()} reads env files of "
                    f"`{_folder_shown(inspection, environment, folder)}` only, so its variables are "
                    "undefined.",
                    inspection.at(path),
                    service=service.name,
                    hint=f"move it to {_folder_shown(inspection, environment, folder)}",
                )


def _holds_needed(inspection: Inspection, service: Service, path: Path) -> bool:
    """Whether it holds what the service lacks: then `defined-where-not-read` says so."""
    file = inspection.env_file(path)
    names = inspection.declared(service.name)
    return file is not None and any(entry.name in names for entry in file.assignments)


def _folder_shown(inspection: Inspection, environment: Environment, folder: Path) -> str:
    layers: tuple[FileLayer, ...] = environment.layers
    return inspection.shown(layers[0].path.parent if layers else folder)


def _belongs_to_other(inspection: Inspection, service: Service, path: Path) -> bool:
    return any(
        other.name != service.name
        and path.is_relative_to(inspection.folder(other))
        and other.dir != service.dir
        and inspection.folder(other).is_relative_to(inspection.folder(service))
        for other in inspection.services
    )


def _is_layer(environment: Environment, path: Path) -> bool:
    return any(layer.path == path for layer in environment.layers) or any(
        value.origin.layer is LayerKind.FILE and value.origin.path == path
        for value in environment.variables.values()
    )


RULE = Rule(id="DS502", name="layer-surprise", severity=Severity.WARNING, page=__doc__ or "", check=check)
