"""What the annotations of `stack.schema` can say beside a type, and how they are read.

A type checker sees `Annotated`, `Required` and `TypedDict` of `typing`. When the program runs they only keep what
is written: making typing's own of a hundred keys takes 1.5 ms of each start, and nothing but `parts` looks at them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from devstack.records import dataclass


class _Written:
    """A name with what is written behind it in brackets."""

    __slots__ = ("parts",)
    parts: tuple[Any, ...]

    def __class_getitem__(cls, parts: Any) -> Any:
        made = cls()
        made.parts = parts if isinstance(parts, tuple) else (parts,)
        return made

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 - what `|` stands for here


class _Table:
    """A table: its keys are its annotations. Those of the schema say which keys are required; the others are not."""

    def __new__(cls, name: str, keys: dict[str, Any], *, total: Literal[False]) -> Any:
        """A table whose keys are words of Python."""
        return type(name, (cls,), {"__annotations__": keys}, total=total)

    def __init_subclass__(cls, *, total: Literal[False]) -> None:
        super().__init_subclass__()


if TYPE_CHECKING:
    from typing import Annotated, Required, TypedDict
else:
    TypedDict = _Table

    class Annotated(_Written):
        """A kind, and what else is to be said of it."""

        __slots__ = ()

    class Required(_Written):
        """Of a key that has to be there."""

        __slots__ = ()


__all__ = ["Annotated", "AtLeast", "Between", "Grammar", "Required", "TypedDict"]


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
        origin, arguments = parts(annotation)
        is_required = origin is Required
        found[key] = (arguments[0] if is_required else annotation, is_required)
    return found


def parts(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """What `get_origin` and `get_args` of typing say of an annotation: `list[str]` is `list` and `(str,)`."""
    if isinstance(annotation, _Written):
        return type(annotation), annotation.parts
    return get_origin(annotation), get_args(annotation)


def is_table(annotation: Any) -> bool:
    """Whether an annotation stands for a table with keys of its own."""
    return isinstance(annotation, type) and issubclass(annotation, _Table)


def kind(annotation: Any) -> str:
    """Which kind of TOML value an annotation stands for; the branches of a union differ in it."""
    origin, arguments = parts(annotation)
    if origin is Annotated:
        if any(isinstance(extra, Grammar) for extra in arguments[1:]):
            return "<text>"
        return kind(arguments[0])
    if origin is list:
        return "<list>"
    if origin is dict or is_table(annotation):
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
