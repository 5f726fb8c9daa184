"""Env files with real secrets can be read by other users of this machine.

## Why it matters
On a shared machine, a build server or a container with a mounted home every user can read the secrets.

## Example
```
-rw-r--r--  server/.env
```

## Mending
`chmod 600 server/.env`; `devstack doctor --fix` does it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.rules.base import Edit, Finding, Fix, Rule, Severity
from devstack.rules.env_file_tracked import real_secret
from devstack.rules.envfiles import is_example
from devstack.rules.wording import listed

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_OTHERS = 0o077
_NAMED = 3


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding for all files together."""
    if os.name == "nt":
        return
    open_files = [path for path in inspection.env_paths if _is_open(inspection, path)]
    if not open_files:
        return
    shown = [inspection.shown(path) for path in open_files]
    yield RULE.finding(
        f"Other users of this machine can read the secrets in {listed(shown, _NAMED)}.",
        *(inspection.at(path) for path in open_files),
        hint=f"`chmod 600 {' '.join(shown)}`" if len(shown) <= _NAMED else "`chmod 600` them",
        fix=Fix(
            title="let only the owner read them",
            safe=True,
            edits=tuple(Edit(kind="chmod", path=path, value="600") for path in shown),
        ),
    )


def _is_open(inspection: Inspection, path: Path) -> bool:
    facts = inspection.files.stat(path)
    is_open = facts is not None and bool(facts.st_mode & _OTHERS)
    return is_open and not is_example(path.name) and real_secret(inspection, path) is not None


RULE = Rule(
    id="DS308",
    name="env-file-permissions",
    severity=Severity.INFO,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
