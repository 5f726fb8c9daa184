"""A value of several lines (a PEM key, a JSON object) stands in an env file without quotes.

## Why it matters
Every reader ends an unquoted value at the end of its line: the program gets `-----BEGIN PRIVATE KEY-----` and
nothing else, and the following lines are dropped or become variables of their own.

## Example
```
PRIVATE_KEY=-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBg…
-----END PRIVATE KEY-----
```

## Mending
Put double quotes around the whole value (`--fix` does), or write it on one line with `\\n` inside double
quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.patterns import regex
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity
from devstack.rules.envfiles import Assignment, EnvFile

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_BEGIN = regex(r"-----BEGIN [A-Z0-9 ]+-----\s*$")
_END = regex(r"-----END [A-Z0-9 ]+-----\s*$")
_LONGEST = 400  # lines of a key or certificate chain


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per value whose first line is all that is read."""
    for path in inspection.env_paths:
        readers = inspection.readers(path)
        file = inspection.env_file(path) if readers else None
        if file is None or file.is_plain:
            continue
        for entry in file.assignments:
            end = last_line(file, entry)
            if end is None:
                continue
            kind = "PEM block" if entry.raw.startswith("-----BEGIN") else "JSON value"
            yield RULE.finding(
                f"`{entry.name}` is a {kind} of {end - entry.line + 1} lines without quotes: the program gets "
                "only its first line.",
                inspection.at(path, entry.line, variable=entry.name),
                inspection.at(path, end, note="last line of the value"),
                service=readers[0],
                hint="put double quotes around the whole value"
                if kind == "PEM block"
                else "write it on one line",
                fix=_quoted(inspection, file, entry, end),
            )


def last_line(file: EnvFile, entry: Assignment) -> int | None:
    """The 1-based last line of the value; None when it is not such a value."""
    if _BEGIN.match(entry.raw):
        closes = _END.match
    elif entry.raw in ("{", "["):
        closes = re.compile(rf"\s*{'}' if entry.raw == '{' else ']'},?\s*$").match
    else:
        return None
    for number in range(entry.line + 1, min(len(file.lines), entry.line + _LONGEST) + 1):
        if closes(file.lines[number - 1]):
            return number
    return None


def _quoted(inspection: Inspection, file: EnvFile, entry: Assignment, end: int) -> Fix | None:
    """Quotes around a PEM block: nothing in it needs escaping."""
    if entry.raw in ("{", "[") or file.encoding != "utf-8":
        return None
    first = file.lines[entry.line - 1].replace("-----BEGIN", '"-----BEGIN', 1)
    content = file.with_lines({entry.line: first, end: file.lines[end - 1].rstrip() + '"'})
    edit = Edit(kind="rewrite", path=inspection.shown(file.path), variable=entry.name, value=content)
    return Fix(title="put double quotes around it", safe=True, edits=(edit,))


RULE = Rule(
    id="DS505",
    name="unquoted-multiline",
    severity=Severity.ERROR,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
