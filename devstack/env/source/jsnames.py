"""Names in a module of JavaScript: where they are declared, what they are imported as, what it exports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from devstack.env.source.jsvalues import literal, unwrap
from devstack.env.source.syntax import Module, ancestors

CALLS = frozenset({"call_expression", "new_expression"})
_SCOPES = frozenset(
    {
        *("program", "statement_block", "function_declaration", "function_expression", "arrow_function"),
        *("method_definition", "class_body", "catch_clause"),
    }
)
FUNCTIONS = frozenset({"function_declaration", "function_expression", "arrow_function", "method_definition"})
PATTERNS = frozenset({"pair_pattern", "object_pattern", "object_assignment_pattern", "assignment_pattern"})
PARAMETERS = frozenset({"formal_parameters", "required_parameter", "optional_parameter"})


def call_of(name: Node) -> Node | None:
    """The call whose function ends with `name`."""
    function = name
    if name.parent is not None and name.parent.type == "member_expression":
        if name.parent.child_by_field_name("property") != name:
            return None
        function = name.parent
    if function.parent is not None and function.parent.type == "await_expression":
        function = function.parent  # of `await f<T>(x)` the grammar makes a call of `await f`
    call = function.parent
    if call is None or call.type not in CALLS:
        return None
    given = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    return call if given == function else None


def arguments(call: Node) -> list[Node]:
    """What is handed to a call, in order."""
    given = call.child_by_field_name("arguments")
    return [child for child in given.named_children if child.type != "comment"] if given is not None else []


def declaration(module: Module, name: str, use: Node | None) -> Node | None:
    """Where the name that `use` has is declared, in the innermost scope around it; without `use` at the top level."""
    best, width = None, len(module.source) + 1
    for node in module.matches(re.compile(rb"(?<![\w$.])" + re.escape(name.encode()) + rb"\b")):
        if node == use or not _declares(node):
            continue
        scope = _scope(node)
        if use is None and scope.type != "program":
            continue
        is_around = use is None or scope.start_byte <= use.start_byte <= scope.end_byte
        if is_around and scope.end_byte - scope.start_byte < width:
            best, width = node, scope.end_byte - scope.start_byte
    return best


def _declares(node: Node) -> bool:
    parent = node.parent
    if parent is None or node.type not in ("identifier", "shorthand_property_identifier_pattern"):
        return False
    if parent.type in ("variable_declarator", "function_declaration"):
        return parent.child_by_field_name("name") == node
    if parent.type == "pair_pattern":
        return parent.child_by_field_name("value") == node
    if parent.type == "arrow_function":
        return parent.child_by_field_name("parameter") == node
    return parent.type in PATTERNS | PARAMETERS


def _scope(node: Node) -> Node:
    """What a declaration holds in; a function's own name is known around it, its parameters in it."""
    named = node.parent if node.parent is not None and node.parent.type == "function_declaration" else None
    found = node
    for above in ancestors(node):
        found = above
        if above.type in _SCOPES and above != named:
            break
    return found


def around(node: Node) -> Iterator[Node]:
    """The patterns around a name, and what they stand in."""
    for above in ancestors(node):
        yield above
        if above.type not in PATTERNS:
            return


def taken_as(module: Module, bound: Node) -> str:
    """Under which name of an object `bound` was taken from it."""
    parent = bound.parent
    key = parent.child_by_field_name("key") if parent is not None and parent.type == "pair_pattern" else None
    return module.text(key or bound).strip("'\"")


def dotted(module: Module, node: Node) -> tuple[str, ...]:
    """`a.b.c`, `a?.b`; nothing for other expressions."""
    parts: list[str] = []
    here: Node | None = node
    while here is not None and here.type == "member_expression":
        key = here.child_by_field_name("property")
        parts.append("" if key is None else module.text(key))
        here = unwrap(here.child_by_field_name("object"))
    if here is None or here.type not in ("identifier", "shorthand_property_identifier"):
        return ()
    return (module.text(here), *reversed(parts))


def values_of(module: Module, holder: Node, key: str) -> list[Node]:
    """The values that an object gives to `key`."""
    found = []
    for pair in holder.named_children:
        name, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if name is not None and value is not None and module.text(name).strip("'\"") == key:
            found.append(value)
        elif pair.type == "shorthand_property_identifier" and module.text(pair) == key:
            found.append(pair)
    return found


def options(module: Module, node: Node, key: str) -> list[Node]:
    """The values of the outermost options `key` below `node`."""
    found: list[Node] = []
    pending = [node]
    while pending:
        here = pending.pop(0)
        values = values_of(module, here, key) if here.type == "object" else []
        found += values
        pending += [] if values else here.named_children
    return found


def required(module: Module, node: Node) -> str | None:
    """`require("x")`."""
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    given = arguments(node) if function is not None and module.text(function) == "require" else []
    return literal(module, given[0]) if len(given) == 1 else None


def specified(module: Module, statement: Node) -> Iterator[tuple[str, str]]:
    """Local name and name there of an import; of an export the name outside and the name there."""
    pending = list(statement.named_children)
    while pending:
        node = pending.pop()
        if node.type in ("import_specifier", "export_specifier"):
            name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
            if name is not None:
                there = module.text(name)
                yield module.text(alias or name), "*" if there == "default" else there
        elif node.type == "identifier":
            yield module.text(node), "*"
        elif node.type in ("import_clause", "named_imports", "namespace_import", "export_clause"):
            pending += node.named_children


def unpacked(module: Module, target: Node) -> Iterator[tuple[str, str]]:
    """`const x = require(…)`, `const { a, b: c } = require(…)`."""
    if target.type == "identifier":
        yield module.text(target), "*"
    for part in target.named_children if target.type == "object_pattern" else ():
        name, value = part.child_by_field_name("key") or part, part.child_by_field_name("value") or part
        yield module.text(value), module.text(name)


def exports(module: Module) -> Iterator[Node]:
    """What a module is as a whole: `export default …`, `module.exports = …`."""
    for statement in module.root.named_children:
        value = statement.child_by_field_name("value") or statement.child_by_field_name("declaration")
        if (
            statement.type == "export_statement"
            and value is not None
            and module.text(statement).startswith("export default")
        ):
            yield value
        for inner in statement.named_children if statement.type == "expression_statement" else ():
            left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
            if left is not None and right is not None and module.text(left) == "module.exports":
                yield right
