"""Env files and examples of a folder, read roughly: names and the values that look like addresses or ports."""

from __future__ import annotations

import re
from pathlib import Path

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
        try:
            text = (folder / name).read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        for match in _LINE.finditer(text):
            value = _unquoted(match[2])
            if value or match[1] not in found:
                found[match[1]] = value
    return found


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] in "\"'" and value[0] in value[1:]:
        return value[1 : value.index(value[0], 1)]
    return re.split(r"\s#", value)[0].strip()
