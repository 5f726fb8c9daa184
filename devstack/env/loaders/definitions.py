"""What parsers hand over: the definitions of a text, and what the program could not take."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from devstack.patterns import regex
from devstack.records import dataclass


class Definition(NamedTuple):
    """One assignment as the program parsed it; a tuple because a large stack has a hundred thousand.

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


NOTED = 200  # ignored lines that are reported per file
BARE_NAME = regex(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*\Z")


class Note(NamedTuple):
    """What the program could not take; becomes a `LoadIssue` of the file."""

    line: int | None
    kind: str
    message: str
    fatal: bool = False


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

    def take_plain(self, position: int, definitions: list[Definition]) -> int:
        """Take the plain lines at `position`, the beginning of a line; gives where they end."""
        if not _PLAIN_LINES.match(self._text, position):
            return position
        self._position, self._line = take_plain_lines(self._text, position, self.at(position), definitions)
        return self._position


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a parser found in one text; `definitions` in the order of the text, duplicates included.

    Attributes:
        bare: names alone on a line, which the program ignores: with text None.
    """

    definitions: Sequence[Definition]
    bare: Sequence[Definition] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParsedFile:
    """One existing file after parsing."""

    path: Path
    definitions: Sequence[Definition]

    def last(self) -> dict[str, Definition]:
        """Each name's last definition, at the place of its first one: how every dictionary behaves."""
        return {definition.name: definition for definition in self.definitions}


# Lines that every modelled program reads alike, whatever stands around them; worth it from a few on.
_PLAIN = r"[!%&()*+,\-./0-9:;<>?@A-Z\[\]^_a-z{|}~]"
_PLAIN_LINES = regex(rf"(?:[A-Za-z_][A-Za-z0-9_]*+={_PLAIN}[={_PLAIN[1:-1]}]*+\n){{8,}}+")
_AS_TUPLE = tuple.__new__  # a third of the time that the class's own constructor needs


@contextmanager
def _collected_later() -> Iterator[None]:
    """Many objects at once, none of them garbage: looking through them again and again takes most of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def take_plain_lines(text: str, position: int, line: int, definitions: list[Definition]) -> tuple[int, int]:
    """Take the `NAME=value` lines at `position`, the beginning of line `line`; gives where they end.

    A file of a megabyte has a hundred thousand of them: nothing here runs per line but the library's own loops.
    """
    found = _PLAIN_LINES.match(text, position)
    if found is None or "__proto__" in found.group():
        return position, line
    block = found.group()
    count = block.count("\n")
    if block.count("=") == count:
        pieces = block.replace("\n", "=").split("=")
        names, values = pieces[0:-1:2], pieces[1::2]
    else:
        rows = block.split("\n")[:-1]
        names = [row[: row.index("=")] for row in rows]
        values = [row[row.index("=") + 1 :] for row in rows]
    rows_of_all = zip(names, values, values, range(line, line + count), strict=True)
    with _collected_later():
        definitions += map(_AS_TUPLE, repeat(Definition), rows_of_all)
    return found.end(), line + count
