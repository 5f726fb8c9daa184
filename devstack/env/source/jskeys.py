"""Calls of JavaScript that sign and verify tokens, and the way from their key to the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from devstack.env.source.jsnames import (
    CALLS,
    FUNCTIONS,
    PARAMETERS,
    PATTERNS,
    arguments,
    around,
    call_of,
    declaration,
    dotted,
    exports,
    options,
    required,
    specified,
    taken_as,
    unpacked,
    values_of,
)
from devstack.env.source.jsvalues import literal, unwrap
from devstack.env.source.keys import (
    DEEPEST,
    SCRIPT_BUILDERS,
    SCRIPT_CALLS,
    THROUGH_OBJECTS,
    Call,
    Found,
    Modules,
    Names,
    Parsed,
    Tracer,
    agreed,
)
from devstack.env.source.model import Role, SourceRead
from devstack.env.source.syntax import ancestors

# They make another form of the same secret: of their first argument, of what they are a method of.
_SAME_ARGUMENT = re.compile(r"(?:^|\.)(?:encode|createSecretKey|String|Buffer\.from|Uint8Array\.from)$")
_SAME_OBJECT = frozenset({"trim", "toString"})


def calls(modules: Modules, at: Parsed) -> Found:
    """Each call with what it does and what its key reads."""
    tracer = _Tracer(modules)
    imports = tracer.imports(at)
    for call, what in _known_calls(at, imports):
        yield call, what.roles, tracer.key(at, call, what.key)
    for call in _built(at, imports):
        yield call, (Role.SIGNS,), tracer.key(at, call, 0)


def _known_calls(at: Parsed, imports: dict[str, tuple[str, str]]) -> Iterator[tuple[Node, Call]]:
    words = {
        local for local, (source, name) in imports.items() if name in (*SCRIPT_CALLS.get(source, ()), "*")
    }
    sources = {source for source, _ in imports.values() if source in SCRIPT_CALLS}
    words |= {name for source in sources for name in SCRIPT_CALLS[source]}
    if not sources:
        return
    called = re.compile(
        rb"\b(" + b"|".join(re.escape(word.encode()) for word in sorted(words)) + rb")\s*[(<]"
    )
    for node in at.module.matches(called, 1):
        call = call_of(node)
        what = None if call is None else _what(at, node, imports, sources)
        if call is not None and what is not None:
            yield call, what


def _what(at: Parsed, node: Node, imports: dict[str, tuple[str, str]], sources: set[str]) -> Call | None:
    word = at.module.text(node)
    if node.type == "super":  # of a class around a library's own
        return next((SCRIPT_CALLS[one]["super"] for one in sources if "super" in SCRIPT_CALLS[one]), None)
    if node.type == "identifier":
        source, name = imports.get(word, ("", ""))
        return SCRIPT_CALLS.get(source, {}).get("default" if name == "*" else name)
    holder = node.parent.child_by_field_name("object") if node.parent is not None else None
    source, name = imports.get(at.module.text(holder), ("", "")) if holder is not None else ("", "")
    if name == "*":
        return SCRIPT_CALLS.get(source, {}).get(word)
    call = call_of(node)
    for through in sources & THROUGH_OBJECTS:
        found = SCRIPT_CALLS[through].get(word)
        if found is not None and call is not None and _is_handed(at, call, imports, through):
            return found
    return None


def _is_handed(at: Parsed, call: Node, imports: dict[str, tuple[str, str]], source: str) -> bool:
    """Of plugins: `app.register(plugin, …)` is for this one."""
    if source != "@fastify/jwt":
        return True
    given = arguments(call)
    return bool(given) and imports.get(at.module.text(given[0]), ("", ""))[0] == source


def _built(at: Parsed, imports: dict[str, tuple[str, str]]) -> Iterator[Node]:
    """`new SignJWT(claims).setIssuedAt().sign(key)`."""
    if not any(source == "jose" for source, _ in imports.values()):
        return
    for node in at.module.matches(re.compile(rb"\.\s*(sign|encrypt)\s*\("), 1):
        call = call_of(node)
        made = None if call is None or node.parent is None else _beginning(at, node.parent)
        if call is None or made is None:
            continue
        name = at.module.text(made.child_by_field_name("constructor") or made).rpartition(".")[2]
        name = imports.get(name, ("", name))[1]
        if SCRIPT_BUILDERS.get(name) == at.module.text(node):
            yield call


def _beginning(at: Parsed, node: Node) -> Node | None:
    """The `new …` that a chain of calls begins with, here or in the name that it begins with."""
    for _ in range(DEEPEST * 2):
        inner = unwrap(node)
        if inner is None or inner.type == "new_expression":
            return inner
        if inner.type == "identifier":
            bound = declaration(at.module, at.module.text(inner), inner)
            value = (
                None if bound is None or bound.parent is None else bound.parent.child_by_field_name("value")
            )
        else:
            value = inner.child_by_field_name("function") or inner.child_by_field_name("object")
        if value is None:
            return None
        node = value
    return None


class _Tracer(Tracer):
    """The ways that the language has."""

    def __init__(self, modules: Modules) -> None:
        super().__init__(modules)
        self._imports: dict[str, dict[str, tuple[str, str]]] = {}

    def key(self, at: Parsed, call: Node, key: int | str) -> SourceRead | None:
        """What the key of a call reads."""
        given = arguments(call)
        if isinstance(key, int):
            return self.trace(at, given[key], 0) if len(given) > key else None
        found = [value for argument in given for value in options(at.module, argument, key)]
        if found:
            return self.trace(at, found[0], 0) if len(found) == 1 else None
        named = [self._take(at, argument, (key,), 0) for argument in given if argument.type == "identifier"]
        return agreed(read for read in named if read is not None)

    def unwrapped(self, node: Node | None) -> Node | None:
        return unwrap(node)

    def followed(self, at: Parsed, inner: Node, depth: int) -> SourceRead | None:
        if inner.type == "binary_expression" and at.module.text(inner.children[1]) in ("||", "??"):
            return self.trace(at, inner.child_by_field_name("left"), depth)
        if inner.type in CALLS:
            return self._call(at, inner, depth)
        path = dotted(at.module, inner)
        return self.name(at, path, inner, depth) if path else None

    def _call(self, at: Parsed, call: Node, depth: int) -> SourceRead | None:
        function = unwrap(call.child_by_field_name("function") or call.child_by_field_name("constructor"))
        if function is None:
            return None
        given, text = arguments(call), at.module.text(function)
        if given and _SAME_ARGUMENT.search(text):
            return self.trace(at, given[0], depth)
        holder, method = function.child_by_field_name("object"), function.child_by_field_name("property")
        if holder is not None and method is not None and at.module.text(method) in _SAME_OBJECT:
            return self.trace(at, holder, depth)
        path = dotted(at.module, function)
        return self.name(at, path, function, depth) if path and not given else None

    def declared(self, at: Parsed, path: Names, use: Node | None, depth: int) -> SourceRead | None:
        imported = self.imports(at).get(path[0])
        if imported is not None:
            return self._imported(at, imported, path[1:], depth + 1)
        bound = declaration(at.module, path[0], use)
        if bound is not None:
            return self._bound(at, bound, path[1:], depth + 1)
        return self._exported_again(at, path, depth + 1) if use is None else None

    def _bound(self, at: Parsed, bound: Node, rest: Names, depth: int) -> SourceRead | None:
        parent = bound.parent
        if parent is None:
            return None
        if parent.type == "function_declaration":
            return agreed(at.reads_in(parent))
        if parent.type == "variable_declarator":
            return self._take(at, parent.child_by_field_name("value"), rest, depth)
        if any(above.type in PARAMETERS | {"arrow_function"} for above in (parent, *around(parent))):
            return self._parameter(at, bound, depth)
        read = at.read_at(bound) or at.read_at(parent)
        declarator = next((one for one in ancestors(bound) if one.type == "variable_declarator"), None)
        if read is not None or declarator is None:
            return read
        return self._take(
            at, declarator.child_by_field_name("value"), (taken_as(at.module, bound), *rest), depth
        )

    def _parameter(self, at: Parsed, bound: Node, depth: int) -> SourceRead | None:
        """What is handed in: by the default, by an option of the same name beside a callback, by the callers."""
        parent = bound.parent
        default = (
            parent.child_by_field_name("value") or parent.child_by_field_name("right") if parent else None
        )
        if default is not None and default != bound:
            return self.trace(at, default, depth)
        if parent is not None and parent.type in PATTERNS | {"object_pattern"}:
            found = (
                self.trace(at, one, depth)
                for one in options(at.module, at.module.root, taken_as(at.module, bound))
            )
            known = [read for read in found if read is not None]
            return agreed(known) if known else None
        function = next((one for one in ancestors(bound) if one.type in FUNCTIONS), None)
        return None if function is None else self._handed(at, function, bound, depth)

    def _handed(self, at: Parsed, function: Node, bound: Node, depth: int) -> SourceRead | None:
        named = function.child_by_field_name("name")
        if named is None and function.parent is not None:
            named = function.parent.child_by_field_name("name")
        given = function.child_by_field_name("parameters")
        if named is None or given is None:
            return None
        position = next(
            (index for index, one in enumerate(given.named_children) if one.end_byte >= bound.end_byte), 0
        )
        word = re.compile(rb"\b(" + re.escape(at.module.text(named).encode()) + rb")\s*\(")
        reads = [
            self.trace(there, arguments(call)[position], depth)
            for there in map(self.modules.module, self.modules.names(word.search, is_python=False))
            for node in there.module.matches(word, 1)
            if (call := call_of(node)) is not None and len(arguments(call)) > position
        ]
        return agreed(reads)

    def _take(self, at: Parsed, node: Node | None, rest: Names, depth: int) -> SourceRead | None:
        """What `rest` of a value is: `{ a: { b: … } }` and `("a", "b")`."""
        inner = unwrap(node)
        if inner is None or depth > DEEPEST:
            return None
        if inner.type in FUNCTIONS and not rest:
            return agreed(at.reads_in(inner))
        source = required(at.module, inner)
        if source is not None:
            return self._imported(at, (source, "*"), rest, depth + 1)
        if not rest:
            return self.trace(at, inner, depth + 1)
        if inner.type == "object":
            values = values_of(at.module, inner, rest[0])
            return self._take(at, values[0], rest[1:], depth + 1) if len(values) == 1 else None
        path = dotted(at.module, inner)
        if path:
            return self.name(at, (*path, *rest), inner, depth + 1)
        wrapped = [one for one in arguments(inner) if one.type in ("object", "as_expression")]
        found = self._take(at, wrapped[0], rest, depth + 1) if len(wrapped) == 1 else None
        return found or next((read for read in at.module.reads if read.name == rest[-1]), None)

    def imports(self, at: Parsed) -> dict[str, tuple[str, str]]:
        """Name in the module → where it comes from, and its name there: `*` for all of it, and for its default."""
        if at.name not in self._imports:
            self._imports[at.name] = _imported_names(at)
        return self._imports[at.name]

    def _imported(self, at: Parsed, imported: tuple[str, str], rest: Names, depth: int) -> SourceRead | None:
        """A name of another module of the repository."""
        source, name = imported
        resolved = self.modules.graph.resolve(at.name, source)
        if resolved is None or depth > DEEPEST:
            return None
        there, path = self.modules.module(resolved), rest if name == "*" else (name, *rest)
        wholes = [self._take(there, value, path, depth) for value in exports(there.module)]
        named = self.name(there, path, None, depth) if path else None
        found = (*wholes, named) if name == "*" else (named, *wholes)
        return next((read for read in found if read is not None), None)

    def _exported_again(self, at: Parsed, path: Names, depth: int) -> SourceRead | None:
        """What the module passes on (`export { a } from "./b"`, `export * from "./b"`), the nearest first."""
        pending, seen = [(at, path[0])], {(at.name, path[0])}
        while pending:
            here, name = pending.pop(0)
            for place in self._passed_on(here, name):
                if place in seen:
                    continue
                seen.add(place)
                there = self.modules.module(place[0])
                if place[1] in self.imports(there) or declaration(there.module, place[1], None) is not None:
                    return self.name(there, (place[1], *path[1:]), None, depth)
                pending.append((there, place[1]))
        return None

    def _passed_on(self, at: Parsed, name: str) -> Iterator[tuple[str, str]]:
        """The modules that may have `name` instead, and what it is called there."""
        for statement in at.module.root.named_children:
            source = literal(at.module, statement.child_by_field_name("source"))
            if statement.type != "export_statement" or source is None:
                continue
            named = dict(specified(at.module, statement))
            resolved = self.modules.graph.resolve(at.name, source)
            if resolved is not None and (not named or name in named):
                yield resolved, named.get(name, name)


def _imported_names(at: Parsed) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for statement in at.module.root.named_children:
        source = literal(at.module, statement.child_by_field_name("source"))
        if statement.type == "import_statement" and source is not None:
            found |= {local: (source, name) for local, name in specified(at.module, statement)}
        for one in statement.named_children if statement.type.endswith("_declaration") else ():
            value, target = unwrap(one.child_by_field_name("value")), one.child_by_field_name("name")
            if value is None or target is None:
                continue
            given = required(at.module, value)
            whole = found.get(
                at.module.text(value), ("", "")
            )  # `const { sign } = jwt` of what was imported whole
            given = whole[0] if given is None and whole[1] == "*" else given
            if given:
                found |= {local: (given, name) for local, name in unpacked(at.module, target)}
    return found
