"""A pydantic settings class reads an env file that holds variables which are not its fields.

## Why it matters
`BaseSettings` forbids what it does not know *in the file* (never in the process environment): the backend
stops with `extra_forbidden` as soon as somebody adds a variable for another service to the shared `.env`.

## Example
```
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")      # .env also holds VITE_WS_URL
    jwt_secret: str
```

## Mending
`SettingsConfigDict(env_file=".env", extra="ignore")`, or a file of its own for the service.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.source.model import SettingsClass
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.wording import named
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per settings class and file."""
    for service in inspection.services:
        for settings in inspection.sources(service.name).settings:
            if settings.dynamic or settings.extra not in (None, "forbid"):
                continue
            for name in settings.env_files:
                yield from _in_file(inspection, service, settings, name)


def _in_file(
    inspection: Inspection, service: Service, settings: SettingsClass, name: str
) -> Iterator[Finding]:
    folder = inspection.folder(service)
    if settings.beside_module:
        folder = (inspection.root / settings.path).parent
    file = inspection.env_file(Path(folder, name))
    if file is None:
        return
    foreign = [entry for entry in file.assignments if entry.raw and not settings.takes(entry.name)]
    if not foreign:
        return
    yield RULE.finding(
        f"`{settings.name}` of `{service.name}` forbids variables that it does not know, and "
        f"{inspection.shown(file.path)} holds {named(entry.name for entry in foreign)}: it stops with "
        "`extra_forbidden` at start.",
        inspection.at(settings.path, settings.line),
        *(
            inspection.at(file.path, entry.line, variable=entry.name, note="is no field of it")
            for entry in foreign[:8]
        ),
        service=service.name,
        hint='add `extra="ignore"` to its model_config',
    )


RULE = Rule(
    id="DS513", name="settings-forbid-extra", severity=Severity.ERROR, page=__doc__ or "", check=check
)
