"""Calls of Python that sign and verify tokens, and the way from their key to the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from tree_sitter import Node

from devstack.env.source.keys import (
    PYTHON_CALLS,
    PYTHON_NAMES,
    Call,
    Found,
    Modules,
    Names,
    Parsed,
    Tracer,
    agreed,
)
from devstack.env.source.model import SourceRead
from devstack.env.source.pyvalues import arguments, declaration, unwrap
from devstack.env.source.syntax import ancestors
from devstack.patterns import regex

# They make another form of the same secret: of their argument, of what they are a method of.
_SAME_ARGUMENT = frozenset({"str", "SecretStr", "bytes"})
_SAME_OBJECT = frozenset({"encode", "strip", "get_secret_value"})
_UNCHECKED = regex(rb"verify_signature['\"]?\s*[:=]\s*False|\bverify\s*=\s*False")
_SETTINGS = regex(rb"\bBaseSettings\b|\w*Settings\b.*:\s*$", re.M)


def calls(modules: Modules, at: Parsed) -> Found:
    """Each call with what it does and what its key reads."""
    tracer = _Tracer(modules)
    for call, what in _known_calls(at, tracer.imports(at)):
        if not _UNCHECKED.search(at.module.source, call.start_byte, call.end_byte):
            yield call, what.roles, tracer.key(at, call, what.key)


def _known_calls(at: Parsed, imports: dict[str, Names]) -> Iterator[tuple[Node, Call]]:
    """Calls of functions that are imported, or that belong to what is imported."""
    for local, names in imports.items():
        place = ".".join(names)
        for package, functions in PYTHON_CALLS.items():
            rest = package.removeprefix(place)
            for function, what in functions.items():
                if place == f"{package}.{function}":
                    yield from ((call, what) for call in _calls_of(at, local))
                elif rest != package and rest[:1] in ("", "."):
                    yield from ((call, what) for call in _calls_of(at, f"{local}{rest}.{function}"))


def _calls_of(at: Parsed, function: str) -> Iterator[Node]:
    word = re.compile(rb"(?<![\w.])(" + re.escape(function.encode()) + rb")\s*\(")
    for node in at.module.matches(word, 1):
        call = node.parent
        if call is not None and call.type == "call" and call.child_by_field_name("function") == node:
            yield call


class _Tracer(Tracer):
    """The ways that the language has."""

    def key(self, at: Parsed, call: Node, key: int | str) -> SourceRead | None:
        """What the key of a call reads."""
        positional, named = arguments(at.module, call)
        function = at.module.text(call.child_by_field_name("function") or call).rpartition(".")[2]
        given = named.get(PYTHON_NAMES.get(function, "key"))
        if given is None and isinstance(key, int) and len(positional) > key:
            given = positional[key]
        return self.trace(at, given, 0)

    def unwrapped(self, node: Node | None) -> Node | None:
        return unwrap(node)

    def followed(self, at: Parsed, inner: Node, depth: int) -> SourceRead | None:
        if inner.type == "boolean_operator":
            return self.trace(at, inner.child_by_field_name("left"), depth)
        if inner.type == "call":
            return self._call(at, inner, depth)
        path = _dotted(at, inner)
        found = self.name(at, path, inner, depth) if path else None
        return found or (self._setting(at, inner) if inner.type == "attribute" else None)

    def _call(self, at: Parsed, call: Node, depth: int) -> SourceRead | None:
        function = call.child_by_field_name("function")
        if function is None:
            return None
        positional, _ = arguments(at.module, call)
        holder, method = function.child_by_field_name("object"), function.child_by_field_name("attribute")
        if positional and at.module.text(function) in _SAME_ARGUMENT:
            return self.trace(at, positional[0], depth)
        if holder is not None and method is not None and at.module.text(method) in _SAME_OBJECT:
            return self.trace(at, holder, depth)
        path = _dotted(at, function)
        return self.name(at, path, function, depth) if path and not positional else None

    def _setting(self, at: Parsed, attribute: Node) -> SourceRead | None:
        """`settings.jwt_secret`, however `settings` is made: a field that one settings class of the service has."""
        name = attribute.child_by_field_name("attribute")
        if name is None:
            return None
        field = re.compile(rb"\s*" + re.escape(at.module.text(name).encode()) + rb"\s*:")
        found = [
            read
            for other in map(self.modules.module, self.modules.names(_SETTINGS.search, is_python=True))
            for read in other.module.reads
            if read.form == "pydantic" and field.match(other.module.source.split(b"\n")[read.line - 1])
        ]
        return agreed(found) if found else None

    def declared(self, at: Parsed, path: Names, use: Node | None, depth: int) -> SourceRead | None:
        if path[0] in ("self", "cls"):
            return self._attribute(at, path, depth) if len(path) == 2 else None
        bound = declaration(at.module, path[0], use)
        if bound is not None and bound.parent is not None:
            return self._bound(at, bound, path[1:], depth)
        place = self.imports(at).get(path[0])
        return None if place is None else self._imported(at, (*place, *path[1:]), depth + 1)

    def _bound(self, at: Parsed, bound: Node, rest: Names, depth: int) -> SourceRead | None:
        parent = bound.parent
        assert parent is not None
        if parent.type == "assignment":
            return self._take(at, parent.child_by_field_name("right"), rest, depth)
        if parent.type == "function_definition":
            return agreed(at.reads_in(parent)) if not rest else None
        if parent.type == "class_definition":
            return self._member(at, parent, rest, depth)
        return self._parameter(at, bound, depth) if not rest else None

    def _take(self, at: Parsed, node: Node | None, rest: Names, depth: int) -> SourceRead | None:
        """What `rest` of a value is: of an object of a class that is known, of a name for something else."""
        inner = unwrap(node)
        if inner is None or not rest:
            return self.trace(at, inner, depth + 1)
        if inner.type == "call":
            function = inner.child_by_field_name("function")
            inner = function if function is not None else inner
        path = _dotted(at, inner)
        return self.name(at, (*path, *rest), inner, depth + 1) if path else None

    def _member(self, at: Parsed, definition: Node, rest: Names, depth: int) -> SourceRead | None:
        """`Config.SECRET`, where the class says `SECRET = …`."""
        body = definition.child_by_field_name("body")
        if body is None or len(rest) != 1:
            return None
        for statement in body.named_children:
            inner = statement.named_children[0] if statement.named_children else statement
            left = inner.child_by_field_name("left") if inner.type == "assignment" else None
            if left is not None and at.module.text(left) == rest[0]:
                return at.read_at(inner) or self.trace(at, inner.child_by_field_name("right"), depth + 1)
        return None

    def _attribute(self, at: Parsed, path: Names, depth: int) -> SourceRead | None:
        """`self.secret`, which the module assigns."""
        word = re.compile(rb"(?<![\w.])(" + re.escape(".".join(path).encode()) + rb")\s*(?::[^=\n]+)?=(?!=)")
        values = [
            node.parent.child_by_field_name("right")
            for node in at.module.matches(word, 1)
            if node.parent is not None and node.parent.type == "assignment"
        ]
        return agreed(self.trace(at, value, depth + 1) for value in values)

    def _parameter(self, at: Parsed, bound: Node, depth: int) -> SourceRead | None:
        """What is handed in: by the default or by those who call the function."""
        parameter = bound.parent
        default = None if parameter is None else parameter.child_by_field_name("value")
        if default is not None:
            return self.trace(at, default, depth + 1)
        function = next((one for one in ancestors(bound) if one.type == "function_definition"), None)
        given = None if function is None else function.child_by_field_name("parameters")
        named = None if function is None else function.child_by_field_name("name")
        if given is None or named is None:
            return None
        places = [child for child in given.named_children if at.module.text(child) not in ("self", "cls")]
        position = next((at for at, one in enumerate(places) if one.end_byte >= bound.end_byte), 0)
        name = at.module.text(bound)
        return agreed(self._handed(at.module.text(named), name, position, depth + 1))

    def _handed(self, function: str, name: str, position: int, depth: int) -> Iterator[SourceRead | None]:
        word = re.compile(rb"(?<!def )\b(" + re.escape(function.encode()) + rb")\s*\(")
        for there in map(self.modules.module, self.modules.names(word.search, is_python=True)):
            for node in there.module.matches(word, 1):
                call = node.parent
                call = call.parent if call is not None and call.type == "attribute" else call
                if call is None or call.type != "call":
                    continue
                positional, named = arguments(there.module, call)
                value = named.get(name) or (positional[position] if len(positional) > position else None)
                yield self.trace(there, value, depth)

    def imports(self, at: Parsed) -> dict[str, Names]:
        """Name in the module → the names that lead to it, leading dots as one name of their own."""
        found: dict[str, Names] = {}
        pending = list(at.module.root.named_children)
        while pending:
            node = pending.pop()
            if node.type in ("import_statement", "import_from_statement"):
                found |= dict(_imported_names(at, node))
            elif node.type in ("try_statement", "if_statement", "block", "except_clause"):
                pending += node.named_children
        return found

    def _imported(self, at: Parsed, place: Names, depth: int) -> SourceRead | None:
        """A name of another module of the repository."""
        dots = place[0].count(".") if set(place[0]) == {"."} else 0
        folder = at.name.rpartition("/")[0]
        for _ in range(dots - 1):
            folder = normpath(f"{folder or '.'}/..")
        folders = [folder]
        while not dots and folder:
            folder = folder.rpartition("/")[0]
            folders.append(folder)
        names = place[1:] if dots else place
        for size in range(len(names), -1, -1):
            for start in folders:
                stem = normpath("/".join((start or ".", *names[:size])))
                for name in (f"{stem}.py", normpath(f"{stem}/__init__.py")):
                    if self.modules.has(name) and names[size:]:
                        return self.name(self.modules.module(name), names[size:], None, depth)
        return None


def _imported_names(at: Parsed, statement: Node) -> Iterator[tuple[str, Names]]:
    """`import a.b as c`, `from .a import b as c`."""
    source = statement.child_by_field_name("module_name")
    text = "" if source is None else at.module.text(source)
    dots = text[: len(text) - len(text.lstrip("."))]
    start = (*((dots,) if dots else ()), *(part for part in text.lstrip(".").split(".") if part))
    for node in statement.named_children:
        if node == source:
            continue
        name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
        parts = tuple(at.module.text(name or node).split("."))
        if alias is not None:
            yield at.module.text(alias), (*start, *parts)
        else:
            yield (
                parts[0] if source is None else parts[-1],
                (*start, *(parts[:1] if source is None else parts)),
            )


def _dotted(at: Parsed, node: Node) -> Names:
    """`a.b.c`; nothing for other expressions."""
    text = at.module.text(node)
    return tuple(text.split(".")) if re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", text) else ()
