"""A variable is defined in an env file and read by nothing.

## Why it matters
It costs the next reader's time, and suggests a switch that does nothing. Often it is the old name of a
variable.

## Example
```
ws/.env   OLD_FLAG=1
```

## Mending
Remove the line. Sources, scripts, compose files, Procfiles, schema files and configuration of every
service count as readers; with dynamic access (`os.environ[name]`) nothing is said, because anything may
be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.env.secrets import is_plain_name
from devstack.patterns import regex
from devstack.rules.absence import SKIPPED_FOLDERS
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.envfiles import is_env_name
from devstack.rules.known_names import is_read_by_library

if TYPE_CHECKING:
    from devstack.env.source.model import SourceIndex
    from devstack.rules.inspection import Inspection

_WORD = regex(rb"[A-Za-z_][A-Za-z0-9_]{2,}")
_NOT_TEXT = {
    *(".png", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".svg", ".onnx", ".mp3", ".mp4", ".wav"),
    *(".woff", ".woff2", ".ttf", ".pdf", ".map", ".pyc", ".so", ".zip", ".gz", ".lock", ".md", ".log"),
}
_MOST_FILES = 20_000


def check(inspection: Inspection) -> Iterator[Finding]:
    """One note per variable; nothing where readers cannot be known."""
    candidates = _candidates(inspection)
    if not candidates:
        return
    mentioned = _mentioned(inspection, set(candidates))
    for name, service in candidates.items():
        if name not in mentioned:
            value = inspection.environments[service].variables[name]
            yield RULE.finding(
                f"`{name}` is defined for `{service}`, and nothing in the repository reads it.",
                inspection.at_origin(value.origin, name),
                service=service,
                hint="remove the line, or say in a comment who needs it",
            )


def _used(inspection: Inspection) -> set[str]:
    """Names that an index, stack.toml or another variable speaks of."""
    used: set[str] = set()
    for service in inspection.services:
        index = inspection.sources(service.name)
        used.update(inspection.read_names(service.name), inspection.declared(service.name))
        used.update(read.name for read in index.scripts if read.name)
        used.update(name for settings in index.settings for name in settings.fields)
    for _, _, value in inspection.variables.take(inspection.variables.special):
        used.update(value.references)
    return used


def _reads_anything(index: SourceIndex) -> bool:
    """Whether the sources may read names that nobody can tell."""
    is_dynamic = any(read.name is None for read in index.reads)
    return index.files_scanned == 0 or is_dynamic or any(settings.dynamic for settings in index.settings)


def _candidates(inspection: Inspection) -> dict[str, str]:
    """Name → first service, for file definitions that no index knows a read of."""
    used = _used(inspection)
    indexes = {service.name: inspection.sources(service.name) for service in inspection.services}
    classes = [settings for index in indexes.values() for settings in index.settings]
    silent = {name for name, index in indexes.items() if _reads_anything(index)}
    found: dict[str, str] = {}
    for service_name, environment in inspection.environments.items():
        if all(silent.intersection(inspection.readers(layer.path)) for layer in environment.layers):
            continue
        for name, value in environment.variables.items():
            path = value.origin.path
            if name in found or name in used or value.origin.layer is not LayerKind.FILE or path is None:
                continue
            if silent.intersection(inspection.readers(path)) or is_read_by_library(name):
                continue
            if any(settings.takes(name) for settings in classes):
                continue
            if is_plain_name(name):
                found[name] = service_name
    return found


def _mentioned(inspection: Inspection, names: set[str]) -> set[str]:
    """Those of `names` that some text of the repository mentions, env files left out."""
    wanted = {name.encode() for name in names}
    found: set[bytes] = set()
    for path in _texts(inspection):
        content = inspection.read_quietly(path)
        if content:
            found |= wanted.intersection(_WORD.findall(content))
        if len(found) == len(wanted):
            break
    return {name.decode() for name in found}


def _texts(inspection: Inspection) -> Iterator[Path]:
    folders = [inspection.root, *(inspection.folder(service) for service in inspection.services)]
    seen: set[str] = set()
    count = 0
    for start in dict.fromkeys(folders):
        for folder, below, names in os.walk(start):
            below[:] = [
                name for name in below if name not in SKIPPED_FOLDERS - {"tests", "test", "e2e", ".github"}
            ]
            real = os.path.realpath(folder)
            if real in seen:
                below.clear()
                continue
            seen.add(real)
            for name in names:
                path = Path(folder, name)
                if is_env_name(name) or path.suffix in _NOT_TEXT or name == "stack.toml":
                    continue
                count += 1
                if count > _MOST_FILES:
                    return
                yield path


RULE = Rule(id="DS703", name="unused-variable", severity=Severity.INFO, page=__doc__ or "", check=check)
