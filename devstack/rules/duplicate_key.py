"""One env file defines a variable twice.

## Why it matters
All but one of the lines do nothing: who edits the wrong one sees no effect. Which one wins depends on the
reader: the last one for Next, Vite, dotenv, Node and python-dotenv, the first one for `uv run
--env-file`.

## Example
```
ws/.env:1   JWT_SECRET=…   # ignored
ws/.env:9   JWT_SECRET=…   # the one that counts
```

## Mending
Keep the line that counts and remove the others; `--unsafe-fixes` does that after showing the diff. Equal
lines are only noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import Environment, LayerKind, Value
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_Definition = tuple[Path, int, str | None]


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per name and file."""
    told: set[tuple[str, str]] = set()
    for service, name, value in inspection.variables.take(inspection.variables.special):
        if not value.shadows:
            continue
        for path, definitions in _by_file(inspection, value).items():
            file = inspection.env_file(definitions[0][0])
            if file is not None and file.conflict_lines:
                continue  # a merge conflict: `syntax` speaks of it
            if len(definitions) > 1 and (path, name) not in told:
                told.add((path, name))
                yield _finding(inspection, inspection.environments[service], name, definitions)


def _by_file(inspection: Inspection, value: Value) -> dict[str, list[_Definition]]:
    """Real file → its definitions, the one that counts first; a file reached twice through links counts once."""
    found: dict[str, dict[int, _Definition]] = {}
    raw = value.text if value.raw is None else value.raw
    for origin, text in [(value.origin, raw), *((shadow.origin, shadow.text) for shadow in value.shadows)]:
        if origin.layer is LayerKind.FILE and origin.path is not None and origin.line is not None:
            lines = found.setdefault(inspection.real(origin.path), {})
            lines.setdefault(origin.line, (origin.path, origin.line, text))
    return {path: list(lines.values()) for path, lines in found.items()}


def _finding(
    inspection: Inspection, environment: Environment, name: str, definitions: list[_Definition]
) -> Finding:
    (path, winner, _), *losers = definitions
    file = inspection.env_file(path)
    raws = [None if file is None else file.written(line, name) for _, line, _ in definitions]
    is_equal = None not in raws and len(set(raws)) == 1
    loader = environment.loader.partition("@")[0]
    lines = sorted(line for _, line, _ in losers)
    shown = ", ".join(map(str, lines))
    if is_equal:
        message = f"`{name}` is written {len(definitions)} times with the same value."
    else:
        message = (
            f"`{name}` is defined {len(definitions)} times with different values; {loader} takes line "
            f"{winner}, so an edit of line {shown} has no effect."
        )
    edits = tuple(
        Edit(kind="remove-line", path=inspection.shown(path), variable=name, line=line) for line in lines
    )
    return RULE.finding(
        message,
        inspection.at(path, lines[0], variable=name, note="has no effect"),
        *(inspection.at(path, line, variable=name, note="has no effect") for line in lines[1:]),
        inspection.at(path, winner, variable=name, note="counts"),
        severity=Severity.INFO if is_equal else None,
        service=environment.service,
        hint=f"keep line {winner} only",
        fix=Fix(title=f"remove line {shown}", safe=False, edits=edits),
    )


RULE = Rule(
    id="DS501",
    name="duplicate-key",
    severity=Severity.WARNING,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
