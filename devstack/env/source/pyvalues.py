"""Python values: literals, paths of env files, and what the code goes on with when a read gives nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from posixpath import normpath

from tree_sitter import Node

from devstack.env.source.model import Fallback
from devstack.env.source.syntax import Alternative, Module, ancestors

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


def path_of(module: Module, node: Node | None, depth: int = 0) -> tuple[str, bool] | None:
    """A literal path and whether it is relative to the module's folder; None when it cannot be known."""
    inner = unwrap(node)
    if inner is None or depth > 12:
        return None
    text = literal(module, inner)
    if text is not None:
        return text, False
    if inner.type == "identifier":
        name = module.text(inner)
        return (".//", True) if name == "__file__" else path_of(module, assigned(module, name), depth + 1)
    if inner.type == "binary_operator":
        return _joined(module, [inner.child_by_field_name("left"), inner.child_by_field_name("right")], depth)
    if inner.type == "attribute" and module.text(inner).endswith(".parent"):
        return _parent(path_of(module, inner.child_by_field_name("object"), depth + 1))
    if inner.type == "subscript":
        return _parents(module, inner, depth)
    return _path_call(module, inner, depth) if inner.type == "call" else None


def _path_call(module: Module, call: Node, depth: int) -> tuple[str, bool] | None:
    function = call.child_by_field_name("function")
    name = module.text(function) if function is not None else ""
    positional, _ = arguments(module, call)
    if name.endswith((".resolve", ".absolute", ".expanduser", ".as_posix")) and function is not None:
        return path_of(module, function.child_by_field_name("object"), depth + 1)
    if name in {"Path.cwd", "os.getcwd", "pathlib.Path.cwd"}:
        return ".", False
    if name.endswith(("path.dirname", "dirname")) and positional:
        return _parent(path_of(module, positional[0], depth + 1))
    if name.endswith((".join", ".joinpath", "Path", "abspath", "realpath", "str", "normpath")):
        receiver = (
            function.child_by_field_name("object")
            if function is not None and name.endswith("joinpath")
            else None
        )
        return _joined(module, [*([receiver] if receiver is not None else []), *positional], depth)
    if name.endswith("find_dotenv") and positional:
        return path_of(module, positional[0], depth + 1)
    return None


def _joined(module: Module, parts: list[Node | None], depth: int) -> tuple[str, bool] | None:
    known = [path_of(module, part, depth + 1) for part in parts]
    if not known or any(part is None for part in known):
        return None
    texts = [part for part in known if part is not None]
    if len(texts) == 1:
        return texts[0]
    return normpath("/".join(text for text, _ in texts)), texts[0][1]


def _parent(known: tuple[str, bool] | None) -> tuple[str, bool] | None:
    if known is None:
        return None
    text, beside = known
    if text == ".//":  # the module itself: its folder is where paths beside it begin
        return ".", beside
    return normpath(f"{text}/.."), beside


def _parents(module: Module, subscript: Node, depth: int) -> tuple[str, bool] | None:
    """`Path(__file__).resolve().parents[1]`."""
    value, index = subscript.child_by_field_name("value"), subscript.child_by_field_name("subscript")
    if value is None or index is None or not module.text(value).endswith(".parents"):
        return None
    known = path_of(module, value.child_by_field_name("object"), depth + 1)
    for _ in range(int(module.text(index)) + 1 if module.text(index).isdigit() else 0):
        known = _parent(known)
    return known
