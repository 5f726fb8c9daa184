"""The variables of all services side by side, so that one search answers for thousands of env files.

A rule asks for the rows that it may have something to say about, by what stands in the name or in the text or by
what a loader did; only for those are values put together, and the rule judges each of them itself. Rows are numbers
in the order of services and of their variables.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from devstack.env.model import Overlaid, Variables
from devstack.env.secrets import SECRET_WORDS, is_secret_name
from devstack.patterns import regex

if TYPE_CHECKING:
    import re

    from devstack.env.model import Environment, Value

_SECRET_WORD = regex("|".join(SECRET_WORDS))
# All but the characters that every program takes as they stand, wherever in a value that is.
_SPECIAL = regex(r"[^!%&()*+,\-./0-9:;<=>?@A-Z\[\]^_a-z{|}~\n]")


class Row(NamedTuple):
    """One variable of one service."""

    service: str
    name: str
    value: Value


class Table:
    """All variables of `environments`; what was asked for is remembered."""

    def __init__(self, environments: Mapping[str, Environment]) -> None:
        self._environments = environments
        self._services = {service: at for at, service in enumerate(environments)}
        self._columns = [_columns(environment.variables) for environment in environments.values()]
        self._begins = list(accumulate(map(len, self._columns), initial=0))
        self._names = [name for columns in self._columns for name in columns]

    def take(self, rows: Iterable[int], service: str | None = None) -> Iterator[Row]:
        """The variables of these rows in their order; of one service where that is given."""
        services = tuple(self._services)
        for row in sorted(rows if service is None else self._of(service) & set(rows)):
            found = services[bisect_right(self._begins, row) - 1]
            name = self._names[row]
            yield Row(found, name, self._environments[found].variables[name])

    def named(self, word: str) -> Set[int]:
        """Variables with `word` in the name."""
        return self._in_names.holding(word)

    def holding(self, text: str) -> Set[int]:
        """Variables with `text` in what the program gets."""
        return self._in_texts.holding(text)

    def called(self, names: Callable[[str], Iterable[str]]) -> Set[int]:
        """Variables by their exact names, which are given for each service."""
        found: set[int] = set()
        for service, at in self._services.items():
            known, bounds = self._columns[at], self._begins[at : at + 2]
            found.update(self._names.index(name, *bounds) for name in names(service) if name in known)
        return found

    @cached_property
    def secret(self) -> Set[int]:
        """Variables whose name says that they are secret."""
        candidates = self._in_names.upper().matching(_SECRET_WORD)
        return {row for row in candidates if is_secret_name(self._names[row])}

    @cached_property
    def special(self) -> Set[int]:
        """Variables that are not just the plain characters of the only line that defines them."""
        found = set(self._in_texts.matching(_SPECIAL))
        for begin, columns in zip(self._begins, self._columns, strict=False):
            altered = columns.altered()
            if altered:
                found.update(row for row, name in enumerate(columns, begin) if name in altered)
        return found

    @cached_property
    def public(self) -> Set[int]:
        """Variables that a bundler puts into what the browser gets."""
        return {
            row
            for service, environment in self._environments.items()
            if environment.prefixes
            for row in self._of(service)
            if environment.is_public(self._names[row])
        }

    def _of(self, service: str) -> Set[int]:
        at = self._services.get(service)
        return set() if at is None else set(range(self._begins[at], self._begins[at + 1]))

    @cached_property
    def _in_names(self) -> _Column:
        return _Column.of(self._names)

    @cached_property
    def _in_texts(self) -> _Column:
        return _Column.of([text or "" for columns in self._columns for text in columns.texts()])


def _columns(variables: Mapping[str, Value]) -> Variables:
    return variables if isinstance(variables, Variables) else Overlaid({}, variables)


class _Column:
    """One text for each row, all of them joined; `ends` are the offsets at which the next row begins."""

    def __init__(self, whole: str, ends: array[int]) -> None:
        self._whole = whole
        self._ends = ends

    @classmethod
    def of(cls, texts: list[str]) -> _Column:
        """Join the texts of the rows."""
        return cls("\n".join([*texts, ""]), array("Q", accumulate(len(text) + 1 for text in texts)))

    def upper(self) -> _Column:
        """ASCII letters in upper case, `?` for all that is not ASCII."""
        return _Column(self._whole.encode("ascii", "replace").upper().decode("ascii"), self._ends)

    def holding(self, text: str) -> Set[int]:
        """Rows with `text` in them."""
        return self._rows(lambda start: self._whole.find(text, start))

    def matching(self, pattern: re.Pattern[str]) -> Set[int]:
        """Rows with a match that begins in them."""

        def begin(start: int) -> int:
            found = pattern.search(self._whole, start)
            return -1 if found is None else found.start()

        return self._rows(begin)

    def _rows(self, following: Callable[[int], int]) -> Set[int]:
        found = set()
        at = following(0)
        while at >= 0:
            row = bisect_right(self._ends, at)
            found.add(row)
            at = following(self._ends[row])
        return found
