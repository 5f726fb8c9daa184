"""An env file is UTF-16, has a byte-order mark, or is not UTF-8.

## Why it matters
Next and Vite read a UTF-16 file (PowerShell's `>` writes one) as garbage and say nothing: every variable
is undefined. python-dotenv stops with UnicodeDecodeError. A byte-order mark becomes part of the first
name for Node, Vite 8 and python-dotenv before 1.2.

## Example
```
PS> echo "JWT_SECRET=…" > .env     # UTF-16 with a byte-order mark
```

## Mending
Save the file as UTF-8 without BOM; `--fix` rewrites it when the text is certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity
from devstack.rules.envfiles import EnvFile

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per file that some service reads."""
    for path in inspection.env_paths:
        readers = inspection.readers(path)
        file = inspection.env_file(path) if readers else None
        if file is None or file.encoding == "utf-8":
            continue
        if file.encoding == "utf-16":
            yield _finding(
                inspection, file, readers, "is UTF-16: Next and Vite see no variable in it, Python stops"
            )
        elif file.encoding == "utf-8-bom":
            yield _with_mark(inspection, file, readers)
        else:
            yield from _undecodable(inspection, file, readers)


def _with_mark(inspection: Inspection, file: EnvFile, readers: tuple[str, ...]) -> Finding:
    first = file.assignments[0].name.lstrip("\ufeff") if file.assignments else ""
    missing = [
        service
        for service in readers
        if first and file.assignments[0].line == 1 and not _gets(inspection, service, first, file)
    ]
    if not missing:
        text = "begins with a byte-order mark; today's readers skip it, others make it part of the first name"
        return _finding(inspection, file, readers, text, severity=Severity.INFO)
    text = f"begins with a byte-order mark, which `{missing[0]}` makes part of the name `{first}`: it is undefined"
    return _finding(inspection, file, tuple(missing), text)


def _gets(inspection: Inspection, service: str, name: str, file: EnvFile) -> bool:
    """Whether the service's program found the first name of the file in it."""
    environment = inspection.environments[service]
    value = environment.variables.get(name)
    if value is None:
        return False
    origins = [value.origin, *(shadow.origin for shadow in value.shadows)]
    return any(origin.line == 1 and origin.layer is LayerKind.FILE for origin in origins)


def _undecodable(inspection: Inspection, file: EnvFile, readers: tuple[str, ...]) -> Iterator[Finding]:
    """Bytes that are not UTF-8: Python stops at any of them, others only spoil values that hold them."""
    line = next(
        (number for number, raw in enumerate(file.content.splitlines(), start=1) if not _is_utf8(raw)), 1
    )
    in_python = [
        service
        for service in readers
        if inspection.environments[service].loader.partition("@")[0] in ("python-dotenv", "pydantic")
    ]
    is_comment = file.lines[line - 1].lstrip().startswith("#") if line <= len(file.lines) else False
    if is_comment and not in_python:
        return
    effect = "Python stops with UnicodeDecodeError" if in_python else "the value gets replacement characters"
    yield _finding(inspection, file, readers, f"is not UTF-8 (line {line}): {effect}", line=line)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _finding(
    inspection: Inspection,
    file: EnvFile,
    readers: tuple[str, ...],
    text: str,
    *,
    severity: Severity | None = None,
    line: int = 1,
) -> Finding:
    shown = inspection.shown(file.path)
    fix = None
    if file.encoding in ("utf-16", "utf-8-bom") and "\ufffd" not in file.text:
        edit = Edit(kind="rewrite", path=shown, value=file.text.lstrip("\ufeff"))
        fix = Fix(title="save it as UTF-8 without BOM", safe=True, edits=(edit,))
    return RULE.finding(
        f"`{shown}` {text}.",
        inspection.at(file.path, line),
        severity=severity,
        service=readers[0],
        hint="save it as UTF-8 without BOM",
        fix=fix,
    )


RULE = Rule(
    id="DS507",
    name="encoding",
    severity=Severity.ERROR,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
