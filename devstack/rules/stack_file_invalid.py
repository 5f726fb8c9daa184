"""stack.toml cannot be used as it stands: syntax, unknown keys, bad references, dependency cycles.

## Why it matters
Every other check and `devstack up` start from this file. A misspelt key would otherwise be ignored silently,
and the service would run with a default that nobody chose.

A service whose folder lies outside the repository (`dir = "../agent"`) is allowed, and mentioned.

## Example
```toml
[services.web]
type = "next"
depend_on = ["ws"]      # unknown key: did you mean `depends_on`?
```

## Mending
Each finding names file, line and key, and the nearest valid spelling. `devstack schema` prints the JSON
Schema that editors use for completion.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.errors import Problem
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per problem that the tolerant load met, and what lies outside."""
    yield from map(partial(_mistake, inspection), inspection.problems)
    yield from _outside(inspection)


def _mistake(inspection: Inspection, problem: Problem) -> Finding:
    from devstack.env.redact import without_credentials

    message = f"{problem.key}: {problem.message}" if problem.key else problem.message
    return RULE.finding(
        without_credentials(message),
        inspection.at(Path(problem.path).absolute(), problem.line),
        hint=problem.suggestion,
    )


def _outside(inspection: Inspection) -> Iterator[Finding]:
    """Folders that leave the repository: allowed, and missing for whoever clones only this one."""
    root = Path(os.path.normpath(inspection.root))
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    inside = str(top).rstrip(os.sep) + os.sep
    for service in inspection.services:
        folder = os.path.normpath(inspection.folder(service))
        if not (folder + os.sep).startswith(inside):
            yield RULE.finding(
                f"The folder `{service.dir}` of `{service.name}` lies outside this repository: whoever clones only "
                "this one lacks the service.",
                inspection.at_key(f"services.{service.name}.dir"),
                severity=Severity.INFO,
                service=service.name,
                hint=f"say in the README that the other checkout belongs at `{service.dir}`",
            )


RULE = Rule(id="DS001", name="stack-file-invalid", severity=Severity.ERROR, page=__doc__ or "", check=check)
