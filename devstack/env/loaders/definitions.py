"""What parsers hand over: the definitions of a text, and what the program could not take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple, cast, overload

from devstack.patterns import regex
from devstack.records import dataclass


class Definition(NamedTuple):
    """One assignment as the program parsed it.

    Attributes:
        text: what the program's parser made of it, before any expansion; None = named but set to nothing.
        raw: as written after the separator, quotes included.
        line: 1-based.
    """

    name: str
    text: str | None
    raw: str | None
    line: int

    def __repr__(self) -> str:
        return f"Definition({self.name!r}, line={self.line})"


Row = tuple[str, str | None, str | None, int]
"""The attributes of a definition."""


class Numbers(Sequence[int]):
    """Numbers of which most are worked out when one is asked for: few files' lines ever are.

    Another thread may ask as well, so what they are worked out from stays until they are there.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[Iterable[int]] = []

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def __iadd__(self, numbers: Iterable[int]) -> Numbers:
        self._parts.append(tuple(numbers) if isinstance(numbers, list) else numbers)
        return self

    def append(self, number: int) -> None:
        """Add one."""
        last = self._parts[-1] if self._parts else None
        if isinstance(last, list):
            last.append(number)
        else:
            self._parts.append([number])

    def _all(self) -> list[int]:
        first = self._parts[0] if len(self._parts) == 1 else None
        if not isinstance(first, list):
            first = list(chain.from_iterable(self._parts))
            self._parts = [first]
        return first


class Definitions:
    """Definitions in the order of a text, one column for each of their attributes.

    A large stack has a hundred thousand of them, of which few are ever looked at one by one.
    """

    __slots__ = ("lines", "names", "raws", "texts")

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.names: list[str] = []
        self.texts: list[str | None] = []
        self.raws: list[str | None] = []
        self.lines = Numbers()
        for row in rows:
            self.append(row)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Definition]:
        return map(Definition, self.names, self.texts, self.raws, self.lines)

    def __getitem__(self, index: int) -> Definition:
        return Definition(self.names[index], self.texts[index], self.raws[index], self.lines[index])

    def append(self, row: Row) -> None:
        """Add one definition."""
        name, text, raw, line = row
        self.names.append(name)
        self.texts.append(text)
        self.raws.append(raw)
        self.lines.append(line)

    def last(self) -> dict[str, int]:
        """Where each name is defined last, at the place of its first one: how every dictionary behaves."""
        return dict(zip(self.names, count()))

    def last_texts(self) -> dict[str, str | None]:
        """The text of each name's last definition, likewise."""
        return dict(zip(self.names, self.texts, strict=True))

    def last_said(self) -> dict[str, str]:
        """Likewise, for a program that gives every name a text."""
        return cast("dict[str, str]", self.last_texts())

    def last_raws(self) -> dict[str, str | None]:
        """What is written in each name's last definition, likewise."""
        return dict(zip(self.names, self.raws, strict=True))


_NOTED = 200  # ignored lines that are reported per file
_BARE_NAME = regex(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*\Z")


class Note(NamedTuple):
    """What the program could not take; becomes a `LoadIssue` of the file."""

    line: int | None
    kind: str
    message: str
    fatal: bool = False


class Ignored:
    """What a parser could not take, as far as it is reported: the first few hundred of its kind.

    Attributes:
        bare: names alone on a line: with text None.
    """

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.bare: list[Definition] = []

    @property
    def is_full(self) -> bool:
        """Whether nothing more is reported."""
        return len(self.notes) >= _NOTED

    def note(self, line: int, kind: str, message: str, *, fatal: bool = False) -> None:
        """Report something."""
        self.notes.append(Note(line, kind, message, fatal))

    def drop(self, content: str, line: int, message: str) -> None:
        """Report that a line with this content is ignored, unless it is blank or a comment."""
        content = content.strip()
        if self.is_full or not content or content.startswith("#"):
            return
        self.note(line, "line-dropped", message)
        if found := _BARE_NAME.match(content):
            self.bare.append(Definition(found.group(1), None, None, line))

    def parsed(self, definitions: Definitions) -> Parsed:
        """What the parser hands over, with what it could take."""
        return Parsed(definitions=definitions, bare=self.bare, notes=self.notes)


# Lines that every modelled program reads alike, whatever stands around them; worth it from a few on.
_NAME = "[A-Za-z_][A-Za-z0-9_]*+"
_PLAIN = r"[!%&()*+,\-./0-9:;<>?@A-Z\[\]^_a-z{|}~]"
VALUE_LINES = regex(rf"(?:{_NAME}={_PLAIN}[={_PLAIN[1:-1]}]*+\n){{8,}}+")
# Many read `$` like a letter, and nothing where no quote follows on the next line.
PLAIN_LINES = regex(rf"(?:{_NAME}=(?:[${_PLAIN[1:-1]}][$={_PLAIN[1:-1]}]*+\n|\n(?=[A-Za-z_]))){{8,}}+")
NAMES_ALONE = regex(r"(?:(?!export\n)[A-Za-z_][A-Za-z0-9_]*+\n){8,}+")


class Lines:
    """Line numbers of rising positions."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line = 1

    def at(self, position: int) -> int:
        """The 1-based line of `position`, not smaller than the last one asked for."""
        if position > self._position:
            self._line += self._text.count("\n", self._position, position)
            self._position = position
        return self._line

    def take_plain(self, position: int, rows: Definitions, pattern: re.Pattern[str] = PLAIN_LINES) -> int:
        """Take the plain lines at `position`, the beginning of a line; gives where they end."""
        found = pattern.match(self._text, position)
        if found is None or "__proto__" in found.group():
            return position
        line = self.at(position)
        self._position, self._line = found.end(), line + _take(found.group(), line, rows)
        return self._position

    def take_names(self, position: int, rows: Definitions) -> int:
        """Take the lines at `position` that hold a name and nothing else."""
        found = NAMES_ALONE.match(self._text, position)
        if found is None:
            return position
        names = found.group().split("\n")[:-1]
        line = self.at(position)
        nothing = [None] * len(names)
        _add(rows, names, nothing, line)
        self._position, self._line = found.end(), line + len(names)
        return self._position


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a parser found in one text; `definitions` in the order of the text, duplicates included.

    Attributes:
        bare: names alone on a line, which the program ignores: with text None.
    """

    definitions: Definitions
    bare: Sequence[Definition] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParsedFile:
    """One existing file after parsing."""

    path: Path
    definitions: Definitions


def _take(block: str, line: int, rows: Definitions) -> int:
    """Take the `NAME=value` lines of `block`, which begins with line `line`; gives how many they are.

    A file of a megabyte has a hundred thousand of them: nothing here runs per line but the library's own loops.
    """
    if block.count("=") == block.count("\n"):
        pieces = block.replace("\n", "=").split("=")
        names, values = pieces[0:-1:2], pieces[1::2]
    else:
        lines = block.split("\n")[:-1]
        names = [one[: one.index("=")] for one in lines]
        values = [one[one.index("=") + 1 :] for one in lines]
    _add(rows, names, values, line)
    return len(names)


def _add(rows: Definitions, names: list[str], texts: Sequence[str | None], line: int) -> None:
    """Definitions on lines one after the other, whose texts are just what is written."""
    rows.names += names
    rows.texts += texts
    rows.raws += texts
    rows.lines += range(line, line + len(names))
