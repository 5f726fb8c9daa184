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
from itertools import accumulate, repeat
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from devstack.env.model import Overlaid, Variables
from devstack.env.secrets import SECRET_WORDS, is_secret_name
from devstack.patterns import regex
from devstack.rules.envfiles import PLAIN

if TYPE_CHECKING:
    import re
    from pathlib import Path

    from devstack.env.model import Environment, Value
    from devstack.rules.envfiles import EnvFile

_SECRET_WORD = regex("|".join(SECRET_WORDS))
_SPECIAL = regex(rf"[^{PLAIN}\n]")


class Row(NamedTuple):
    """One variable of one service."""

    service: str
    name: str
    value: Value


class Table:
    """All variables of `environments`; what was asked for is remembered."""

    def __init__(
        self, environments: Mapping[str, Environment], env_file: Callable[[Path], EnvFile | None]
    ) -> None:
        self._environments = environments
        self._env_file = env_file
        self._services = {service: at for at, service in enumerate(environments)}
        self._columns = [_columns(environment.variables) for environment in environments.values()]
        self._begins = list(accumulate(map(len, self._columns), initial=0))
        self._names = [name for columns in self._columns for name in columns]

    def take(self, rows: Set[int], service: str | None = None) -> Iterator[Row]:
        """The variables of these rows in their order; of one service where that is given."""
        services = tuple(self._services)
        for row in sorted(rows) if service is None else [row for row in self._of(service) if row in rows]:
            found = services[bisect_right(self._begins, row) - 1]
            name = self._names[row]
            yield Row(found, name, self._environments[found].variables[name])

    def named(self, word: str) -> Set[int]:
        """Variables with `word` in the name."""
        return self._in_names.holding(word)

    def holding(self, sign: str | re.Pattern[str]) -> Set[int]:
        """Variables with this text, or a match of the pattern, in what the program gets."""
        return self._in_texts.holding(sign)

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
        candidates = self._in_names.upper().holding(_SECRET_WORD)
        return {row for row in candidates if is_secret_name(self._names[row])}

    @cached_property
    def special(self) -> Set[int]:
        """Variables whose text is not just the plain characters of the only line that defines them."""
        found = set(self._in_texts.holding(_SPECIAL))
        for begin, columns, environment in zip(
            self._begins, self._columns, self._environments.values(), strict=False
        ):
            altered = columns.altered()
            files = [self._env_file(layer.path) for layer in environment.layers if layer.exists]
            if not all(file is not None and file.is_plain for file in files):
                altered |= {name for name, value in columns.items() if not self._is_as_written(name, value)}
            if altered:
                found.update(row for row, name in enumerate(columns, begin) if name in altered)
        return found

    def _is_as_written(self, name: str, value: Value) -> bool:
        """Whether the line holds nothing but the text; what a loader calls the raw text may lack a comment."""
        origin = value.origin
        file = None if origin.path is None else self._env_file(origin.path)
        return file is not None and file.written(origin.line, name) == value.text

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

    def _of(self, service: str) -> range:
        at = self._services.get(service)
        return range(0) if at is None else range(*self._begins[at : at + 2])

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
        self._found: dict[str | re.Pattern[str], set[int]] = {}

    @classmethod
    def of(cls, texts: list[str]) -> _Column:
        """Join the texts of the rows."""
        lengths = map(add, map(len, texts), repeat(1))
        return cls("\n".join([*texts, ""]), array("Q", accumulate(lengths)))

    def upper(self) -> _Column:
        """ASCII letters in upper case, `?` for all that is not ASCII."""
        return _Column(self._whole.encode("ascii", "replace").upper().decode("ascii"), self._ends)

    def holding(self, sign: str | re.Pattern[str]) -> Set[int]:
        """Rows in which the text is found, or a match begins."""
        found = self._found.get(sign)
        if found is None:
            following = self._beginnings(sign) if isinstance(sign, str) else self._matches(sign)
            found = self._found[sign] = set()
            at = following(0)
            while at >= 0:
                row = bisect_right(self._ends, at)
                found.add(row)
                at = following(self._ends[row])
        return found

    def _beginnings(self, text: str) -> Callable[[int], int]:
        return lambda start: self._whole.find(text, start)

    def _matches(self, pattern: re.Pattern[str]) -> Callable[[int], int]:
        def begin(start: int) -> int:
            found = pattern.search(self._whole, start)
            return -1 if found is None else found.start()

        return begin
