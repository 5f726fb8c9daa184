"""Paths in JavaScript: `path.join(__dirname, "..", ".env")`, `new URL("../.env", import.meta.url)`."""

from __future__ import annotations

from tree_sitter import Node

from devstack.env.source.jsnames import arguments, declaration
from devstack.env.source.jsvalues import literal, unwrap
from devstack.env.source.paths import CURRENT, FOLDER, MODULE, Place, concatenated, found_once, joined
from devstack.env.source.syntax import Module

_KNOWN = {
    "__dirname": FOLDER,
    "import.meta.dirname": FOLDER,
    "import.meta.dir": FOLDER,
    "__filename": MODULE,
    "import.meta.filename": MODULE,
    "import.meta.path": MODULE,
    "import.meta.url": MODULE,
    "process.cwd()": CURRENT,
}
NAMES = frozenset({"identifier", "shorthand_property_identifier"})
_SAME = frozenset({"fileURLToPath", "normalize", "String", "toString", "realpathSync"})


def path_of(module: Module, node: Node | None, depth: int = 0) -> Place | None:
    """The path that an expression is; None where it depends on anything else."""
    return found_once(module, unwrap(node), depth, _put_together)


def _put_together(module: Module, inner: Node, depth: int) -> Place | None:
    known = _KNOWN.get(module.text(inner))
    if known is not None:
        return known
    if inner.type in NAMES:
        return path_of(module, constant(module, inner), depth + 1)
    text = literal(module, inner)
    if text is not None:
        return Place(text)
    if inner.type == "template_string":
        return concatenated([_piece(module, piece, depth + 1) for piece in inner.named_children])
    if inner.type == "binary_expression" and inner.children[1].type == "+":
        return concatenated([path_of(module, inner.children[at], depth + 1) for at in (0, -1)])
    if inner.type == "member_expression" and module.text(inner).endswith((".pathname", ".href")):
        return path_of(module, inner.child_by_field_name("object"), depth + 1)
    return _made(module, inner, depth + 1)


def constant(module: Module, name: Node) -> Node | None:
    """What the name was declared with."""
    declared = declaration(module, module.text(name), name)
    declarator = None if declared is None else declared.parent
    if declarator is None or declarator.type != "variable_declarator" or _is_variable(declarator):
        return None
    return declarator.child_by_field_name("value")


def _is_variable(declarator: Node) -> bool:
    """Whether it may get another value later."""
    statement = declarator.parent
    return statement is None or statement.children[0].type != "const"


def _piece(module: Module, piece: Node, depth: int) -> Place | None:
    if piece.type == "template_substitution":
        return path_of(module, piece.named_children[0], depth) if piece.named_children else None
    return Place(module.text(piece)) if piece.type == "string_fragment" else None


def _made(module: Module, call: Node, depth: int) -> Place | None:
    """What the functions of `path` and `url` give."""
    function = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    if function is None:
        return None
    name = module.text(function).rpartition(".")[2]
    parts = [path_of(module, one, depth) for one in arguments(call)]
    if call.type == "new_expression":
        return joined([FOLDER, parts[0]]) if name == "URL" and parts[1:] == [MODULE] else None
    if name == "resolve" and module.text(function) in ("require.resolve", "import.meta.resolve"):
        is_near = len(parts) == 1 and parts[0] is not None and parts[0].text.startswith(".")
        return joined([FOLDER, *parts]) if is_near else None
    if name == "join":  # unlike `resolve` it does not begin anew at a slash
        first, *rest = parts or [None]
        return joined([first, *(part and Place(part.text.lstrip("/") or ".", part.beside) for part in rest)])
    if name == "resolve":
        return joined(parts)
    if name == "dirname" and len(parts) == 1:
        return parts[0] and parts[0].parent()
    return parts[0] if name in _SAME and parts else None
