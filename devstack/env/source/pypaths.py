"""Paths in Python: `Path(__file__).parent / ".env"`, `os.path.join(os.path.dirname(__file__), "..", ".env")`."""

from __future__ import annotations

from tree_sitter import Node

from devstack.env.source.paths import CURRENT, MODULE, Place, concatenated, found_once, joined
from devstack.env.source.pyvalues import arguments, declaration, literal, unwrap
from devstack.env.source.syntax import Module

_KNOWN = {"__file__": MODULE, "os.pardir": Place(".."), "os.curdir": CURRENT, "os.sep": Place("/")}
# Calls that give the same path as what they are a method of, or as their only argument.
_SAME_OBJECT = frozenset({"resolve", "absolute", "as_posix"})
_SAME_ARGUMENT = frozenset({"abspath", "realpath", "normpath", "str", "fspath"})
_JOINS = frozenset({"join", "joinpath", "Path", "PurePath", "PosixPath"})


def path_of(module: Module, node: Node | None, depth: int = 0) -> Place | None:
    """The path that an expression is; None where it depends on anything else."""
    return found_once(module, unwrap(node), depth, _put_together)


def _put_together(module: Module, inner: Node, depth: int) -> Place | None:
    known = _KNOWN.get(module.text(inner))
    if known is not None:
        return known
    if inner.type == "identifier":
        return path_of(module, assigned(module, inner), depth + 1)
    text = literal(module, inner)
    if text is not None:
        return Place(text)
    if inner.type == "string":
        return concatenated([_piece(module, piece, depth + 1) for piece in inner.named_children[1:-1]])
    if inner.type == "binary_operator":
        parts = [path_of(module, inner.child_by_field_name(side), depth + 1) for side in ("left", "right")]
        return {"/": joined, "+": concatenated}.get(inner.children[1].type, _unknown)(parts)
    if inner.type == "attribute" and module.text(inner).endswith(".parent"):
        return _parent(path_of(module, inner.child_by_field_name("object"), depth + 1))
    if inner.type == "subscript":
        return _parents(module, inner, depth)
    return _called(module, inner, depth) if inner.type == "call" else None


def _unknown(_: object) -> None:
    return None


def _parent(known: Place | None) -> Place | None:
    return known and known.parent()


def assigned(module: Module, name: Node) -> Node | None:
    """What a name was assigned, where that happens once around its use."""
    declared = declaration(module, module.text(name), name)
    statement = None if declared is None else declared.parent
    return unwrap(statement.child_by_field_name("right")) if statement is not None else None


def _piece(module: Module, piece: Node, depth: int) -> Place | None:
    """A part of `f"{BASE}/.env"`."""
    if piece.type == "interpolation":
        return path_of(module, piece.named_children[0], depth) if len(piece.named_children) == 1 else None
    return Place(module.text(piece)) if piece.type == "string_content" else None


def _called(module: Module, call: Node, depth: int) -> Place | None:
    function = call.child_by_field_name("function")
    text = module.text(function) if function is not None else ""
    name = text.rpartition(".")[2]
    holder = function.child_by_field_name("object") if function is not None else None
    positional, _ = arguments(module, call)
    if text in {"Path.cwd", "os.getcwd", "pathlib.Path.cwd"}:
        return CURRENT
    if name in _SAME_OBJECT and holder is not None:
        return path_of(module, holder, depth + 1)
    parts = [path_of(module, one, depth + 1) for one in positional]
    if name == "dirname" and parts:
        return _parent(parts[0])
    if name == "with_name" and parts:
        return joined([_parent(path_of(module, holder, depth + 1)), parts[0]])
    if name in _JOINS:
        return joined([path_of(module, holder, depth + 1), *parts] if name == "joinpath" else parts)
    return parts[0] if name in _SAME_ARGUMENT and len(parts) == 1 else None


def _parents(module: Module, subscript: Node, depth: int) -> Place | None:
    """`Path(__file__).resolve().parents[1]`."""
    value, index = subscript.child_by_field_name("value"), subscript.child_by_field_name("subscript")
    if value is None or index is None or not module.text(value).endswith(".parents"):
        return None
    known = path_of(module, value.child_by_field_name("object"), depth + 1)
    if not module.text(index).isdigit():
        return None
    for _ in range(int(module.text(index)) + 1):
        known = _parent(known)
    return known
