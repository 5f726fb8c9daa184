"""Literals of `vite.config.ts`, `next.config.mjs` and the like, by the path of keys they stand at.

No interpreter and no full parser: brackets, strings and comments are followed, and a `key: literal` is
reported with the keys around it. What is computed is not reported, so nobody concludes anything from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import FileReader
from devstack.records import dataclass

if TYPE_CHECKING:
    from tree_sitter import Node

    from devstack.env.source.syntax import Module
    from devstack.stack.model import Service, Stack

_NAMES = {
    "vite": ("vite.config.js", "vite.config.mjs", "vite.config.ts", "vite.config.cjs", "vite.config.mts"),
    "next": ("next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLiteral:
    """One literal value.

    Attributes:
        keys: the keys around it, outermost first; items of lists have the list's keys.
        text: strings without quotes, numbers and `true`/`false`/`null` as written.
        line: 1-based.
    """

    keys: tuple[str, ...]
    text: str
    line: int

    def is_at(self, *keys: str) -> bool:
        """Whether the innermost keys are these."""
        return self.keys[-len(keys) :] == keys


def of(stack: Stack, service: Service, reader: FileReader) -> tuple[Path, str] | None:
    """The configuration file that the page server of `service` reads, and its text; the first that exists."""
    from devstack.stack.launch import pages

    place = pages(stack, service)
    named = [place.config] if place.config else [place.folder / name for name in _NAMES[service.type.value]]
    for path in named:
        try:
            content = reader.read(path)
        except OSError:
            continue
        if content is not None:
            return path, content.decode("utf-8", errors="replace")
    return None


def literals(text: str) -> Iterator[ConfigLiteral]:
    """Every literal of the exported configuration that certainly holds, in the order of the text.

    Constants of the same file count as what they are; what an `if`, `? :`, `&&` or a call decides is left out, and
    so are objects that are handed to plugins.
    """
    from devstack.env.source.syntax import Module, parser

    source = text.encode("utf-8", "replace")
    module = Module("", source, parser("typescript").parse(source).root_node)
    reading = _Reading(module)
    for exported in _exported(module):
        yield from reading.value((), exported, 0)


def _exported(module: Module) -> Iterator[Node]:
    """`export default …`, `module.exports = …`."""
    for statement in module.root.named_children:
        value = statement.child_by_field_name("value")
        if statement.type == "export_statement" and value is not None:
            yield value
        for inner in statement.named_children if statement.type == "expression_statement" else ():
            left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
            if (
                left is not None
                and right is not None
                and module.text(left) in {"module.exports", "exports.default"}
            ):
                yield right


_DEEPEST = 40


class _Reading:
    """Follows objects, lists, constants, and functions that return one of these."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def value(self, keys: tuple[str, ...], node: Node | None, depth: int) -> Iterator[ConfigLiteral]:
        """The literals at and below one value."""
        from devstack.env.source.jsvalues import literal, unwrap

        inner = unwrap(node)
        if inner is None or depth > _DEEPEST:
            return
        if inner.type == "object":
            for child in inner.named_children:
                yield from self._member(keys, child, depth + 1)
        elif inner.type == "array":
            for child in inner.named_children:
                yield from self.value(keys, child, depth + 1)
        elif inner.type in _FUNCTIONS:
            yield from self.value(keys, _returned(inner), depth + 1)
        elif inner.type == "call_expression" and not keys:  # `defineConfig(…)`, `withPlugin(config)`
            arguments = inner.child_by_field_name("arguments")
            for child in arguments.named_children if arguments is not None else ():
                yield from self.value((), child, depth + 1)
        else:
            text = "null" if inner.type == "null" else literal(self.module, inner)
            if text is not None and keys:
                yield ConfigLiteral(keys=keys, text=text, line=inner.start_point[0] + 1)
            elif inner.type == "identifier":
                yield from self.value(keys, self._constant(inner), depth + 1)

    def _member(self, keys: tuple[str, ...], child: Node, depth: int) -> Iterator[ConfigLiteral]:
        name = child.child_by_field_name("key") or child.child_by_field_name("name")
        if child.type == "pair" and name is not None and name.type != "computed_property_name":
            key = self.module.text(name).strip("\"'")
            yield from self.value((*keys, key), child.child_by_field_name("value"), depth)
        elif child.type == "method_definition" and name is not None:
            yield from self.value((*keys, self.module.text(name)), _returned(child), depth)
        elif child.type == "shorthand_property_identifier":
            yield from self.value((*keys, self.module.text(child)), self._constant(child), depth)
        elif child.type == "spread_element" and child.named_children[0].type == "identifier":
            yield from self.value(keys, self._constant(child.named_children[0]), depth)

    def _constant(self, name: Node) -> Node | None:
        """The value of `const name = …`, or the function of that name; None when it is declared elsewhere or twice."""
        word = re.escape(self.module.source[name.start_byte : name.end_byte])
        declared = re.compile(rb"\b(?:const|function)\s+(" + word + rb")\b")
        found = [node.parent for node in self.module.matches(declared, 1) if node.parent is not None]
        if len(found) != 1:
            return None
        if found[0].type in _FUNCTIONS:
            return found[0]
        return found[0].child_by_field_name("value") if found[0].type == "variable_declarator" else None


_FUNCTIONS = frozenset({"arrow_function", "function_expression", "function_declaration"})


def _returned(function: Node) -> Node | None:
    """What a function gives back when it has a single way to end."""
    body = function.child_by_field_name("body")
    if body is None or body.type != "statement_block":
        return body
    ends = [child for child in body.named_children if child.type == "return_statement"]
    branches = {"if_statement", "switch_statement", "try_statement", "for_statement", "while_statement"}
    if any(child.type in branches and b"return" in (child.text or b"") for child in body.named_children):
        return None
    return ends[0].named_children[0] if len(ends) == 1 and ends[0].named_children else None
