"""A file that a program names does not exist.

## Why it matters
`load_dotenv(".env.local")` and pydantic's `env_file` say nothing about a missing file: every variable in
it is undefined. `node --env-file` stops. On a fresh clone it is the usual reason why nothing works.

## Example
```
agent/agent.py:7   load_dotenv(".env.local")        # only agent/.env.example is there
```

## Mending
`devstack env sync` creates it from the example next to it. It is an error when needed values are missing
because of it, otherwise a warning.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.rules.absence import absences, uncopied_example
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.envfiles import is_env_name, is_example
from devstack.rules.wording import named
from devstack.stack import defaults
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.env.model import Environment
    from devstack.env.source.model import SourceIndex
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per file."""
    lacking: dict[str, set[str]] = {}
    for absence in absences(inspection):
        lacking.setdefault(absence.service, set()).update(absence.need.reference.names)
    told: set[Path] = set()
    for service in inspection.services:
        for written, place in _named(inspection, service):
            path = Path(os.path.normpath(written))  # one file, however it is written
            if path in told or inspection.files.stat(path) is not None:
                continue
            told.add(path)
            example = _example(inspection, path)
            is_lacking = service.name in lacking
            if is_lacking and _stands_elsewhere(inspection, path.parent, lacking[service.name]):
                continue  # `defined-where-not-read` says where
            is_fatal = _stops(inspection, service, path)
            if (
                not is_lacking
                and not is_fatal
                and example is None
                and _has_files(inspection.environment(service.name))
            ):
                continue  # one of several files, and nothing is missing: an optional layer
            yield _finding(inspection, service, path, place, example, lacking.get(service.name))
        uncopied = uncopied_example(inspection, service.name, lacking.get(service.name, ()))
        if uncopied is not None and uncopied[1] not in told:
            told.add(uncopied[1])
            example, path = uncopied
            yield _finding(inspection, service, path, inspection.at(path), example, lacking[service.name])


def telling(inspection: Inspection) -> frozenset[str]:
    """Services that read nothing but files that do not exist: what they lack is told here, with the files."""
    lacking = {finding.service for finding in check(inspection) if finding.severity is Severity.ERROR}
    return frozenset(
        service for service in lacking if service and not _has_files(inspection.environment(service))
    )


def _has_files(environment: Environment | None) -> bool:
    return environment is not None and any(layer.exists for layer in environment.layers)


def _named(inspection: Inspection, service: Service) -> Iterator[tuple[Path, Location]]:
    folder = inspection.folder(service)
    for name in service.env.files or ():
        yield Path(folder, name), inspection.at_key(f"services.{service.name}.env.files")
    if not defaults.starts(service):
        return  # a container; the sources around it are those of others
    index = inspection.sources(service.name)
    for place, paths in _called(inspection, service, index).items():
        if not any(inspection.files.stat(path) for path in paths):  # else they are the layers of one call
            yield paths[0], place
    environment = inspection.environment(service.name)
    for issue in () if environment is None else environment.issues:
        launch = inspection.launch(service.name)
        if issue.kind == "missing" and issue.fatal and launch is not None:
            yield issue.path, inspection.at_spot(launch.spot)  # `node --env-file`: the program does not start
    for settings in index.settings:
        base = (inspection.root / settings.path).parent if settings.beside_module else folder
        for name in () if settings.dynamic else settings.env_files:
            yield Path(base, name), inspection.at(settings.path, settings.line)


def _called(inspection: Inspection, service: Service, index: SourceIndex) -> dict[Location, list[Path]]:
    """Call → the files that it names."""
    found: dict[Location, list[Path]] = {}
    for call in () if service.env.files is not None else index.dotenv_calls:
        if call.file is not None and not call.dynamic:
            module = (inspection.root / call.path).parent
            base = module if call.beside_module else inspection.folder(service)
            path = Path(os.path.normpath(base / call.file))
            found.setdefault(inspection.at(call.path, call.line), []).append(path)
    return found


def _stands_elsewhere(inspection: Inspection, folder: Path, names: set[str]) -> bool:
    """Whether another file of the folder defines what is missing."""
    for path in inspection.env_paths:
        if path.parent == folder and not is_example(path.name):
            file = inspection.env_file(path)
            if file is not None and names.intersection(entry.name for entry in file.assignments):
                return True
    return False


def _example(inspection: Inspection, path: Path) -> Path | None:
    for name in inspection.files.names(path.parent):
        if is_example(name) and (is_env_name(name) or "env" in name):
            return path.parent / name
    return None


def _finding(
    inspection: Inspection,
    service: Service,
    path: Path,
    place: Location,
    example: Path | None,
    lacking: set[str] | None,
) -> Finding:
    shown = inspection.shown(path)
    effect, is_fatal = "whatever it should hold is undefined", _stops(inspection, service, path)
    if lacking:
        effect = f"variables it needs are undefined ({named(sorted(lacking))})"
    if is_fatal:
        effect = "the program does not start"
    related = () if example is None else (inspection.at(example, note="the example to copy"),)
    return RULE.finding(
        f"`{service.name}` reads {shown}, which does not exist: {effect}.",
        place,
        *related,
        severity=Severity.ERROR if lacking or is_fatal else Severity.WARNING,
        service=service.name,
        hint="`devstack env sync` creates it from the example" if example else f"create {shown}",
    )


def _stops(inspection: Inspection, service: Service, path: Path) -> bool:
    environment = inspection.environment(service.name)
    issues = () if environment is None else environment.issues
    return any(issue.kind == "missing" and issue.fatal and issue.path == path for issue in issues)


RULE = Rule(id="DS514", name="missing-env-file", severity=Severity.WARNING, page=__doc__ or "", check=check)
