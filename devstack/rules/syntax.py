"""A line of an env file that is no assignment, or that its reader takes for something else.

## Why it matters
`JWT_SECRET: abc` is a variable for Next and dotenv, and nothing at all for python-dotenv, honcho and
shells. A forgotten quote makes the quote part of the value, or swallows the lines below. Merge markers
and notes without `#` are skipped by most readers; Vite 8 on Node 20 loses the *next* variable.

## Example
```
ws/.env   JWT_SECRET: abc
```

## Mending
Write `NAME=value`, close the quote, resolve the merge, or begin the line with `#`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.env.model import LayerKind
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity
from devstack.rules.envfiles import Assignment, EnvFile
from devstack.rules.unquoted_multiline import last_line

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_DROPS = {"line-dropped", "next-key-lost"}


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per line."""
    dropped = _dropped(inspection)
    for path in inspection.env_paths:
        readers = inspection.readers(path)
        file = inspection.env_file(path) if readers else None
        lost = dropped.get(inspection.real(path), {})
        if file is None or file.encoding == "utf-16" or (file.is_plain and not lost):
            continue
        if _is_json(file.text):
            yield _json(inspection, file, readers)
            continue
        told: set[int] = set()
        for finding in _markers(inspection, file, readers[0]):
            told.update(place.line or 0 for place in finding.locations)
            yield finding
        for finding in (*_yaml(inspection, file, readers), *_quotes(inspection, file)):
            line = finding.locations[0].line or 0
            if line not in told:
                told.add(line)
                yield finding
        yield from _junk(inspection, file, lost, told)


def _dropped(inspection: Inspection) -> dict[str, dict[int, list[tuple[str, str]]]]:
    """Real file → line → (service, message) of what loaders could not take."""
    found: dict[str, dict[int, list[tuple[str, str]]]] = {}
    for service, environment in inspection.environments.items():
        for issue in environment.issues:
            if issue.kind in _DROPS and issue.line is not None:
                lines = found.setdefault(inspection.real(issue.path), {})
                lines.setdefault(issue.line, []).append((service, issue.message))
    return found


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{") and isinstance(foreign.from_json(text), dict)


def _json(inspection: Inspection, file: EnvFile, readers: tuple[str, ...]) -> Finding:
    names = ", ".join(f"`{service}`" for service in readers)
    return RULE.finding(
        f"This file holds JSON, and env files hold `NAME=value` lines: {names} finds no variable in it.",
        inspection.at(file.path, 1),
        service=readers[0],
        hint="write one `NAME=value` a line",
    )


def _markers(inspection: Inspection, file: EnvFile, service: str) -> Iterator[Finding]:
    lines = file.conflict_lines
    if len(lines) > 1:
        yield RULE.finding(
            "A merge conflict was left in this file: both versions of each line are read, the later one "
            "wins.",
            *(inspection.at(file.path, line) for line in lines),
            service=service,
            hint="keep one version and remove the markers",
        )


def _yaml(inspection: Inspection, file: EnvFile, readers: tuple[str, ...]) -> Iterator[Finding]:
    """`NAME: value` that some reader does not take."""
    for entry in file.assignments:
        if entry.separator != ":" or not re.fullmatch(r"[A-Za-z_]\w*", entry.name):
            continue
        without = [service for service in readers if not _has(inspection, service, entry, file)]
        if without:
            names = ", ".join(f"`{service}`" for service in without)
            yield RULE.finding(
                f"`{entry.name}: …` is YAML, not an assignment: {names} finds no such variable.",
                inspection.at(file.path, entry.line, variable=entry.name),
                service=without[0],
                hint=f"write `{entry.name}=…`",
            )


def _has(inspection: Inspection, service: str, entry: Assignment, file: EnvFile) -> bool:
    value = inspection.environments[service].variables.get(entry.name)
    if value is None:
        return False
    origins = [value.origin, *(shadow.origin for shadow in value.shadows)]
    return any(origin.layer is LayerKind.FILE and origin.line == entry.line for origin in origins)


def _quotes(inspection: Inspection, file: EnvFile) -> Iterator[Finding]:
    """A quote that is opened and never closed."""
    for entry in file.assignments:
        quote = entry.raw[:1]
        if quote not in ("'", '"') or "\n" in entry.raw or quote in re.sub(r"\\.", "", entry.raw[1:]):
            continue
        if entry.raw.count("-----BEGIN"):
            continue
        readers = inspection.readers(file.path)
        fix = _closed(inspection, file, entry, quote)
        yield RULE.finding(
            f"The quote of `{entry.name}` is never closed: JavaScript readers keep it as part of the value, "
            "python-dotenv drops the line, compose and honcho stop.",
            inspection.at(file.path, entry.line, variable=entry.name),
            service=readers[0],
            hint=f"add {quote} at the end, or remove the first one",
            fix=fix,
        )


def _closed(inspection: Inspection, file: EnvFile, entry: Assignment, quote: str) -> Fix | None:
    if "#" in entry.raw or file.encoding != "utf-8":
        return None
    content = file.with_lines({entry.line: file.lines[entry.line - 1].rstrip() + quote})
    edit = Edit(kind="rewrite", path=inspection.shown(file.path), variable=entry.name, value=content)
    return Fix(title="close the quote", safe=False, edits=(edit,))


def _junk(
    inspection: Inspection, file: EnvFile, dropped: dict[int, list[tuple[str, str]]], told: set[int]
) -> Iterator[Finding]:
    known = {entry.line for entry in file.assignments}
    for entry in file.assignments:  # lines of an unquoted block: `unquoted-multiline` speaks of them
        told.update(range(entry.line + 1, (last_line(file, entry) or entry.line) + 1))
    for line, reports in sorted(dropped.items()):
        text = file.lines[line - 1].strip() if line <= len(file.lines) else ""
        if line in told or not text or text.startswith("#"):
            continue
        services = list(dict.fromkeys(service for service, _ in reports))
        names = ", ".join(f"`{service}`" for service in services)
        is_assignment = line in known
        yield RULE.finding(
            f"{names} cannot use this line: {reports[0][1].rstrip('.')}.",
            inspection.at(file.path, line),
            severity=Severity.ERROR if is_assignment else Severity.WARNING,
            service=services[0],
            hint="write `NAME=value`" if is_assignment else "begin the line with `#`, or remove it",
        )


RULE = Rule(id="DS508", name="syntax", severity=Severity.ERROR, page=__doc__ or "", check=check, fixable=True)
