"""The example and the env file do not hold the same variables.

## Why it matters
A key that somebody added to `.env.example` is missing on every older checkout: the program works with a
silent default. A key that is only in your own file is missing for the next person who clones.

## Example
```
ws/.env.example   REDIS_URL=redis://localhost     # not in ws/.env
```

## Mending
`--fix` adds missing keys from the example (`devstack env sync` too); add the others to the example with a
placeholder. Keys that are commented out in your file count as decided.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.patterns import regex
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity
from devstack.rules.envfiles import Assignment, EnvFile, is_env_name, is_example
from devstack.rules.wording import named
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_COMMENTED = regex(r"^\s*#+\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)


def check(inspection: Inspection) -> Iterator[Finding]:
    """At most two findings per example: what the env files lack, and what the example lacks."""
    told: set[str] = set()
    for service in inspection.services:
        for example, files in _pairs(inspection, service):
            real = inspection.real(example.path)
            if real not in told:
                told.add(real)
                yield from _missing(inspection, service, example, files)
                yield from _extra(inspection, service, example, files)


def _pairs(inspection: Inspection, service: Service) -> Iterator[tuple[EnvFile, list[EnvFile]]]:
    """Each example beside a file that the service reads, with all existing files of the service."""
    environment = inspection.environment(service.name)
    if environment is None:
        return
    existing = [
        layer.path for layer in environment.layers if layer.exists and not is_example(layer.path.name)
    ]
    if service.env.example is not None:
        paths = [inspection.folder(service) / service.env.example]
    else:
        folders = dict.fromkeys(os.path.dirname(inspection.real(path)) for path in existing)  # noqa: PTH120
        paths = [
            Path(folder, name)
            for folder in folders
            for name in inspection.files.names(folder)
            if is_example(name) and is_env_name(name)
        ]
    files = [file for file in map(inspection.env_file, existing if paths else ()) if file is not None]
    for path in paths[:1] if files else ():
        example = inspection.env_file(path)
        if example is not None:
            yield example, files


def _missing(
    inspection: Inspection, service: Service, example: EnvFile, files: list[EnvFile]
) -> Iterator[Finding]:
    known = _decided(inspection, service, files)
    lacking = [entry for entry in _unique(example.assignments) if entry.name not in known]
    if not lacking:
        return
    target = _target(files)
    shown = inspection.shown(target.path)
    edits = tuple(
        Edit(kind="append-line", path=shown, variable=entry.name, value=f"{entry.name}={entry.raw}")
        for entry in lacking
        if "\n" not in entry.raw
    )
    yield RULE.finding(
        f"{shown} lacks {_listed(lacking)}, which the example {inspection.shown(example.path)} has: "
        f"`{service.name}` works without, or with a default.",
        inspection.at(target.path, variable=lacking[0].name),
        *(
            inspection.at(example.path, entry.line, variable=entry.name, note="in the example")
            for entry in lacking[:8]
        ),
        severity=Severity.WARNING if any(entry.raw for entry in lacking) else Severity.INFO,
        service=service.name,
        hint="`devstack env sync` adds them, or comment them out in the file to say that they are not wanted",
        fix=Fix(title=f"add {_listed(lacking)} from the example", safe=True, edits=edits),
    )


def _decided(inspection: Inspection, service: Service, files: list[EnvFile]) -> set[str]:
    """Names that are given, in a file or otherwise, or that a comment says are not wanted."""
    present = {entry.name for file in files for entry in file.assignments}
    commented = {name for file in files for name in _COMMENTED.findall(file.text)}
    variables = inspection.environments[service.name].variables
    given = {name for name, value in variables.items() if value.origin.layer is not LayerKind.FILE}
    return present | commented | given | inspection.process_env.keys()


def _extra(
    inspection: Inspection, service: Service, example: EnvFile, files: list[EnvFile]
) -> Iterator[Finding]:
    known = {entry.name for entry in example.assignments} | set(_COMMENTED.findall(example.text))
    read = inspection.read_names(service.name)
    extra = [
        (file, entry)
        for file in files
        for entry in _unique(file.assignments)
        if entry.name not in known and entry.name in read
    ]
    if extra:
        entries = [entry for _, entry in extra]
        yield RULE.finding(
            f"The example {inspection.shown(example.path)} lacks {_listed(entries)}: the next person who "
            "clones does not learn of it.",
            inspection.at(example.path, variable=entries[0].name),
            *(inspection.at(file.path, entry.line, variable=entry.name) for file, entry in extra[:8]),
            severity=Severity.INFO,
            service=service.name,
            hint="add it there with a placeholder",
        )


def _target(files: list[EnvFile]) -> EnvFile:
    """The file a person edits: `.env.local` before `.env`, else the first."""
    return next((file for file in files if file.path.name.endswith(".local")), files[0])


def _unique(entries: tuple[Assignment, ...]) -> list[Assignment]:
    return list({entry.name: entry for entry in entries}.values())


def _listed(entries: list[Assignment]) -> str:
    return named(entry.name for entry in entries)


RULE = Rule(
    id="DS701",
    name="example-drift",
    severity=Severity.WARNING,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
