"""Procfiles: name, command and line of each entry. honcho's parser decides what an entry is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from devstack import regular
from devstack.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line `name: command`; `line` is 1-based."""

    name: str
    command: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Procfile:
    """What a Procfile holds; `mistakes` are (line, sentence) for lines that are no entry or repeat a name."""

    entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    mistakes: tuple[tuple[int, str], ...] = ()


def parse(path: Path) -> Procfile:
    """Read a Procfile. Raises OSError when it cannot be read, ValueError when it is not text."""
    try:
        text = regular.read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not a text file (UTF-8)") from None
    return parse_text(text)


def parse_text(text: str) -> Procfile:
    """As `parse`, from the content."""
    from honcho.environ import parse_procfile

    entries: dict[str, Entry] = {}
    mistakes: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = parse_procfile(line).processes
        for name, command in found.items():
            if name in entries:
                mistakes.append((number, f"`{name}` has an entry already, on line {entries[name].line}"))
            else:
                entries[name] = Entry(name=name, command=command.strip(), line=number)
        if not found and line.strip() and not line.lstrip().startswith("#"):
            mistakes.append((number, "is not an entry: write `name: command`"))
    return Procfile(entries=entries, mistakes=tuple(mistakes))
