"""A Procfile runner (honcho, foreman) mangles the `.env` that it injects, or stops on it.

## Why it matters
honcho reads `.env` with a lexer of its own: it drops `export` lines, cuts at `#`, deletes spaces inside unquoted
values and stops at an odd quote. What it made of the file goes into *every* process and wins over the file that
the programs read themselves, so all services are wrong at once.

## Example
```
.env          export LIVEKIT_API_SECRET=…      # dropped
              GREETING=hello world             # helloworld
Procfile.dev  web: npm run dev
```

## Mending
Quote values with spaces or `#`, drop `export`; or start the stack with `devstack up`, which injects nothing that the
programs load themselves. Nothing is said without a Procfile, where another runner (overmind, hivemind) is
used, nor for a `Procfile` of a deployment: one that neither stack.toml nor Makefile, package.json or README start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import Loaded
from devstack.patterns import regex
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.readings import Difference, agreed, read_with
from devstack.rules.wording import listed

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_MENTIONS = tuple("Makefile makefile package.json justfile Justfile README.md bin/dev Taskfile.yml".split())  # noqa: SIM905
_PARSERS = regex(r"\b(?:honcho|foreman|nf)\s+(?:start|run|-)")
_OTHERS = regex(r"\b(?:overmind|hivemind|mprocs|process-compose)\b")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per env file beside a Procfile."""
    procfile = _procfile(inspection)
    path = inspection.root / ".env"
    if procfile is None or not inspection.files.is_file(path):
        return
    loaded = read_with(inspection, "honcho", path)
    fatal = next((issue for issue in loaded.issues if issue.fatal), None)
    if fatal is not None:
        yield RULE.finding(
            f"honcho stops on this file, so nothing of {procfile} starts: {fatal.message.rstrip('.')}.",
            inspection.at(path, fatal.line),
            inspection.at(procfile, note="what it runs"),
            hint="close the quote, or start with `devstack up`",
        )
        return
    differences = _differences(inspection, path, loaded)
    if differences:
        told = listed([f"`{one.name}` {one.how}" for one in differences], between="; ")
        yield RULE.finding(
            f"Started through {procfile}, honcho gives every service other values than this file holds: "
            f"{told}.",
            *(inspection.at(path, one.line, variable=one.name) for one in differences[:8]),
            hint="quote values with spaces or `#`, drop `export`, or start with `devstack up`",
        )


def _procfile(inspection: Inspection) -> str | None:
    """The Procfile that honcho or foreman may start; a lone `Procfile` that nobody speaks of is for deployment."""
    texts = "\n".join(inspection.read_text(inspection.root / name) or "" for name in _MENTIONS)
    is_started = _PARSERS.search(texts) is not None
    if _OTHERS.search(texts) and not is_started:
        return None
    declared = None if inspection.stack is None else inspection.stack.procfile
    names = (declared, "Procfile.dev", "Procfile" if is_started else None)
    return next((name for name in names if name and inspection.files.is_file(inspection.root / name)), None)


def _differences(inspection: Inspection, path: Path, loaded: Loaded) -> list[Difference]:
    found = []
    for name, value in agreed(inspection, path).items():
        if not value.text:
            continue  # honcho drops empty ones: the programs' own reading sets them
        got = loaded.variables.get(name)
        if got is None:
            found.append(Difference(name=name, line=value.origin.line, how="is dropped"))
        elif got.text != value.text:
            found.append(Difference(name=name, line=value.origin.line, how=_how(value.text, got.text or "")))
    cut = [name for name in loaded.variables if name not in {one.name for one in found}]
    found += _cut(inspection, path, loaded, cut)
    return sorted(found, key=lambda one: one.line or 0)


def _cut(inspection: Inspection, path: Path, loaded: Loaded, names: list[str]) -> list[Difference]:
    """Values that honcho cuts at `#` or squeezes although neither other reader gives that text."""
    others = [read_with(inspection, kind, path).variables for kind in ("dotenv", "python-dotenv")]
    found = []
    for name in names:
        text = loaded.variables[name].text
        given = [variables[name].text for variables in others if name in variables]
        if given and all(given) and text not in given:
            line = loaded.variables[name].origin.line
            found.append(Difference(name=name, line=line, how=_how(given[0] or "", text or "")))
    return found


def _how(written: str, got: str) -> str:
    if got == re.sub(r"\s", "", written):
        return "loses its spaces"
    if written.startswith(got):
        return "is cut"
    if "\\" in written:
        return "loses its backslashes"
    return "is changed"


RULE = Rule(
    id="DS504", name="procfile-runner-parse", severity=Severity.ERROR, page=__doc__ or "", check=check
)
