"""What the annotations of `stack.schema` can say beside a type, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Required, get_args, get_origin, is_typeddict

from devstack.records import dataclass


@dataclass(frozen=True, slots=True)
class Grammar:
    """A text with a grammar of its own: `parse` gives the value or raises ValueError with a sentence."""

    parse: Callable[[str], object]
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a whole number."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """How many items a list must have."""

    items: int


def fields(table: type) -> dict[str, tuple[Any, bool]]:
    """Each key of a table type with its annotation and whether it is required."""
    found = {}
    for key, annotation in table.__annotations__.items():
        origin: Any = get_origin(annotation)
        is_required = origin is Required
        found[key] = (get_args(annotation)[0] if is_required else annotation, is_required)
    return found


def kind(annotation: Any) -> str:
    """Which kind of TOML value an annotation stands for; the branches of a union differ in it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if any(isinstance(extra, Grammar) for extra in arguments[1:]):
            return "<text>"
        return kind(arguments[0])
    if origin is list:
        return "<list>"
    if origin is dict or is_typeddict(annotation):
        return "<table>"
    return {bool: "<flag>", int: "<number>"}.get(annotation, "<text>")


def kind_of_value(value: object) -> str:
    """The same for a value that was read."""
    match value:
        case bool():
            return "<flag>"
        case int():
            return "<number>"
        case list():
            return "<list>"
        case dict():
            return "<table>"
    return "<text>" if isinstance(value, str) else "<other>"
