"""Env files and examples of a folder, read roughly: names and the values that look like addresses or ports."""

from __future__ import annotations

import re
from pathlib import Path

from devstack import regular

FILES = (".env", ".env.development", ".env.local", ".env.development.local")
EXAMPLES = (
    *(".env.example", "env.example", ".env.sample", ".example.env", ".env.template", "template.env"),
    *(".env.dev.example", ".env.local.example", ".env.dist"),
)
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*?)[ \t\r]*$", re.MULTILINE
)


def example(folder: Path) -> str | None:
    """The name of the folder's example file."""
    return next((name for name in EXAMPLES if (folder / name).is_file()), None)


def defined(folder: Path) -> dict[str, str]:
    """Names and values: the example first, then each file over it. Values may be secret."""
    found: dict[str, str] = {}
    names = [name for name in (example(folder), *FILES) if name is not None]
    for name in names:
        for match in _LINE.finditer(_text(folder / name)):
            value = _unquoted(match[2])
            if value or match[1] not in found:
                found[match[1]] = value
    return found


def place(folder: Path, name: str) -> tuple[str, int] | None:
    """The file of `folder` and the line that define `name`, in the last of the files that do."""
    for file in reversed([one for one in (example(folder), *FILES) if one is not None]):
        for number, line in enumerate(_text(folder / file).splitlines(), start=1):
            match = _LINE.match(line)
            if match is not None and match[1] == name:
                return file, number
    return None


def _text(path: Path) -> str:
    try:
        return regular.read(path).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] in "\"'" and value[0] in value[1:]:
        return value[1 : value.index(value[0], 1)]
    return re.split(r"\s#", value)[0].strip()
