"""Many statements in one step: a file of a megabyte has some hundred thousand of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice, repeat
from operator import add, methodcaller
from typing import Any, NamedTuple

from devstack.env.loaders.definitions import PLAIN_LINES, Definitions, Lines
from devstack.patterns import regex

# Not in front of many lines that hold a name and nothing else, which `Lines.take_names` takes.
FEW_NAMES = r"(?!(?:\n(?!export\n)[A-Za-z_][A-Za-z0-9_]*+){8}\n)"


class Shape:
    """What a statement looks like, as two patterns: many in a row, and one of them."""

    def __init__(
        self,
        *,
        lead: str,
        name: str,
        equals: str,
        value: str,
        end: str = "",
        start: str = "",
        alone: str | None = None,
    ) -> None:
        """Take the parts, none of which captures.

        Args:
            lead: what stands between statements, line ends included.
            start: what stands between that and the name.
            equals: what stands between name and value.
            end: what else belongs to the statement; holds no line end.
            alone: what stands in place of `equals` and `value` where a name has no value; else each has one.
        """
        behind = "" if alone is None else f"|{alone}"
        self.many = regex(rf"(?:{lead}{start}{name}(?:{equals}{value}{behind}){end})++")
        self.one = regex(rf"({lead}){start}({name})(?:{equals}({value}){behind}){end}")


class Statements(NamedTuple):
    """Statements that follow each other, in columns; `end` is the position behind them.

    A value is a string, or None where a name stands alone.
    """

    names: Sequence[str]
    values: Sequence[Any]
    lines: Iterable[int]
    end: int


def statements(shape: Shape, text: str, position: int, lines: Lines) -> Statements:
    """The statements of `shape` at `position`; none where something else stands there."""
    found = shape.many.match(text, position)
    if found is None:
        return Statements((), (), (), position)
    end = found.end()
    # One character more: what a statement ends in front of is looked at again.
    pieces = shape.one.split(text[position : end + 1])
    leads, names, values = pieces[1::4], pieces[2::4], pieces[3::4]
    start, last = lines.at(position), lines.at(end)
    first = start + leads[0].count("\n")
    if first + len(names) - 1 == last and not set(leads[1:]) - {"\n"}:
        return Statements(names, values, range(first, last + 1), end)
    return Statements(names, values, Later(leads, values, start), end)


class Later(Iterable[int]):
    """The lines of statements, worked out when they are asked for."""

    def __init__(self, leads: Sequence[str], values: Sequence[Any], start: int) -> None:
        """Take what stands in front of the names, and what behind them; the first begins on line `start`."""
        self._leads = leads
        self._values = values
        self._start = start

    def __iter__(self) -> Iterator[int]:
        breaks: dict[str | None, int] = {lead: lead.count("\n") for lead in set(self._leads)}
        within = {value: value.count("\n") for value in set(self._values) if value and "\n" in value}
        steps: Iterable[int] = map(breaks.__getitem__, self._leads)
        if within:
            steps = map(add, steps, chain((0,), (within.get(value, 0) for value in self._values)))
        return islice(accumulate(steps, initial=self._start), 1, None)


# Behind them, nothing needs to be skipped.
_PLAIN_LINES = regex(rf"{PLAIN_LINES.pattern}(?=[A-Za-z_]|\Z)")


class Repeated:
    """A statement as many times as it follows itself, without a look at any of them."""

    def __init__(self, statement: str, inside: Callable[[str], str]) -> None:
        """Take what one looks like, with all that stands up to the next one.

        Args:
            statement: captures the name, a bare value and a quoted one.
            inside: what a quoted value stands for.
        """
        self._each = regex(rf"{statement}|(?s:.+)")  # something else takes all the rest
        self._inside = inside

    def take(self, text: str, position: int, space: str, *, lines: Lines, rows: Definitions) -> int:
        """Take the statements at `position`; gives where they end.

        Args:
            space: what is no part of a value's ends.
        """
        position = lines.take_plain(position, rows, _PLAIN_LINES)
        last: re.Match[str] | None = None
        found = [(last := each).groups("") for each in self._each.finditer(text, position)]
        if last is None:
            return position
        end = last.end()
        if not last.lastindex:
            found.pop()
            end = last.start()
        if not found:
            return end
        inside = self._inside
        raws = [(bare or quoted).strip(space) for _, bare, quoted in found]
        rows.names += [name for name, _, _ in found]
        rows.texts += [inside(raw) if each[2] else raw for raw, each in zip(raws, found, strict=True)]
        rows.raws += raws
        rows.lines += _Counted(self._each, text, position, line=lines.at(position), size=len(found))
        return end


class _Counted(Iterable[int]):
    """The lines on which the names of statements end, counted when somebody wants to know them."""

    def __init__(self, each: re.Pattern[str], text: str, position: int, *, line: int, size: int) -> None:
        """Take where `size` statements begin, and on which line."""
        self._each = each
        self._text = text
        self._position = position
        self._line = line
        self._size = size

    def __iter__(self) -> Iterator[int]:
        found = islice(self._each.finditer(self._text, self._position), self._size)
        ends = list(map(methodcaller("end", 1), found))
        breaks = map(self._text.count, repeat("\n"), chain((self._position,), ends), ends)
        return islice(accumulate(breaks, initial=self._line), 1, None)
