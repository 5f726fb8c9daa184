"""A text in an env file on which its reader drops the whole file, stops with an error, or hangs.

## Why it matters
One line takes every variable of the file with it. Next prints `Failed to load env from .env` among its
first lines and starts with nothing; Vite 6–8 loops until memory runs out; honcho and compose refuse to
start anything.

## Example
```
web/.env   NODE_OPTIONS=$NODE_OPTIONS --inspect     # refers to itself: Next drops the whole file
```

## Mending
Change the line that the finding names. To pass a variable of the shell on, leave it out of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import Environment, LoadIssue
from devstack.rules.base import Finding, Location, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_KINDS = {"file-dropped", "error", "hang", "unreadable", "too-large", "unread"}


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per file and line, however many services read it."""
    told: set[tuple[str, int | None]] = set()
    for service, environment in inspection.environments.items():
        for issue in environment.issues:
            place = (inspection.real(issue.path), issue.line)
            if issue.kind in _KINDS and (issue.fatal or issue.kind != "error") and place not in told:
                told.add(place)
                yield _finding(inspection, service, environment, issue)


def _finding(inspection: Inspection, service: str, environment: Environment, issue: LoadIssue) -> Finding:
    if issue.kind in ("unread", "too-large"):
        is_pipe = issue.kind == "unread"  # one that a password manager fills
        return RULE.finding(
            f"{inspection.shown(issue.path)} {issue.message}: nothing is known of its variables.",
            inspection.at(issue.path),
            severity=Severity.INFO if is_pipe else Severity.WARNING,
            service=service,
            hint=None if is_pipe else "an env file holds settings; keep data elsewhere",
        )
    loader = environment.loader.partition("+")[0]
    lost = (
        "the whole file, so every variable of it is undefined" if issue.fatal else "what follows in the file"
    )
    effect = {
        "hang": "never finishes reading it",
        "error": "stops with an error",
        "unreadable": "cannot open it",
    }.get(issue.kind, f"drops {lost}")
    return RULE.finding(
        f"{loader} {effect}: {issue.message.rstrip('.')}.",
        _place(inspection, issue),
        service=service,
        hint="make it readable" if issue.kind == "unreadable" else "change this line",
    )


def _place(inspection: Inspection, issue: LoadIssue) -> Location:
    """The line that the loader names, else the first one that refers to itself."""
    file = inspection.env_file(issue.path) if issue.line is None else None
    for entry in file.assignments if file else ():
        if re.search(rf"\$\{{?{re.escape(entry.name)}\b", entry.raw):
            return inspection.at(issue.path, entry.line, variable=entry.name)
    return inspection.at(issue.path, issue.line)


RULE = Rule(id="DS509", name="loader-crash", severity=Severity.ERROR, page=__doc__ or "", check=check)
