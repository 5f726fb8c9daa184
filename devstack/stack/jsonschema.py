"""JSON Schema (2020-12) of stack.toml, from the same annotations that check it."""

from enum import Enum
from types import UnionType
from typing import Any, Literal, Union

from devstack.stack.annotations import Annotated, AtLeast, Between, Grammar, fields, is_table, parts
from devstack.stack.model import ServiceType
from devstack.stack.schema import StackTable

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Each of these stands for exactly one probe.
_PROBES = ("http", "tcp", "websocket", "log", "command")


def json_schema() -> dict[str, Any]:
    """The whole document; every table under `$defs`, every key with its description."""
    definitions: dict[str, Any] = {}
    root = _table(StackTable, definitions)
    _say_more(definitions)
    return {
        "$schema": DIALECT,
        "title": "stack.toml",
        "description": "What a local stack consists of and what its services must agree on.",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _table(table: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    known = fields(table)
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _of(annotation, definitions) for key, (annotation, _) in known.items()},
    }
    required = [key for key, (_, is_required) in known.items() if is_required]
    return {**schema, "required": required} if required else schema


def _of(annotation: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = parts(annotation)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:], definitions)
    if origin in (Union, UnionType):
        return {"anyOf": [_of(branch, definitions) for branch in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin is dict:
        return _mapping(arguments[0], arguments[1], definitions)
    if is_table(annotation):
        name = annotation.__name__.removesuffix("Table").lower()
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _table(annotation, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"enum": [str(member.value) for member in annotation]}
    return dict(_PLAIN.get(annotation, {}))


_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
}


def _annotated(inner: Any, extras: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _of(inner, definitions)
    for extra in extras:
        match extra:
            case Grammar():
                schema = {"type": "string"} | ({"pattern": extra.pattern} if extra.pattern else {})
            case Between(least, most):
                schema = {"type": "integer", "minimum": least, "maximum": most}
            case AtLeast(items):
                schema = {**schema, "minItems": items}
            case str():
                schema = {**schema, "description": extra}
    return schema


def _mapping(key: Any, value: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    names = _of(key, definitions)
    schema: dict[str, Any] = {"type": "object"}
    if value is not Any:
        schema["additionalProperties"] = _of(value, definitions)
    return {**schema, "propertyNames": {"pattern": names["pattern"]}} if "pattern" in names else schema


def _say_more(definitions: dict[str, Any]) -> None:
    """What annotations cannot say: one probe only, keys that belong to one type."""
    definitions["ready"]["oneOf"] = [{"required": [probe]} for probe in _PROBES]
    definitions["expect"] |= {"minProperties": 1, "maxProperties": 1}
    kinds = {ServiceType.COMPOSE: "compose", ServiceType.EXTERNAL: "url"}
    definitions["service"]["allOf"] = [
        {"if": {"required": [key]}, "then": {"properties": {"type": {"const": str(kind.value)}}}}
        for kind, key in kinds.items()
    ]
