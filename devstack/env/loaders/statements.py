"""Many statements in one step: a file of a megabyte has some hundred thousand of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from operator import add, itemgetter, methodcaller
from typing import Any, NamedTuple

from devstack.env.loaders.definitions import Lines
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


_BETWEEN = "\ud801"  # stands between values; no decoded text holds it


def without_quotes(values: Iterable[str | None], unescaped: Callable[[str, str], str]) -> dict[str, str]:
    """The text of each different value that is written so.

    Args:
        unescaped: what escapes mean in the quotes that are its second argument; it gets many texts as one.
    """
    made = {value: value for value in set(values) if value is not None}
    for quote in "'\"":
        if quoted := [value for value in made if value and value[0] == quote]:
            inner = unescaped(_BETWEEN.join([value[1:-1] for value in quoted]), quote)
            made.update(zip(quoted, inner.split(_BETWEEN), strict=True))
    return made


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
