"""Reads a TOML text that is plainly right; whatever needs a second look is left to `tomllib` and `positions`.

It decides nothing about mistakes: at the first sign that it is not sure of it gives up. Importing tomllib takes 3 ms,
a twentieth of the time until the first service starts. `tests/stack/test_plain_toml.py` holds the two against each
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devstack.patterns import regex
from devstack.stack.plain import NotPlainError

if TYPE_CHECKING:
    import re

Path = tuple[str | int, ...]

_UNUSUAL = regex(r"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK = regex(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = regex(r"[A-Za-z0-9_-]+")
_SPACE = regex(r"[ \t]*")
_EQUALS = regex(r"[ \t]*=[ \t]*")
_END = regex(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
# A short text, number or flag with what ends it: a longer word is something else.
_SCALAR = regex(r"""(?:"([^"\\\n]*)"|'([^'\n]*)'|(-?(?:0|[1-9][0-9]{0,17})|true|false))(?=[\s,\]}#]|\Z)""")


def read(text: str) -> tuple[dict[str, Any], dict[Path, int]]:
    """What `tomllib.loads` and `positions.index` give. Raises NotPlainError."""
    if _UNUSUAL.search(text):
        raise NotPlainError
    reader = _Reader(text)
    try:
        reader.read()
    except (IndexError, RecursionError):
        raise NotPlainError from None
    return reader.data, reader.lines


class _Reader:
    """One pass over the text; `at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.data: dict[str, Any] = {}
        self.lines: dict[Path, int] = {}
        self._headed = {id(self.data)}  # tables and lists that headers made: others may go into them
        self._line = 1
        self._line_at = 0

    def read(self) -> None:
        table = self.data
        path: Path = ()
        while True:
            self._take(_BLANK)
            if self.at == len(self.text):
                return
            if self.text[self.at] == "[":
                table, path = self._header()
            else:
                self._assign(table, path)
            self._take(_END)

    def _header(self) -> tuple[dict[str, Any], Path]:
        line = self._line_here()
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        table = self.data
        path: Path = ()
        key = self._take(_KEY)
        while self.text[self.at] == ".":
            self.at += 1
            table, path = self._inside(table, key, path, line)
            key = self._take(_KEY)
        if not self.text.startswith("]" * brackets, self.at):
            raise NotPlainError
        self.at += brackets
        made: dict[str, Any] = {}
        path = (*path, key)
        if brackets == 2:
            items = self._headed_one(table, key, [])
            if not isinstance(items, list):
                raise NotPlainError
            self.lines.setdefault(path, line)
            path = (*path, len(items))
            items.append(made)
            self._headed.add(id(made))
        elif self._headed_one(table, key, made) is not made:
            raise NotPlainError
        self.lines[path] = line
        return made, path

    def _inside(self, table: dict[str, Any], key: str, path: Path, line: int) -> tuple[dict[str, Any], Path]:
        """The table under `key` that a header leads through: of several, the newest."""
        path = (*path, key)
        self.lines.setdefault(path, line)
        found = self._headed_one(table, key, {})
        return (found[-1], (*path, len(found) - 1)) if isinstance(found, list) else (found, path)

    def _headed_one(self, table: dict[str, Any], key: str, new: Any) -> Any:
        """What headers made under `key`, else `new`."""
        if key not in table:
            table[key] = new
            self._headed.add(id(new))
        elif id(table[key]) not in self._headed:
            raise NotPlainError
        return table[key]

    def _assign(self, table: dict[str, Any], path: Path) -> None:
        line = self._line_here()
        key = self._take(_KEY)
        if key in table:
            raise NotPlainError
        path = (*path, key)
        self.lines.setdefault(path, line)
        self._take(_EQUALS)
        table[key] = self._value(path)

    def _value(self, path: Path) -> Any:
        first = self.text[self.at]
        if first == "[":
            return self._array(path)
        if first == "{":
            return self._inline_table(path)
        found = _SCALAR.match(self.text, self.at)
        if found is None:
            raise NotPlainError
        self.at = found.end()
        word = found[found.lastindex or 0]
        if found.lastindex != 3:
            return word
        return word == "true" if word in ("true", "false") else int(word)

    def _array(self, path: Path) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        while True:
            self._take(_BLANK)
            if self.text[self.at] == "]":
                self.at += 1
                return items
            here = (*path, len(items))
            self.lines[here] = self._line_here()
            items.append(self._value(here))
            self._take(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1
            elif self.text[self.at] != "]":
                raise NotPlainError

    def _inline_table(self, path: Path) -> dict[str, Any]:
        self.at += 1
        made: dict[str, Any] = {}
        self._take(_SPACE)
        while self.text[self.at] != "}" or made:
            self._assign(made, path)
            self._take(_SPACE)
            if self.text[self.at] == "}":
                break
            if self.text[self.at] != ",":
                raise NotPlainError
            self.at += 1
            self._take(_SPACE)
        self.at += 1
        return made

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise NotPlainError
        self.at = found.end()
        return found[0]

    def _line_here(self) -> int:
        """The line of the next character; counted forward only."""
        self._line += self.text.count("\n", self._line_at, self.at)
        self._line_at = self.at
        return self._line
