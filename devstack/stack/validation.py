"""From annotated table types to a pydantic-core validator, and its errors as sentences.

The tables of `stack.schema` are TypedDicts whose annotations say everything: shape, bounds, grammar and
description. pydantic's engine checks them (strict, unknown keys forbidden) and reports every mistake at once.
pydantic's class layer is left out on purpose: importing it and building the models costs 110 ms of the 220 ms
that `devstack up` may take. The engine alone costs 18 ms; a file without mistakes, which is nearly every one,
is recognized by `stack.plain` and does not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union

from devstack.nearest import did_you_mean
from devstack.records import dataclass
from devstack.stack import plain
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

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, ErrorDetails, SchemaValidator

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in the data: where it is (path of keys), what is wrong, what to write instead."""

    loc: Loc
    message: str
    suggestion: str | None = None


def validate(table: type, data: Mapping[str, object]) -> tuple[Any, list[Fault]]:
    """The checked data (None when there are mistakes) and every mistake."""
    try:
        return plain.checked(table, data), []
    except plain.NotPlainError:
        return _by_the_engine(table, data)


def _by_the_engine(table: type, data: Mapping[str, object]) -> tuple[Any, list[Fault]]:
    from pydantic_core import ValidationError

    try:
        return _validator(table).validate_python(data), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, [_fault(table, data, detail) for detail in details]


@cache
def _validator(table: type) -> SchemaValidator:
    from pydantic_core import SchemaValidator

    return SchemaValidator(core(table))


def core(annotation: Any) -> CoreSchema:
    """The engine's schema for one annotation."""
    from pydantic_core import core_schema

    origin, arguments = parts(annotation)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        choices = {kind(branch): core(branch) for branch in arguments}
        return core_schema.tagged_union_schema(choices, discriminator=kind_of_value)
    if origin is Literal:
        return core_schema.literal_schema(list(arguments))
    if origin is list:
        return core_schema.list_schema(core(arguments[0]), strict=True)
    if origin is dict:
        return core_schema.dict_schema(core(arguments[0]), core(arguments[1]), strict=True)
    if is_table(annotation):
        typed = {
            key: core_schema.typed_dict_field(core(inner), required=is_required)
            for key, (inner, is_required) in fields(annotation).items()
        }
        return core_schema.typed_dict_schema(typed, extra_behavior="forbid")
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return core_schema.enum_schema(annotation, list(annotation), sub_type="str", strict=False)
    return _leaf(annotation)


def _leaf(annotation: Any) -> CoreSchema:
    from pydantic_core import core_schema

    if annotation is str:
        return core_schema.str_schema(strict=True)
    if annotation is int:
        return core_schema.int_schema(strict=True)
    return core_schema.bool_schema(strict=True) if annotation is bool else core_schema.any_schema()


def _annotated(inner: Any, extras: Sequence[object]) -> CoreSchema:
    from pydantic_core import core_schema

    for extra in extras:
        match extra:
            case Grammar():
                return core_schema.no_info_plain_validator_function(_text_check(extra))
            case Between(least, most):
                return core_schema.int_schema(ge=least, le=most, strict=True)
            case AtLeast(items):
                return core_schema.list_schema(core(parts(inner)[1][0]), min_length=items, strict=True)
    return core(inner)


def _text_check(grammar: Grammar) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(f"must be text in quotes, not {_called(value)}")
        return grammar.parse(value)

    return check


def _fault(table: type, data: Mapping[str, object], detail: ErrorDetails) -> Fault:
    loc = _real_location(data, detail["loc"])
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(table, loc)
        case "missing":
            return Fault(loc, f"`{loc[-1]}` is missing")
        case "literal_error" | "enum":
            return _unknown_word(detail, loc)
        case "value_error":
            return _with_suggestion(loc, detail.get("ctx", {})["error"])
    return Fault(loc, _sentence(detail))


def _with_suggestion(loc: Loc, error: ValueError) -> Fault:
    suggestion = error.args[1] if len(error.args) > 1 else None
    return Fault(loc, str(error.args[0]), suggestion)


def _real_location(data: object, loc: Sequence[str | int]) -> Loc:
    """`loc` without the engine's own marks (union tags, `[key]`)."""
    return tuple(
        part
        for part in loc
        if not (isinstance(part, str) and (part == "[key]" or (part.startswith("<") and part.endswith(">"))))
    )


def _unknown_key(table: type, loc: Loc) -> Fault:
    known = _keys_at(table, loc[:-1])
    return Fault(loc, f"unknown key `{loc[-1]}`", did_you_mean(str(loc[-1]), known))


def _keys_at(table: Any, loc: Loc) -> list[str]:
    """The keys that a table at `loc` may have."""
    annotation: Any = table
    for part in loc:
        annotation = _descend(annotation, part)
    return [key for branch in _branches(annotation) if is_table(branch) for key in branch.__annotations__]


def _branches(annotation: Any) -> list[Any]:
    origin, arguments = parts(annotation)
    if origin is Annotated:
        return _branches(arguments[0])
    if origin in (Union, UnionType):
        return [branch for argument in arguments for branch in _branches(argument)]
    return [annotation]


def _descend(annotation: Any, part: str | int) -> Any:
    for branch in _branches(annotation):
        origin, arguments = parts(branch)
        if isinstance(part, int) and origin is list:
            return arguments[0]
        if isinstance(part, str) and origin is dict:
            return arguments[1]
        if is_table(branch) and part in branch.__annotations__:
            return fields(branch)[str(part)][0]
    return object


def _unknown_word(detail: ErrorDetails, loc: Loc) -> Fault:
    words = [word.strip(" '") for word in str(detail["ctx"]["expected"]).replace(" or ", ", ").split(",")]
    given = detail["input"]
    if not isinstance(given, str):
        return Fault(loc, f"must be one of {', '.join(words)}, not {_called(given)}")
    return Fault(loc, f'"{given}" is not one of {", ".join(words)}', did_you_mean(given, words))


def _sentence(detail: ErrorDetails) -> str:
    given, context = detail["input"], detail.get("ctx", {})
    wanted = _WANTED.get(detail["type"])
    if wanted is not None:
        return f"must be {wanted}, not {_called(given)}"
    match detail["type"]:
        case "greater_than_equal":
            return f"{given} is too small: at least {context['ge']}"
        case "less_than_equal":
            return f"{given} is too large: at most {context['le']}"
        case "too_short":
            return f"needs at least {context['min_length']} entry"
        case "union_tag_invalid":
            words = [_KINDS[tag] for tag in _KINDS if tag in str(context["expected_tags"])]
            return f"must be {' or '.join(words)}, not {_called(given)}"
    return str(detail["msg"])


_KINDS = {
    "<text>": "text in quotes",
    "<flag>": "true or false",
    "<number>": "a whole number",
    "<list>": "a list [...]",
    "<table>": "a table",
}
_WANTED = {
    "string_type": _KINDS["<text>"],
    "bool_type": _KINDS["<flag>"],
    "int_type": _KINDS["<number>"],
    "int_from_float": _KINDS["<number>"],
    "list_type": _KINDS["<list>"],
    "dict_type": _KINDS["<table>"],
}


def _called(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a table"
    return "a date or time"
