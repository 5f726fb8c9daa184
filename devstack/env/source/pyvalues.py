"""Python values: literals, and what the code goes on with when a read gives nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from tree_sitter import Node

from devstack.env.source.model import Fallback
from devstack.env.source.syntax import Alternative, Module, ancestors

_SCOPES = frozenset({"class_definition", "function_definition"})
NameOf = Callable[[Node], str | None]
_CONVERTERS = frozenset({"int", "float", "str", "bool", "Path", "json.loads", "cast", "SecretStr"})


def unwrap(node: Node | None) -> Node | None:
    """The expression inside parentheses."""
    while node is not None and node.type in {"parenthesized_expression", "await"} and node.named_children:
        node = node.named_children[0]
    return node


def literal(module: Module, node: Node | None) -> str | None:
    """The text of a string or number; a constant of the same module counts as its value."""
    node = unwrap(node)
    if node is None:
        return None
    if node.type in {"string", "concatenated_string"}:
        return _string(module.text(node))
    if node.type in {"integer", "float", "true", "false"}:
        return module.text(node)
    if node.type == "identifier":
        value = assigned(module, module.text(node))
        if value is not None and value.type in {"string", "concatenated_string", "integer"}:
            module.fallback_starts.add(value.start_byte)
            return literal(module, value)
    return None


def _string(text: str) -> str | None:
    try:
        value = ast.literal_eval(f"({text})")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def assigned(module: Module, name: str) -> Node | None:
    """The right side of `NAME = …` when the module assigns it exactly once at its top level."""
    found: list[Node] = []
    for node in module.matches(
        re.compile(rb"^(" + re.escape(name.encode()) + rb")\s*(?::[^=\n]*)?=(?!=)", re.M), 1
    ):
        statement = node.parent
        if statement is not None and statement.type == "assignment":
            right = unwrap(statement.child_by_field_name("right"))
            if right is not None:
                found.append(right)
    return found[0] if len(found) == 1 else None


def arguments(module: Module, call: Node) -> tuple[list[Node], dict[str, Node]]:
    """Positional and keyword arguments."""
    given = call.child_by_field_name("arguments")
    positional: list[Node] = []
    named: dict[str, Node] = {}
    for child in given.named_children if given is not None else ():
        key, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if child.type == "keyword_argument" and key is not None and value is not None:
            named[module.text(key)] = value
        elif child.type != "comment":
            positional.append(child)
    return positional, named


def alternative(module: Module, read: Node, name_of: NameOf) -> Alternative:
    """What follows in `read or other or "x"` or `read if read else "x"`."""
    current = read
    for parent in ancestors(read):
        if parent.type in {"parenthesized_expression", "await"}:
            current = parent
        elif parent.type == "boolean_operator":
            operator = parent.child_by_field_name("operator")
            return (
                _rest_of_chain(module, current, name_of)
                if operator and operator.type == "or"
                else Alternative()
            )
        elif parent.type == "conditional_expression" and len(parent.named_children) == 3:
            chosen, condition, otherwise = parent.named_children
            same = name_of(condition) is not None and name_of(condition) == name_of(chosen)
            inside = otherwise.start_byte <= current.start_byte
            return (
                judge(module, [otherwise], Fallback.EMPTY_OR_UNSET, name_of)
                if same and not inside
                else Alternative()
            )
        elif _converts(module, parent, current):
            current = parent
        else:
            return Alternative()
    return Alternative()


def _converts(module: Module, parent: Node, inside: Node) -> bool:
    """`int(read)`, `read.strip()`, and the pieces between the call and the read."""
    if parent.type == "call":
        return inside.type in {"argument_list", "attribute"}
    call = parent.parent
    if call is None or call.type != "call":
        return False
    if parent.type == "argument_list":
        function = call.child_by_field_name("function")
        return (
            function is not None
            and module.text(function) in _CONVERTERS
            and parent.named_children[0] == inside
        )
    if parent.type == "attribute":
        method = parent.child_by_field_name("attribute")
        return method is not None and module.text(method) in {
            "strip",
            "rstrip",
            "lstrip",
            "lower",
            "upper",
            "replace",
        }
    return False


def _rest_of_chain(module: Module, part: Node, name_of: NameOf) -> Alternative:
    top = part
    for parent in ancestors(part):
        if parent.type == "boolean_operator" and module.text(parent.children[1]) == "or":
            top = parent
        elif parent.type != "parenthesized_expression":
            break
    rest = [operand for operand in _flatten(top) if operand.start_byte > part.end_byte]
    return judge(module, rest, Fallback.EMPTY_OR_UNSET, name_of)


def _flatten(top: Node) -> list[Node]:
    operands: list[Node] = []
    pending: list[Node | None] = [top]
    while pending and len(operands) < 24:
        node = unwrap(pending.pop())
        if node is None:
            continue
        if node.type == "boolean_operator" and node.children[1].type == "or":
            pending += [node.child_by_field_name("right"), node.child_by_field_name("left")]
        else:
            operands.append(node)
    return operands


def judge(module: Module, operands: list[Node], operator: Fallback, name_of: NameOf) -> Alternative:
    """Further names, then the first literal, or that something else is computed."""
    result = Alternative(operator=operator)
    for operand in operands:
        name = name_of(operand)
        if name is not None:
            result.names += (name,)
            deeper = default_of(module, operand, name_of)
            if deeper.literal is not None or deeper.computed:
                result.literal, result.computed = deeper.literal, deeper.computed
                result.names += deeper.names
                break
            continue
        result.literal = literal(module, operand)
        if result.literal is not None:
            inner = unwrap(operand)
            module.fallback_starts.add(inner.start_byte if inner is not None else operand.start_byte)
        result.computed = result.literal is None and operand.type != "none"
        break
    if result.literal is None and not result.computed and not result.names:
        return Alternative()
    return result


def default_of(module: Module, call: Node, name_of: NameOf) -> Alternative:
    """The second argument or `default=` of a reading call."""
    call = unwrap(call) or call
    if call.type != "call":
        return Alternative()
    positional, named = arguments(module, call)
    given = positional[1] if len(positional) > 1 else named.get("default", named.get("fallback"))
    return judge(module, [given], Fallback.DEFAULT, name_of) if given is not None else Alternative()


def declaration(module: Module, name: str, use: Node | None) -> Node | None:
    """Where the name that `use` has is declared, in the innermost function around it; without one at the top level.

    None where that function or module declares it more than once.
    """
    best, width, is_only = None, len(module.source) + 1, True
    for node in module.matches(re.compile(rb"(?<![\w.])" + re.escape(name.encode()) + rb"\b")):
        if node.type != "identifier" or node == use or not _declares(node):
            continue
        named = node.parent if node.parent is not None and node.parent.type in _SCOPES else None
        above = (one for one in ancestors(node) if one.type in _SCOPES and one != named)
        scope = next(above, module.root)
        is_around = use is not None and scope.start_byte <= use.start_byte <= scope.end_byte
        size = scope.end_byte - scope.start_byte
        if (is_around or scope == module.root) and size <= width:
            best, width, is_only = node, size, size < width
    return best if is_only else None


def _declares(node: Node) -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "assignment":
        return parent.child_by_field_name("left") == node
    if parent.type in (*_SCOPES, "default_parameter", "typed_default_parameter"):
        return parent.child_by_field_name("name") == node
    return parent.type in ("parameters", "typed_parameter")
