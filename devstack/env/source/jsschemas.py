"""Schemas that name environment variables: t3-env, zod, valibot, joi, envalid."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from devstack.env.source.jsvalues import literal, unwrap
from devstack.env.source.model import Fallback
from devstack.env.source.syntax import Alternative, Module, ancestors
from devstack.patterns import regex

_CREATORS = (b"createEnv", b"cleanEnv", b"envsafe", b"parseEnv")
_CREATE = regex(rb"\b(" + b"|".join(_CREATORS) + rb")\s*\(")
_OBJECT = regex(rb"\.\s*(object|strictObject|looseObject)\(")
_UPPER = regex(r"[A-Z][A-Z0-9_]*\Z")
_SECTIONS = frozenset({"server", "client", "shared"})


def scan(module: Module) -> None:
    """Record every variable that a schema for the environment names."""
    for node in module.matches(_CREATE, 1) if any(name in module.source for name in _CREATORS) else ():
        call = node.parent
        if node.type == "identifier" and call is not None and call.type == "call_expression":
            _created(module, call)
    environment_words = rb"process.env" in module.source or rb"import.meta.env" in module.source
    for node in module.matches(_OBJECT, 1) if b"bject(" in module.source else ():
        call = next((above for above in ancestors(node) if above.type == "call_expression"), None)
        if (
            call is not None
            and node.type == "property_identifier"
            and _is_for_environment(module, call, environment_words)
        ):
            for table in _object_arguments(call):
                _keys(module, table)


def _created(module: Module, call: Node) -> None:
    """`createEnv({ server: {…}, client: {…} })`, `cleanEnv(process.env, {…})`."""
    for table in _object_arguments(call):
        sections = list(_pairs(module, table))
        if any(name in _SECTIONS for name, _, _ in sections):
            for name, _, value in sections:
                if name in _SECTIONS and value is not None and value.type == "object":
                    first = len(module.reads)
                    _keys(module, value)
                    if name == "server":  # a page that asks for one gets an error instead
                        module.server_reads.update(range(first, len(module.reads)))
        else:
            _keys(module, table)


def _object_arguments(call: Node) -> Iterator[Node]:
    arguments = call.child_by_field_name("arguments")
    for child in arguments.named_children if arguments is not None else ():
        inner = unwrap(child)
        if inner is not None and inner.type == "object":
            yield inner


def _is_for_environment(module: Module, call: Node, environment_words: bool) -> bool:
    """Whether a schema is parsed with the environment or is called after it."""
    for above in ancestors(call):
        if above.type == "call_expression":
            arguments = above.child_by_field_name("arguments")
            if arguments is not None and re.match(
                r"\(\s*(?:process|import\.meta)\.env\b", module.text(arguments)
            ):
                return True
        if above.type == "variable_declarator":
            name = module.text(above.child_by_field_name("name") or above)
            if re.search(r"env", name, re.IGNORECASE):
                return True
            return environment_words and bool(
                re.search(
                    rf"\b{re.escape(name)}\s*\.\s*(?:safe)?[pP]arse(?:Async)?\(\s*(?:process|import\.meta)\.env",
                    _text(module),
                )
            )
        if (
            above.type == "pair"
            and module.text(above.child_by_field_name("key") or above) == "validationSchema"
        ):
            return True
    return False


def _text(module: Module) -> str:
    return module.source.decode("utf-8", "replace")


def _pairs(module: Module, table: Node) -> Iterator[tuple[str, Node, Node | None]]:
    for pair in table.named_children:
        key = pair.child_by_field_name("key")
        if pair.type == "pair" and key is not None:
            yield module.text(key).strip("'\""), pair, unwrap(pair.child_by_field_name("value"))


def _keys(module: Module, table: Node) -> None:
    for name, pair, value in _pairs(module, table):
        if _UPPER.match(name):
            module.add(pair, name, "zod", alternative=_default(module, value))


def _default(module: Module, value: Node | None) -> Alternative:
    """The literal of `.default("…")`, joi's `.default`, envalid's `{ default: "…" }`."""
    node = value
    while node is not None and node.type == "call_expression":
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        given = arguments.named_children if arguments is not None else []
        if function is not None and module.text(function).endswith((".default", ".catch")) and given:
            return _as_default(module, given[0])
        for argument in given:
            if argument.type == "object":
                for name, _, inner in _pairs(module, argument):
                    if name in {"default", "devDefault"} and inner is not None:
                        return _as_default(module, inner)
        node = function.child_by_field_name("object") if function is not None else None
    return Alternative()


def _as_default(module: Module, node: Node) -> Alternative:
    text = literal(module, node)
    if text is None:
        return Alternative(computed=True, operator=Fallback.DEFAULT)
    module.fallback_starts.add(node.start_byte)
    return Alternative(literal=text, operator=Fallback.DEFAULT)
