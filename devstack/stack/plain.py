"""Takes over tables that are plainly right; whatever needs a second look is left to `stack.validation`.

It decides nothing about mistakes: at the first value it is not sure of it gives up, and the engine judges the
whole file. `tests/stack/test_plain.py` holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Literal, Union

from devstack.stack.annotations import (
    Annotated,
    AtLeast,
    Between,
    Grammar,
    fields,
    is_table,
    kind,
    kind_of_value,
    parts,
)

Check = Callable[[Any], Any]


class NotPlainError(Exception):
    """This data has to be looked at by the engine."""


def checked(table: type, data: Mapping[str, object]) -> Any:
    """The data with its values converted. Raises NotPlainError."""
    try:
        return _check(table)(data)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NotPlainError from None


@cache
def _check(annotation: Any) -> Check:
    origin, arguments = parts(annotation)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        branches = {kind(branch): _check(branch) for branch in arguments}
        return lambda value: branches[kind_of_value(value)](value)
    if origin is Literal:
        words = {word: word for word in arguments}
        return lambda value: words[_typed(str, value)]
    if origin is list:
        return _list(_check(arguments[0]))
    if origin is dict:
        return _dict(_check(arguments[0]), _check(arguments[1]))
    if is_table(annotation):
        return _table(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return lambda value: annotation(_typed(str, value))
    if annotation in (str, int, bool):
        return lambda value: _typed(annotation, value)
    return lambda value: value


def _annotated(inner: Any, extras: Sequence[object]) -> Check:
    for extra in extras:
        match extra:
            case Grammar():
                parse = extra.parse
                return lambda value: parse(_typed(str, value))
            case Between(least, most):
                return _whole_number(least, most)
            case AtLeast(items):
                return _list(_check(parts(inner)[1][0]), items)
    return _check(inner)


def _typed(wanted: type, value: object) -> Any:
    if type(value) is not wanted:
        raise NotPlainError
    return value


def _whole_number(least: int, most: int) -> Check:
    def of_number(value: object) -> Any:
        if not least <= _typed(int, value) <= most:
            raise NotPlainError
        return value

    return of_number


def _list(check: Check, least: int = 0) -> Check:
    def of_list(value: object) -> list[Any]:
        if len(_typed(list, value)) < least:
            raise NotPlainError
        return [check(item) for item in _typed(list, value)]

    return of_list


def _dict(check_key: Check, check_value: Check) -> Check:
    def of_dict(value: object) -> dict[Any, Any]:
        return {check_key(key): check_value(item) for key, item in _typed(dict, value).items()}

    return of_dict


def _table(annotation: Any) -> Check:
    """How a key is checked is worked out when a table has it: most have a few of many."""
    known = fields(annotation)
    required = {key for key, (_, is_required) in known.items() if is_required}

    def of_table(value: object) -> dict[str, Any]:
        keys = _typed(dict, value).keys()
        if not required <= keys <= known.keys():
            raise NotPlainError
        return {key: _check(inner)(value[key]) for key, (inner, _) in known.items() if key in keys}  # type: ignore[index]

    return of_table
