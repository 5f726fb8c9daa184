"""Many statements in one step: a file of a megabyte has a hundred thousand of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from operator import add, itemgetter, methodcaller
from typing import NamedTuple

from devstack.env.loaders.definitions import Lines
from devstack.patterns import regex


class Shape:
    """What a statement looks like, as two patterns: many in a row, and one of them."""

    def __init__(
        self, *, lead: str, name: str, middle: str, value: str, end: str = "", start: str = ""
    ) -> None:
        """Take the parts, none of which captures.

        Args:
            lead: what stands between statements, line ends included.
            start: what stands between that and the name.
            middle: what stands between name and value.
            end: what else belongs to the statement; holds no line end.
        """
        self.many = regex(rf"(?:{lead}{start}{name}{middle}{value}{end})++")
        self.one = regex(rf"({lead}){start}({name}){middle}({value}){end}")


class Statements(NamedTuple):
    """Statements that follow each other, in columns; `end` is the position behind them."""

    names: Sequence[str]
    values: Sequence[str]
    lines: Sequence[int]
    end: int


def statements(shape: Shape, text: str, position: int, lines: Lines) -> Statements:
    """The statements of `shape` at `position`; none where something else stands there."""
    found = shape.many.match(text, position)
    if found is None:
        return Statements((), (), (), position)
    end = found.end()
    # One character more: what a statement ends in front of is looked at again.
    leads, names, values = zip(*shape.one.findall(text, position, end + 1), strict=True)
    start, last = lines.at(position), lines.at(end)
    first = start + leads[0].count("\n")
    if first + len(names) - 1 == last and not set(leads[1:]) - {"\n"}:
        return Statements(names, values, range(first, last + 1), end)
    breaks = {lead: lead.count("\n") for lead in set(leads)}
    before = chain((0,), map(methodcaller("count", "\n"), values))
    steps = map(add, map(breaks.__getitem__, leads), before)
    return Statements(names, values, list(accumulate(steps, initial=start))[1:], end)


class Repeated:
    """A statement as many times as it follows itself, without a look at any of them."""

    def __init__(self, statement: str) -> None:
        """`statement` captures the name first, and in what else it captures all line ends."""
        self._each = regex(rf"{statement}|(?s:.+)")  # something else takes all the rest

    def take(self, text: str, position: int) -> tuple[list[tuple[str, ...]], int]:
        """What each of the statements at `position` captures, and where they end."""
        found = None
        rows = [(found := each).groups("") for each in self._each.finditer(text, position)]
        if found is None or found.lastindex:
            return rows, len(text)
        return rows[:-1], found.start()


class Counted(Iterable[int]):
    """The lines of statements, counted when somebody wants to know them: where each name ends."""

    def __init__(self, rows: Sequence[tuple[str, ...]], first: int) -> None:
        """Take what `Repeated` gives, of which the first begins on line `first`."""
        self._rows = rows
        self._first = first

    def __iter__(self) -> Iterator[int]:
        breaks = methodcaller("count", "\n")
        starts = accumulate(map(breaks, map("".join, self._rows)), initial=self._first)
        return map(add, starts, map(breaks, map(itemgetter(0), self._rows)))
