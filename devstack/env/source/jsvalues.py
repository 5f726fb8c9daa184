"""JavaScript values: literals, and what the code goes on with when an expression gives nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from devstack.env.source.model import Fallback
from devstack.env.source.syntax import Alternative, Module, ancestors

# Gives the variable that an expression reads, or None.
NameOf = Callable[[Node], str | None]

WRAPPERS = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "non_null_expression",
        "satisfies_expression",
        "await_expression",
        "type_assertion",
    }
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
# Calls and methods that only convert: `Number(process.env.PORT)`, `process.env.URL?.trim()`.
_CONVERTERS = frozenset(
    {"Number", "String", "parseInt", "parseFloat", "Boolean", "BigInt", "URL", "Number.parseInt"}
)
_METHODS = frozenset(
    {"trim", "toString", "replace", "replaceAll", "toLowerCase", "toUpperCase", "trimEnd", "trimStart"}
)
_LONGEST = 24  # operands of `a || b || …` that are followed
_CALLS = frozenset({"call_expression", "new_expression"})
_REFUSALS = re.compile(r"throw|raise|fail|panic|invariant|assert|missing|required?|die|abort", re.IGNORECASE)


def unwrap(node: Node | None) -> Node | None:
    """The expression inside parentheses, type assertions and the like."""
    while node is not None and node.type in WRAPPERS:
        inner = node.named_children
        node = inner[0] if inner else None
    return node


def outward(node: Node) -> Node:
    """The widest expression that is the same value in parentheses or type assertions."""
    while node.parent is not None and node.parent.type in WRAPPERS:
        node = node.parent
    return node


def literal(module: Module, node: Node | None) -> str | None:
    """The text of a string, number or plain template literal; a constant of the file counts as its value."""
    node = unwrap(node)
    if node is None:
        return None
    if node.type in {"string", "template_string"}:
        return _text_of_string(module, node)
    if node.type in {"number", "true", "false"}:
        return module.text(node)
    if node.type == "identifier":
        return _constant(module, node)
    return None


def _text_of_string(module: Module, node: Node) -> str | None:
    pieces = []
    for child in node.named_children:
        if child.type == "string_fragment":
            pieces.append(module.text(child))
        elif child.type == "escape_sequence":
            pieces.append(_unescape(module.text(child)))
        else:
            return None
    return "".join(pieces)


def _unescape(text: str) -> str:
    body = text[1:]
    if body[:1] in {"u", "x"}:
        digits = body[1:].strip("{}")
        return chr(int(digits, 16)) if digits and int(digits, 16) < 0x110000 else ""
    return _ESCAPES.get(body, "" if body in {"\n", "\r\n"} else body)


def _constant(module: Module, name: Node) -> str | None:
    """The literal of `const NAME = "…"` at the top of the same file."""
    declared = re.compile(
        rb"\bconst\s+(" + re.escape(module.source[name.start_byte : name.end_byte]) + rb")\b"
    )
    for found in module.matches(declared, 1):
        declarator = found.parent
        if declarator is None or declarator.type != "variable_declarator":
            continue
        value = unwrap(declarator.child_by_field_name("value"))
        if value is not None and value.type in {"string", "template_string", "number"}:
            module.fallback_starts.add(value.start_byte)
            return literal(module, value)
    return None


def alternative(module: Module, read: Node, name_of: NameOf) -> Alternative:
    """What follows the read in `read || other || "x"`, `read ?? "x"` or `read ? read : "x"`."""
    current = read
    for parent in ancestors(read):
        if parent.type in WRAPPERS or _converts(module, parent, current):
            current = parent
        elif parent.type == "binary_expression" and _operator(parent) is not None:
            return _rest_of_chain(module, current, name_of)
        elif parent.type == "ternary_expression":
            return _ternary(module, parent, current, name_of)
        elif parent.type == "augmented_assignment_expression":
            operator = {"||=": Fallback.EMPTY_OR_UNSET, "??=": Fallback.UNSET}.get(_sign(parent))
            right = parent.child_by_field_name("right")
            if operator and right is not None and parent.child_by_field_name("left") == current:
                return _judge(module, [(operator, right)], name_of)
            return Alternative()
        else:
            return Alternative()
    return Alternative()


def _sign(node: Node) -> str:
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def _operator(node: Node) -> Fallback | None:
    return {"||": Fallback.EMPTY_OR_UNSET, "??": Fallback.UNSET}.get(_sign(node))


def _converts(module: Module, node: Node, inside: Node) -> bool:
    """`Number(read)`, `read?.trim()`, and the pieces between the call and the read."""
    if node.type in _CALLS:
        return inside.type in {"arguments", "member_expression"}
    call = node.parent
    if node.type not in {"arguments", "member_expression"} or call is None or call.type not in _CALLS:
        return False
    if node.type == "arguments":
        function = call.child_by_field_name("function") or call.child_by_field_name("constructor")
        first = node.named_children[0] if node.named_children else None
        return function is not None and first == inside and module.text(function) in _CONVERTERS
    method = node.child_by_field_name("property")
    return (
        method is not None
        and module.text(method) in _METHODS
        and node.child_by_field_name("object") == inside
    )


def _rest_of_chain(module: Module, part: Node, name_of: NameOf) -> Alternative:
    top = part
    for _ in range(_LONGEST):
        wider = outward(top)
        parent = wider.parent
        if parent is None or parent.type != "binary_expression" or _operator(parent) is None:
            break
        top = parent
    steps = _flatten(top)
    position = max(
        (index for index, (_, operand) in enumerate(steps) if operand.start_byte <= part.start_byte),
        default=0,
    )
    return _judge(module, steps[position + 1 :], name_of)


def _flatten(top: Node) -> list[tuple[Fallback | None, Node]]:
    """Operands from left to right, each with the operator before it."""
    steps: list[tuple[Fallback | None, Node]] = []
    pending: list[tuple[Fallback | None, Node | None]] = [(None, top)]
    while pending and len(steps) <= _LONGEST:
        operator, node = pending.pop()
        inner = unwrap(node)
        if inner is None:
            continue
        own = _operator(inner) if inner.type == "binary_expression" else None
        if own is None:
            steps.append((operator, inner))
            continue
        pending.append((own, inner.child_by_field_name("right")))
        pending.append((operator, inner.child_by_field_name("left")))
    return steps


def _judge(module: Module, steps: list[tuple[Fallback | None, Node]], name_of: NameOf) -> Alternative:
    result = Alternative()
    for operator, operand in steps:
        result.operator = result.operator or operator
        name = name_of(operand)
        if name is not None:
            result.names += (name,)
            continue
        text = literal(module, operand)
        if text is not None:
            result.literal = text
            module.fallback_starts.add(operand.start_byte)
        else:
            result.computed = not _is_nothing(module, operand)
        break
    if result.literal is None and not result.computed and not result.names:
        return Alternative()
    return result


def _is_nothing(module: Module, node: Node) -> bool:
    """`undefined`, `null`, or a call that refuses to go on."""
    if node.type in {"undefined", "null"}:
        return True
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    if function is not None and _REFUSALS.search(module.text(function)):
        return True
    return node.type == "call_expression" and "throw " in module.text(node)


def _ternary(module: Module, ternary: Node, part: Node, name_of: NameOf) -> Alternative:
    """`X ? X : "d"` means `X || "d"` for both readings of X."""
    condition = unwrap(ternary.child_by_field_name("condition"))
    otherwise = ternary.child_by_field_name("alternative")
    if condition is None or otherwise is None or outward(otherwise) == outward(part):
        return Alternative()
    tested, read = name_of(condition), name_of(unwrap(part) or part)
    if tested is None or tested != read:
        return Alternative()
    return _judge(module, [(Fallback.EMPTY_OR_UNSET, otherwise)], name_of)
