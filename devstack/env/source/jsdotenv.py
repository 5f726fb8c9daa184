"""Calls in JavaScript that load env files: dotenv, dotenv-flow, NestJS' ConfigModule and `process.loadEnvFile`."""

from __future__ import annotations

import re

from tree_sitter import Node

from devstack.env.source.jspaths import NAMES, constant, path_of
from devstack.env.source.jsvalues import unwrap
from devstack.env.source.model import FLOW_FORM, DotenvCall
from devstack.env.source.syntax import Module, ancestors
from devstack.patterns import regex

_WORDS = regex(
    rb"\bdotenv(?:-flow|-expand)?\b|\b(?:loadEnvFile|ConfigModule)\b|(?<=['\"])@(?:next/env|dotenvx/dotenvx)\b"
)
_LOADS = regex(r"(?:^|\.)(?:config|loadEnvFile)$|^ConfigModule\.forRoot$")
# How the option is called that names the file or files.
_PATH_OPTIONS = ("path", "envFilePath")
# Packages that load files by rules of their own.
_OTHERS = frozenset({"@next/env", "@dotenvx/dotenvx", "@dotenvx/dotenvx/config"})


def scan(module: Module) -> None:
    """Record every call with its path and override, where these are literals."""
    if any(word in module.source for word in (b"dotenv", b"loadEnvFile", b"@next/env", b"@nestjs/config")):
        for node in module.matches(_WORDS):
            _dotenv(module, node)


def _dotenv(module: Module, node: Node) -> None:
    """`require("dotenv").config({ path })`, `import "dotenv/config"`, `loadEnvFile(".env")`."""
    if node.type == "string_fragment":
        _dotenv_import(module, node)
        return
    call = node.parent
    if call is not None and call.type == "member_expression":
        call = call.parent
    if call is None or call.type != "call_expression":
        return
    function = module.text(call.child_by_field_name("function") or call)
    if _LOADS.search(function):
        _dotenv_call(module, call, form=_form_of(function))


def _dotenv_import(module: Module, fragment: Node) -> None:
    source = module.text(fragment)
    if source in ("dotenv/config", "dotenv-flow/config"):
        form = "dotenv/config" if source == "dotenv/config" else FLOW_FORM
        module.dotenv_calls.append(DotenvCall(path=module.path, line=fragment.start_point[0] + 1, form=form))
        return
    if source in _OTHERS:
        line = fragment.start_point[0] + 1
        module.dotenv_calls.append(DotenvCall(path=module.path, line=line, form=source, dynamic=True))
    if source not in {"dotenv", FLOW_FORM}:
        return
    for above in ancestors(fragment):
        if above.type == "call_expression":
            member = above.parent
            if member is None or not module.text(member).endswith(".config"):
                continue
            if member.parent is not None and member.parent.type == "call_expression":
                _dotenv_call(module, member.parent, form=source)
        if above.type == "import_statement":
            _named_config(module, above, form=source)


def _named_config(module: Module, statement: Node, *, form: str) -> None:
    """`import { config } from "dotenv"` and its calls."""
    found = re.search(r"\bconfig\b(?:\s+as\s+(\w+))?", module.text(statement))
    if not found:
        return
    name = (found.group(1) or "config").encode()
    for node in module.matches(re.compile(rb"\b(" + name + rb")\s*\("), 1):
        call = node.parent
        if node.type == "identifier" and call is not None and call.type == "call_expression":
            _dotenv_call(module, call, form=form)


def _form_of(function: str) -> str:
    if "loadEnvFile" in function:
        return "loadEnvFile"
    return function if function.startswith("ConfigModule") else "dotenv"


def _dotenv_call(module: Module, call: Node, *, form: str) -> None:
    """One record for each file; files of one call are alternatives, of which the first one wins."""
    arguments = call.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    options: dict[str, Node | None] = {}
    dynamic = False
    first = unwrap(given[0]) if given else None
    if first is not None and first.type == "object":
        options = _options(module, first)
        dynamic = None in options.values()
        first = next((options[name] for name in _PATH_OPTIONS if options.get(name) is not None), None)
    line = call.start_point[0] + 1
    if any(known.line == line for known in module.dotenv_calls) or _is_true(module, options, "ignoreEnvFile"):
        return
    files = [None] if first is None else [path_of(module, path) for path in _paths(module, first)]
    for file in files:
        module.dotenv_calls.append(
            DotenvCall(
                path=module.path,
                line=line,
                form=form,
                file=None if file is None else file.text,
                override=_is_true(module, options, "override"),
                dynamic=dynamic or (first is not None and file is None),
                beside_module=file is not None and file.beside,
                expands="expandVariables" in options,
            )
        )


def _options(module: Module, options: Node) -> dict[str, Node | None]:
    """Name → value of the options; a None among them where not all of them are written out."""
    found: dict[str, Node | None] = {}
    for pair in options.named_children:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if key is not None and value is not None:
            found[module.text(key)] = value
        elif module.text(pair) in _PATH_OPTIONS:
            found[module.text(pair)] = pair  # `{ path }`
        elif pair.type == "spread_element" or module.text(pair) == "override":
            found[module.text(pair)] = None
    return found


def _is_true(module: Module, options: dict[str, Node | None], name: str) -> bool:
    value = options.get(name)
    return value is not None and module.text(value) == "true"


def _paths(module: Module, node: Node) -> list[Node]:
    """The files of a list, or the one that is named."""
    inner = unwrap(node)
    value = unwrap(constant(module, inner)) if inner is not None and inner.type in NAMES else inner
    return value.named_children if value is not None and value.type == "array" else [node]
