"""pydantic-settings classes: variables that fields read, prefix, env files, treatment of foreign keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tree_sitter import Node

from devstack.env.source.model import Fallback, SettingsClass, SourceRead
from devstack.env.source.paths import Place
from devstack.env.source.pypaths import path_of
from devstack.env.source.pyvalues import arguments, literal, unwrap
from devstack.env.source.syntax import Alternative, Module
from devstack.patterns import regex
from devstack.records import dataclass, field, replace

_CLASS = regex(rb"^[ \t]*class\s+(\w+)\s*\(([^)]*\bSettings\b|[^)]*Settings)[^)]*\)\s*:", re.M)
_LIBRARY_BASE = "BaseSettings"
_SETTINGS_BASE = regex(r"(?:\w+\.)*\w*Settings(?:\[.*\])?\Z")


@dataclass(slots=True)
class _Configuration:
    prefix: str = ""
    case_sensitive: bool = False
    nested_delimiter: str = ""
    files: tuple[str, ...] = ()
    beside: bool = False
    extra: str | None = None
    dynamic: bool = False
    told: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Field:
    node: Node
    names: tuple[str, ...]
    aliased: bool
    alternative: Alternative = field(default_factory=Alternative)


def scan(module: Module) -> None:
    """Record settings classes; whether a base really is one is decided when all modules are known."""
    if b"Settings" not in module.source:
        return
    for node in module.matches(_CLASS, 1):
        definition = node.parent
        if definition is None or definition.type != "class_definition" or node.type != "identifier":
            continue
        bases = tuple(_bases(module, definition))
        if any(_SETTINGS_BASE.match(base) for base in bases):
            _class(module, definition, bases)


def _bases(module: Module, definition: Node) -> Iterator[str]:
    listed = definition.child_by_field_name("superclasses")
    for child in listed.named_children if listed is not None else ():
        if child.type != "keyword_argument":
            yield module.text(child).rpartition(".")[2]


def _class(module: Module, definition: Node, bases: tuple[str, ...]) -> None:
    body = definition.child_by_field_name("body")
    name = definition.child_by_field_name("name")
    if body is None or name is None:
        return
    configuration = _configuration(module, body, definition)
    fields = list(_fields(module, body))
    spelt = _spelling(configuration, bases)
    read_names: list[str] = []
    for entry in fields:
        for variable in entry.names if entry.aliased else (configuration.prefix + entry.names[0],):
            read_names.append(spelt(variable))
            module.add(entry.node, spelt(variable), "pydantic", alternative=entry.alternative)
    module.settings.append(
        SettingsClass(
            name=module.text(name),
            path=module.path,
            line=definition.start_point[0] + 1,
            fields=tuple(read_names),
            aliased=tuple(spelt(name) for entry in fields if entry.aliased for name in entry.names),
            bases=bases,
            env_prefix=configuration.prefix,
            case_sensitive=configuration.case_sensitive,
            nested_delimiter=configuration.nested_delimiter,
            env_files=configuration.files,
            beside_module=configuration.beside,
            extra=configuration.extra,
            dynamic=configuration.dynamic,
            told=configuration.told,
        )
    )


def _spelling(configuration: _Configuration, bases: tuple[str, ...]) -> Callable[[str], str]:
    """How names of variables are kept; where a base may say that case matters, as they are until it is known."""
    is_decided = "case_sensitive" in configuration.told or set(bases) == {_LIBRARY_BASE}
    return str.upper if is_decided and not configuration.case_sensitive else str


def _assignments(body: Node) -> Iterator[Node]:
    for statement in body.named_children:
        if statement.type == "expression_statement" and statement.named_children:
            inner = statement.named_children[0]
            if inner.type == "assignment":
                yield inner


def _configuration(module: Module, body: Node, definition: Node) -> _Configuration:
    options: dict[str, Node] = {}
    found = _Configuration()
    for assignment in _assignments(body):
        left, right = assignment.child_by_field_name("left"), unwrap(assignment.child_by_field_name("right"))
        if left is None or module.text(left) != "model_config" or right is None:
            continue
        if right.type == "call":
            positional, options = arguments(module, right)
            called = module.text(right.child_by_field_name("function") or right)
            is_plain = called.endswith(("SettingsConfigDict", "ConfigDict", "dict"))
            found.dynamic = not is_plain or bool(positional) or "**" in module.text(right)
        elif right.type == "dictionary":
            options = _dictionary(module, right)
        else:
            found.dynamic = True
    options = _configuration_class(module, body) or options
    options = {**dict(_class_keywords(module, definition)), **options}
    return _apply(module, found, options)


def _configuration_class(module: Module, body: Node) -> dict[str, Node]:
    """`class Config:` of pydantic 1."""
    for inner in body.named_children:
        name, content = inner.child_by_field_name("name"), inner.child_by_field_name("body")
        if inner.type == "class_definition" and name and content and module.text(name) == "Config":
            return dict(_named(module, content))
    return {}


def _class_keywords(module: Module, definition: Node) -> Iterator[tuple[str, Node]]:
    """`class Settings(BaseSettings, env_prefix="APP_")`."""
    listed = definition.child_by_field_name("superclasses")
    for child in listed.named_children if listed is not None else ():
        key, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if child.type == "keyword_argument" and key is not None and value is not None:
            yield module.text(key), value


def _named(module: Module, body: Node) -> Iterator[tuple[str, Node]]:
    for assignment in _assignments(body):
        left, right = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
        if left is not None and right is not None:
            yield module.text(left), right


def _dictionary(module: Module, node: Node) -> dict[str, Node]:
    options = {}
    for pair in node.named_children:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        text = literal(module, key)
        if text is not None and value is not None:
            options[text] = value
    return options


def _apply(module: Module, found: _Configuration, options: dict[str, Node]) -> _Configuration:
    found.told = frozenset(options)
    if "env_prefix" in options:
        prefix = literal(module, options["env_prefix"])
        found.prefix, found.dynamic = prefix or "", found.dynamic or prefix is None
    if "case_sensitive" in options:
        found.case_sensitive = module.text(options["case_sensitive"]) == "True"
    if "env_nested_delimiter" in options:
        found.nested_delimiter = literal(module, options["env_nested_delimiter"]) or ""
    if "extra" in options:
        given = literal(module, options["extra"]) or module.text(options["extra"]).rpartition(".")[2]
        found.extra = given if given in {"forbid", "ignore", "allow"} else None
        found.dynamic = found.dynamic or found.extra is None
    if "env_file" in options:
        files = _files(module, options["env_file"])
        found.files = tuple(file.text for file in files or ())
        found.beside = any(file.beside for file in files or ())
        found.dynamic = found.dynamic or files is None
    return found


def _files(module: Module, node: Node) -> tuple[Place, ...] | None:
    inner = unwrap(node)
    if inner is None or inner.type == "none":
        return ()
    parts = inner.named_children if inner.type in {"tuple", "list"} else [inner]
    known = [path_of(module, part) for part in parts]
    if any(part is None for part in known):
        return None
    return tuple(part for part in known if part is not None)


def _fields(module: Module, body: Node) -> Iterator[_Field]:
    for assignment in _assignments(body):
        left, kind = assignment.child_by_field_name("left"), assignment.child_by_field_name("type")
        if left is None or kind is None or left.type != "identifier":
            continue
        name = module.text(left)
        if (
            name.startswith("_")
            or name == "model_config"
            or module.text(kind).startswith(("ClassVar", "typing.ClassVar"))
        ):
            continue
        yield _field(module, assignment, name)


def _field(module: Module, assignment: Node, name: str) -> _Field:
    right = unwrap(assignment.child_by_field_name("right"))
    if right is None:
        return _Field(assignment, (name,), False)
    function = right.child_by_field_name("function") if right.type == "call" else None
    if function is None or module.text(function).rpartition(".")[2] != "Field":
        return _Field(assignment, (name,), False, _default(module, right))
    positional, named = arguments(module, right)
    aliases = _aliases(module, named)
    given = positional[0] if positional else named.get("default")
    other = _default(module, given) if given is not None else Alternative()
    if given is None and "default_factory" in named:
        other = Alternative(computed=True, operator=Fallback.DEFAULT)
    if len(aliases) > 1:
        other = Alternative(literal=other.literal, operator=other.operator, computed=other.computed)
    return _Field(assignment, aliases or (name,), bool(aliases), other)


def _aliases(module: Module, named: dict[str, Node]) -> tuple[str, ...]:
    for option in ("validation_alias", "alias", "env"):
        node = unwrap(named.get(option))
        if node is None:
            continue
        if node.type == "call":
            node_arguments, _ = arguments(module, node)
        elif node.type in {"list", "tuple"}:
            node_arguments = list(node.named_children)
        else:
            node_arguments = [node]
        texts = [literal(module, part) for part in node_arguments]
        return tuple(text for text in texts if text)
    return ()


def _default(module: Module, node: Node) -> Alternative:
    inner = unwrap(node)
    if inner is None or inner.type in {"none", "ellipsis"}:
        return Alternative()
    text = literal(module, inner)
    if text is None:
        return Alternative(computed=True, operator=Fallback.DEFAULT)
    module.fallback_starts.add(inner.start_byte)
    return Alternative(literal=text, operator=Fallback.DEFAULT)


def inherit(
    classes: list[SettingsClass], reads: list[SourceRead]
) -> tuple[list[SettingsClass], list[SourceRead]]:
    """Hand a base's configuration and fields down to its subclasses, over all modules of a service.

    Gives the classes and the reads, with the names of variables as they are looked up: with an inherited prefix, and
    in upper case where case does not matter.
    """
    by_name = {entry.name: entry for entry in classes}
    merged = [_spelt(_inherited(entry, by_name, {entry.name})) for entry in classes]
    renamed = {
        (entry.path, old): new
        for entry, whole in zip(classes, merged, strict=True)
        for old, new in zip(entry.fields, whole.fields, strict=False)
        if old != new
    }
    return merged, [
        replace(read, name=renamed.get((read.path, read.name or ""), read.name))
        if read.form == "pydantic"
        else read
        for read in reads
    ]


def _spelt(entry: SettingsClass) -> SettingsClass:
    if entry.case_sensitive:
        return entry
    fields, aliased = (tuple(map(str.upper, names)) for names in (entry.fields, entry.aliased))
    return replace(entry, fields=fields, aliased=aliased)


def _inherited(entry: SettingsClass, by_name: dict[str, SettingsClass], seen: set[str]) -> SettingsClass:
    """Of several bases the last one that sets an option decides, and `BaseSettings` itself sets all of them."""
    merged = entry
    for base in reversed(entry.bases):
        if base == _LIBRARY_BASE:
            merged = replace(merged, told=frozenset(_ATTRIBUTES))
        elif base in by_name and base not in seen:
            merged = _over(merged, _inherited(by_name[base], by_name, seen | {base}))
    return merged


def _over(merged: SettingsClass, base: SettingsClass) -> SettingsClass:
    """The class with what `base` hands down to it."""
    handed = {
        name: getattr(base, name)
        for option, names in _ATTRIBUTES.items()
        if option not in merged.told
        for name in names
    }
    prefix = str(handed.get("env_prefix", merged.env_prefix))
    own, inherited = _renamed(merged, prefix), _renamed(base, prefix)
    return replace(
        merged,
        **handed,
        fields=(*own, *(name for name in inherited if name not in own)),
        aliased=(*merged.aliased, *base.aliased),
        dynamic=merged.dynamic or base.dynamic,
        told=merged.told | base.told,
    )


def _renamed(entry: SettingsClass, prefix: str) -> tuple[str, ...]:
    """Its fields with another prefix."""
    skipped = len(entry.env_prefix)
    return tuple(name if name in entry.aliased else prefix + name[skipped:] for name in entry.fields)


# Option of `model_config`: the attributes that say what it is set to.
_ATTRIBUTES = {
    "env_file": ("env_files", "beside_module"),
    "extra": ("extra",),
    "env_prefix": ("env_prefix",),
    "case_sensitive": ("case_sensitive",),
    "env_nested_delimiter": ("nested_delimiter",),
}
