"""Reads of the environment in JavaScript and TypeScript modules."""

from __future__ import annotations

import re

from tree_sitter import Node

from devstack.env.source import jsdotenv, jsschemas
from devstack.env.source.jsvalues import alternative, literal, outward, unwrap
from devstack.env.source.model import Fallback
from devstack.env.source.syntax import Alternative, Module, ancestors, calls_of
from devstack.patterns import regex

# Each begins with a literal text, for which the library looks ten times as fast; a node found is the whole name anyway.
_ENV = regex(rb"env(?<!\wenv)\b")
_WRAPPER_CALL = regex(rb"(nv(?<=[eE]nv))\w{0,60}\s{0,9}(?:<[^<>()]{0,80}>\s*)?\(")
_WRAPPER_SHOUT = regex(rb"(NV(?<=ENV))\w{0,60}\s{0,9}(?:<[^<>()]{0,80}>\s*)?\(")
_CONFIG_GET = regex(rb"([cC]onfig(?:Service)?)\s*(?:\?\.|\.|!\.)\s*get(?:OrThrow)?\b")
_NAME = regex(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_UPPER = regex(r"[A-Z][A-Z0-9_]*\Z")
# `env("X")`, `assertEnv("X")`, `getEnvVar("X", "d")`, `requireEnv`, `envOrThrow`.
_WRAPPER_NAME = regex(
    r"(?:get|require|must|read|need|assert|ensure|expect|optional|required|load|fetch|check|validate|from)?_?env"
    r"(?:ironment)?_?(?:var(?:iable)?|value|string|str|int|integer|number|num|bool(?:ean)?|url|or\w*|key|required)?\Z",
    re.IGNORECASE,
)
# Next strips these from what the browser gets.
_SERVER_FUNCTIONS = (b"getServerSideProps", b"getStaticProps", b"getStaticPaths")


def scan(module: Module) -> None:
    """Find every read, schema and dotenv call of the module."""
    module.server_functions = tuple(name for name in _SERVER_FUNCTIONS if name in module.source)
    reader = _Reader(module)
    for node in module.matches(_ENV):
        reader.environment_word(node)
    reader.follow_aliases()
    for pattern in (_WRAPPER_CALL, _WRAPPER_SHOUT, *calls_of(reader.wrappers)):
        for node in module.matches(pattern, 1):
            reader.wrapper_call(node)
    for node in module.matches(_CONFIG_GET, 1) if b"onfig" in module.source else ():
        reader.config_get(node)
    jsschemas.scan(module)
    jsdotenv.scan(module)


class _Reader:
    """Finds environment objects in one module and what is read from them."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.aliases: dict[str, str] = {}
        self.wrappers: set[str] = set()

    def name_of(self, node: Node) -> str | None:
        """The variable that an expression reads."""
        inner = unwrap(node)
        if inner is None:
            return None
        if inner.type == "call_expression":
            return self._called_name(inner)
        if inner.type == "member_expression":
            holder, key = inner.child_by_field_name("object"), inner.child_by_field_name("property")
            return self.module.text(key) if key is not None and self.form(holder) else None
        if inner.type == "subscript_expression" and self.form(inner.child_by_field_name("object")):
            return literal(self.module, inner.child_by_field_name("index"))
        return None

    def _called_name(self, call: Node) -> str | None:
        function = unwrap(call.child_by_field_name("function"))
        if function is None:
            return None
        holder = function.child_by_field_name("object") if function.type == "member_expression" else None
        if holder is not None:  # `process.env.X.trim()`
            return self.name_of(holder)
        arguments = call.child_by_field_name("arguments")
        first = arguments.named_children[0] if arguments and arguments.named_children else None
        if first is None:
            return None
        if self._is_wrapper(self.module.text(function)):
            return literal(self.module, first)
        return self.name_of(first) if self.module.text(function) in {"Number", "String", "parseInt"} else None

    def form(self, node: Node | None) -> str | None:
        """`process.env`, `import.meta.env` … when the expression is an environment object."""
        inner = unwrap(node)
        if inner is None:
            return None
        if inner.type == "identifier":
            return self.aliases.get(self.module.text(inner))
        if inner.type not in {"member_expression", "subscript_expression"}:
            return None
        holder = unwrap(inner.child_by_field_name("object"))
        key = inner.child_by_field_name("property") or inner.child_by_field_name("index")
        if holder is None or key is None or self.module.text(key).strip("'\"`") != "env":
            return None
        return _holder_form(self.module.text(holder)) if holder.end_byte - holder.start_byte < 80 else None

    def environment_word(self, node: Node) -> None:
        """The word `env` stands somewhere: as a property, a name, or in a string."""
        if node.type == "string_fragment" and node.parent is not None and node.parent.parent is not None:
            node = node.parent
        parent = node.parent
        if parent is None:
            return
        if node.type in {"property_identifier", "string"} and self.form(parent):
            self.use(parent, self.form(parent) or "")
        elif node.type == "shorthand_property_identifier_pattern":
            self._taken_from_process(node)
        elif node.type == "identifier" and parent.type == "import_specifier":
            self._imported(parent, node)

    def _taken_from_process(self, node: Node) -> None:
        """`const { env } = process`."""
        declarator = next((a for a in ancestors(node) if a.type == "variable_declarator"), None)
        value = declarator.child_by_field_name("value") if declarator is not None else None
        if value is not None and self.module.text(value) in {"process", "globalThis.process"}:
            self.aliases["env"] = "process.env"

    def _imported(self, specifier: Node, node: Node) -> None:
        """`import { env } from "@/env"`: a typed wrapper around the environment."""
        statement = next((a for a in ancestors(specifier) if a.type == "import_statement"), None)
        source = (
            literal(self.module, statement.child_by_field_name("source")) if statement is not None else None
        )
        if source is None or specifier.child_by_field_name("name") != node:
            return
        alias = specifier.child_by_field_name("alias")
        local = self.module.text(alias) if alias is not None else "env"
        if source in {"process", "node:process"}:
            self.aliases[local] = "process.env"
        elif re.search(r"env", source.rpartition("/")[2], re.IGNORECASE) or source.startswith("$env"):
            self.aliases[local] = "wrapper"

    def follow_aliases(self) -> None:
        """Uses of names that stand for an environment object; a use can make a further alias."""
        done: set[str] = set()
        while todo := self.aliases.keys() - done:
            for name in todo:
                done.add(name)
                for node in self.module.matches(re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")):
                    if node.type == "identifier" and not _is_declaration(node):
                        self.use(node, self.aliases[name])

    def use(self, holder: Node, form: str) -> None:
        """An environment object stands here: record what is taken from it."""
        holder = outward(holder)
        parent = holder.parent
        if parent is None:
            return
        if parent.type == "member_expression" and parent.child_by_field_name("object") == holder:
            key = parent.child_by_field_name("property")
            if key is not None:
                self._member(parent, self.module.text(key), form)
        elif parent.type == "subscript_expression" and parent.child_by_field_name("object") == holder:
            self._subscript(parent, form)
        elif parent.type == "variable_declarator" and parent.child_by_field_name("value") == holder:
            self._declared(parent, form)
        elif parent.type == "binary_expression" and parent.child_by_field_name("right") == holder:
            name = literal(self.module, parent.child_by_field_name("left"))
            if name is not None and _NAME.match(name):
                self.module.add(parent, name, form)

    def _member(self, node: Node, name: str, form: str) -> None:
        if form == "wrapper" and not _UPPER.match(name):
            return
        if (
            form == "Deno.env"
            and name in {"get", "has"}
            and node.parent
            and node.parent.type == "call_expression"
        ):
            self._record_call(node.parent, form)
            return
        if not _is_written(node):
            self.module.add(node, name, form, alternative=alternative(self.module, node, self.name_of))

    def _subscript(self, node: Node, form: str) -> None:
        if _is_written(node):
            return
        index = unwrap(node.child_by_field_name("index"))
        name = literal(self.module, index)
        if index is not None and index.type == "identifier" and name is None:
            self._learn_wrapper(node, index)
        other = alternative(self.module, node, self.name_of)
        self.module.add(node, name, form, alternative=other, subscript=name is not None)

    def _learn_wrapper(self, node: Node, index: Node) -> None:
        """A function whose own parameter is the name: its callers name the variable."""
        for function in ancestors(node):
            if function.type not in {"function_declaration", "arrow_function", "function_expression"}:
                continue
            parameters = function.child_by_field_name("parameters") or function.child_by_field_name(
                "parameter"
            )
            named = function.child_by_field_name("name")
            if (
                named is None
                and function.parent is not None
                and function.parent.type == "variable_declarator"
            ):
                named = function.parent.child_by_field_name("name")
            word = self.module.text(index)
            if parameters is not None and named is not None:
                first = re.match(r"\(?\s*(\w+)", self.module.text(parameters))
                if first and first.group(1) == word:
                    self.wrappers.add(self.module.text(named))
            return

    def _declared(self, declarator: Node, form: str) -> None:
        target = declarator.child_by_field_name("name")
        if target is None:
            return
        if target.type == "identifier":
            self.aliases[self.module.text(target)] = form
        elif target.type == "object_pattern":
            for part in target.named_children:
                self._destructured(part)

    def _destructured(self, part: Node) -> None:
        default = None
        if part.type == "rest_pattern":
            self.module.add(part, None, "destructuring")
            return
        key = part.child_by_field_name("key") if part.type == "pair_pattern" else part
        if part.type == "object_assignment_pattern":
            key, default = part.child_by_field_name("left"), part.child_by_field_name("right")
        elif part.type == "pair_pattern":
            value = part.child_by_field_name("value")
            if value is not None and value.type == "assignment_pattern":
                default = value.child_by_field_name("right")
        if key is None or key.type == "comment":
            return
        name = None if key.type == "computed_property_name" else self.module.text(key).strip("'\"")
        self.module.add(part, name, "destructuring", alternative=_default(self.module, default))

    def wrapper_call(self, node: Node) -> None:
        """`assertEnv("X", "d")` and functions of this file that read by their first parameter."""
        if node.type == "identifier" and self._is_wrapper(self.module.text(node)):
            call = node.parent
            if (
                call is not None
                and call.type == "call_expression"
                and call.child_by_field_name("function") == node
            ):
                self._record_call(call, "wrapper")
        elif (
            node.type == "property_identifier" and node.parent is not None and node.parent.parent is not None
        ):
            call = node.parent.parent
            if call.type == "call_expression" and self._is_wrapper(self.module.text(node)):
                self._record_call(call, "wrapper")

    def _is_wrapper(self, name: str) -> bool:
        return name in self.wrappers or bool(_WRAPPER_NAME.match(name))

    def config_get(self, node: Node) -> None:
        """NestJS: `configService.get("X", "d")`, `this.config.getOrThrow<string>("X")`."""
        call = next((a for a in ancestors(node) if a.type == "call_expression"), None)
        if call is None or node.type not in {"identifier", "property_identifier"}:
            return
        service = (
            self.module.text(node).lower().endswith("configservice")
            or b"@nestjs/config" in self.module.source
        )
        if service:
            self._record_call(call, "configService")

    def _record_call(self, call: Node, form: str) -> None:
        arguments = call.child_by_field_name("arguments")
        given = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
        name = literal(self.module, given[0]) if given else None
        if name is None or not (_UPPER if form != "Deno.env" else _NAME).match(name):
            return
        other = alternative(self.module, call, self.name_of)
        if other == Alternative() and len(given) > 1:
            other = _default(self.module, given[1])
        self.module.add(call, name, form, alternative=other)


def _holder_form(text: str) -> str | None:
    plain = text.replace("?", "").replace(" ", "")
    if plain in {"process", "globalThis.process", "global.process", "window.process"}:
        return "process.env"
    if plain == "import.meta":
        return "import.meta.env"
    return f"{plain}.env" if plain in {"Deno", "Bun"} else None


def _default(module: Module, node: Node | None) -> Alternative:
    if node is None:
        return Alternative()
    text = literal(module, node)
    if text is None:
        plain = node.type in {"undefined", "null", "object", "arrow_function"}
        return Alternative() if plain else Alternative(computed=True, operator=Fallback.DEFAULT)
    module.fallback_starts.add(node.start_byte)
    return Alternative(literal=text, operator=Fallback.DEFAULT)


def _is_written(node: Node) -> bool:
    parent = outward(node).parent
    if parent is None:
        return False
    if parent.type == "assignment_expression":
        return parent.child_by_field_name("left") == outward(node)
    return parent.type == "unary_expression" and parent.children[0].type == "delete"


def _is_declaration(node: Node) -> bool:
    parent = node.parent
    if parent is None:
        return True
    if parent.type in {"import_specifier", "import_clause", "export_specifier", "formal_parameters"}:
        return True
    if parent.type not in {"variable_declarator", "required_parameter"}:
        return False
    return parent.child_by_field_name("value") != node
