"""Which line each key of a TOML text stands on; tomllib tells values only.

The text has already been accepted by tomllib, so this reader only has to follow the structure: headers,
dotted and quoted keys, strings of four kinds, arrays, inline tables. Keys are paths as in the parsed data:
`("services", "web", "port")`, `("links", 0, "from")`. Lines are 1-based.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from devstack.patterns import regex

Path = tuple[str | int, ...]

_BLANK = regex(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = regex(r"[ \t]*")
_BARE = regex(r"[A-Za-z0-9_-]+")
_STRING = regex(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
# What most lines are: a bare key with a short value, and nothing behind it.
_USUAL = regex(r"""([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"[^"\\\n]*"|'[^'\n]*'|[A-Za-z0-9_.+-]+)[ \t]*\n""")
_SCALAR = regex(r"[^\s,\]}#]+(?: [0-9][0-9:.]*[^\s,\]}#]*)?")  # a date may hold one space


def index(text: str) -> Mapping[Path, int]:
    """Every key, table and array item of `text` with the line where it begins."""
    return _Reader(text.replace("\r\n", "\n")).read()


class _Reader:
    """One pass over the text; `at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}
        self._line = 1
        self._line_at = 0

    def read(self) -> dict[Path, int]:
        table: Path = ()
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return self.lines
            if self.text[self.at] == "[":
                table = self._header()
            elif usual := _USUAL.match(self.text, self.at):
                self.lines.setdefault((*table, usual[1]), self.line())
                self.at = usual.end()
            else:
                self._assignment(table)

    def _header(self) -> Path:
        line = self.line()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        keys = self._keys()
        self.at += 2 if is_array else 1
        path: Path = (*self._resolve(keys[:-1], line), keys[-1])
        if is_array:
            number = self.counts.get(path, 0)
            self.counts[path] = number + 1
            self.lines.setdefault(path, line)
            path = (*path, number)
        self.lines[path] = line
        return path

    def _resolve(self, keys: tuple[str, ...], line: int) -> Path:
        """The path of a header's parents: an array of tables means its newest item."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self.lines.setdefault(path, line)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
        return path

    def _assignment(self, table: Path) -> None:
        line = self.line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._skip(_SPACE)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _keys(self) -> tuple[str, ...]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            match = _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at)
            if match is None:
                raise ValueError(f"no key at line {self.line()}")
            self.at = match.end()
            keys.append(_unquoted(match[0]))
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return tuple(keys)
            self.at += 1

    def _value(self, path: Path) -> None:
        first = self.text[self.at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            match = (_STRING if first in "\"'" else _SCALAR).match(self.text, self.at)
            if match is None:
                raise ValueError(f"no value at line {self.line()}")
            self.at = match.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            sign = self.text[self.at]
            if sign in ",]":
                self.at += 1
                if sign == "]":
                    return
                continue
            self.lines[(*path, number)] = self.line()
            self._value((*path, number))
            number += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip(_BLANK)
            sign = self.text[self.at]
            if sign in ",}":
                self.at += 1
                if sign == "}":
                    return
                continue
            self._assignment(path)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def line(self) -> int:
        """The line of the next character; counted forward only."""
        self._line += self.text.count("\n", self._line_at, self.at)
        self._line_at = self.at
        return self._line


def _unquoted(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    if key[0] == '"':
        return str(tomllib.loads(f"key = {key}")["key"])
    return key
