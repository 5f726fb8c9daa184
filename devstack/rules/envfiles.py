"""Env files as text: their lines without any program's rules, which `env.loaders` knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.file_names import is_env_name as is_env_name
from devstack.env.file_names import is_example as is_example
from devstack.lines import split
from devstack.patterns import regex
from devstack.records import dataclass

if TYPE_CHECKING:
    from devstack.env.files import Files
    from devstack.rules.inspection import Inspection

_ASSIGNMENT = regex(r"\ufeff?[ \t]*(?:export[ \t]+)?([^\s=:#'\"]+)[ \t]*(=|:[ \t])(.*)", re.DOTALL)
LARGEST = 4 * 1024 * 1024  # bytes; a larger file is data, not settings


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Assignment:
    """A line that looks like `NAME=value`: `raw` is what stands after the separator, quotes included."""

    name: str
    line: int
    raw: str
    separator: str = "="


# Characters that every program takes as they stand, wherever in a value that is.
PLAIN = r"!%&()*+,\-./0-9:;<=>?@A-Z\[\]^_a-z{|}~"
_LINE_END = regex(r"(\r\n|\n|\r)")
_PLAIN = regex(rf"(?:[A-Za-z_][A-Za-z0-9_]*+=[{PLAIN}]*+(?:\r?\n|\Z)|\r?\n|#[^\r\n]*+(?:\r?\n|\Z))*+")
_MARKER = regex(r"(?:<{7}|>{7}|\|{7})(?: |$)|={7}$")


class EnvFile:
    """An env file as text.

    Attributes:
        content: the bytes.
        text: decoded as UTF-8 (BOM kept), or as UTF-16 where a BOM says so; undecodable bytes replaced.
        encoding: `utf-8`, `utf-8-bom`, `utf-16`, `latin-1` (= undecodable as UTF-8).
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.content = content
        self.text, self.encoding = _decode(content)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends."""
        return tuple(split(self.text))

    def with_lines(self, changed: Mapping[int, str]) -> str:
        """The whole text with these lines (1-based) instead of what stands there; every line end stays."""
        pieces = _LINE_END.split(self.text)
        for number, line in changed.items():
            pieces[2 * (number - 1)] = line
        return "".join(pieces)

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """In the order of the file; lines inside a quoted multi-line value are not looked at."""
        return tuple(_plain_assignments(self.lines) if self.is_plain else _assignments(self.lines))

    @cached_property
    def is_plain(self) -> bool:
        """Whether every line is empty, a comment, or one that every program reads alike."""
        return _PLAIN.fullmatch(self.text) is not None

    @cached_property
    def may_hold_secret(self) -> bool:
        """Whether a name or a text in it can be a secret's; False is certain."""
        from devstack.env.secrets import may_hold_secret

        return may_hold_secret(self.text)

    def written(self, line: int | None, name: str) -> str | None:
        """What stands after the separator where `name` is assigned on this line; None where it is not."""
        if self.is_plain and line is not None:
            found, equals, raw = self.lines[line - 1].partition("=")
            return raw if equals and found == name else None
        return self._written.get((line, name))

    @cached_property
    def _written(self) -> dict[tuple[int | None, str], str]:
        return {(each.line, each.name): each.raw for each in self.assignments}

    @cached_property
    def conflict_lines(self) -> tuple[int, ...]:
        """Lines of merge markers; empty unless a conflict was left in the file."""
        if "<<<<<<<" not in self.text:
            return ()
        return tuple(
            number for number, line in enumerate(self.lines, start=1) if _MARKER.match(line.rstrip())
        )

    def is_in_conflict(self, line: int) -> bool:
        """Whether the line is one of two versions of which somebody has yet to choose."""
        markers = self.conflict_lines
        return len(markers) > 1 and markers[0] < line < markers[-1]


def read(files: Files, path: Path) -> EnvFile | None:
    """Read and split; None when there is no such readable file or it is no settings file (too large)."""
    try:
        facts = files.stat(path)
        if facts is None or facts.st_size > LARGEST:
            return None
        content = files.read(path)
    except OSError:
        return None
    if content is None:
        return None
    return EnvFile(path, content)


def discover(inspection: Inspection) -> tuple[Path, ...]:
    """Files that services read, and files in their folders and the root that are named like env files."""
    found: dict[str, Path] = {}
    for environment in inspection.environments.values():
        for layer in environment.layers:
            if layer.exists:
                found.setdefault(inspection.real(layer.path), layer.path)
    folders = [inspection.root, *(inspection.folder(service) for service in inspection.services)]
    for folder in dict.fromkeys(folders):
        for name in inspection.files.names(folder):
            if is_env_name(name) and inspection.files.is_file(path := f"{folder}/{name}"):
                real = inspection.real(path)
                if real not in found:
                    found[real] = Path(path)
    return tuple(found.values())


def _decode(content: bytes) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace"), "utf-16"
    if _is_bare_utf16(content):
        order = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
        return content.decode(order, errors="replace"), "utf-16"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"
    return text, "utf-8-bom" if text.startswith("\ufeff") else "utf-8"


def _is_bare_utf16(content: bytes) -> bool:
    start = content[:64]
    return len(start) >= 8 and len(start) % 2 == 0 and (not any(start[1::2]) or not any(start[0::2]))


def _plain_assignments(lines: tuple[str, ...]) -> Iterator[Assignment]:
    """Those of a file in which every line is `NAME=value` with plain characters, a comment, or empty."""
    for number, line in enumerate(lines, start=1):
        name, equals, raw = line.partition("=")
        if equals and name[:1] != "#":
            yield Assignment(name=name, line=number, raw=raw)


def _assignments(lines: tuple[str, ...]) -> Iterator[Assignment]:
    index = 0
    while index < len(lines):
        line = lines[index]
        matched = None if line.lstrip().startswith("#") else _ASSIGNMENT.match(line)
        if matched is None:
            index += 1
            continue
        raw, span = _whole_value(lines, index, matched.group(3).strip())
        yield Assignment(name=matched.group(1), line=index + 1, raw=raw, separator=matched.group(2).strip())
        index += span


def _whole_value(lines: tuple[str, ...], start: int, raw: str) -> tuple[str, int]:
    """The value with the lines that its open quote spans; an unterminated quote spans its own line only."""
    quote = raw[:1]
    if quote not in ("'", '"', "`") or _is_closed(raw[1:], quote):
        return raw, 1
    for end in range(start + 1, min(len(lines), start + 200)):
        if _is_closed(lines[end], quote):
            return "\n".join((raw, *lines[start + 1 : end + 1])), end - start + 1
        if _ASSIGNMENT.match(lines[end]) and not lines[end].startswith((" ", "\t")):
            return raw, 1  # the next assignment: the quote was forgotten
    return raw, 1


def _is_closed(text: str, quote: str) -> bool:
    return quote in re.sub(r"\\.", "", text)
