"""A value holds `$(…)`: some readers run it as a command, others take it literally.

## Why it matters
dotenv-expand 1000, dotenvx and every shell that sources the file *execute* the text; Next, Vite and
python-dotenv do not. The value differs from program to program, and whoever can write the file can run
commands.

## Example
```
TOKEN=abc$(date)
```

## Mending
Run the command yourself and write its result, or set the variable where the program is started. A literal
`$(` is best avoided in values that several programs read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.patterns import regex
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_SUBSTITUTION = regex(r"(?<!\\)\$\([A-Za-z_./~][^()]*\)")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per line of a file that some service reads."""
    for path in inspection.env_paths:
        readers = inspection.readers(path)
        file = inspection.env_file(path) if readers else None
        if file is None or "$(" not in file.text:
            continue
        for entry in file.assignments:
            if substitutes(entry.raw):
                yield RULE.finding(
                    f"`{entry.name}` holds a command in `$(…)`: dotenv-expand, dotenvx and shells run it, "
                    "others keep the text, so programs see different values and the file can execute code.",
                    inspection.at(path, entry.line, variable=entry.name),
                    service=readers[0],
                    hint="write the command's result instead",
                )


def substitutes(raw: str) -> bool:
    """Whether the text as written holds a command in `$(…)`."""
    return _SUBSTITUTION.search(raw) is not None


RULE = Rule(id="DS510", name="command-substitution", severity=Severity.ERROR, page=__doc__ or "", check=check)
