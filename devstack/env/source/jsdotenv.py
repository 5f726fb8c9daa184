"""Calls in JavaScript that load env files: dotenv and `process.loadEnvFile`."""

from __future__ import annotations

import re

from tree_sitter import Node

from devstack.env.source.jsvalues import literal, unwrap
from devstack.env.source.model import DotenvCall
from devstack.env.source.syntax import Module, ancestors
from devstack.patterns import regex

_WORDS = regex(rb"\bdotenv(?:-flow|-expand)?\b|\bloadEnvFile\b|(?<=['\"])@(?:next/env|dotenvx/dotenvx)\b")
# Packages that load files by rules of their own.
_OTHERS = frozenset({"@next/env", "@dotenvx/dotenvx", "@dotenvx/dotenvx/config"})


def scan(module: Module) -> None:
    """Record every call with its path and override, where these are literals."""
    if any(word in module.source for word in (b"dotenv", b"loadEnvFile", b"@next/env")):
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
    if re.search(r"(?:^|\.)(?:config|loadEnvFile)$", function):
        _dotenv_call(module, call)


def _dotenv_import(module: Module, fragment: Node) -> None:
    source = module.text(fragment)
    if source == "dotenv/config":
        module.dotenv_calls.append(
            DotenvCall(path=module.path, line=fragment.start_point[0] + 1, form="dotenv/config")
        )
        return
    if source in _OTHERS:
        line = fragment.start_point[0] + 1
        module.dotenv_calls.append(DotenvCall(path=module.path, line=line, form=source, dynamic=True))
    if source not in {"dotenv", "dotenv-flow"}:
        return
    for above in ancestors(fragment):
        if above.type == "call_expression":
            member = above.parent
            if member is None or not module.text(member).endswith(".config"):
                continue
            if member.parent is not None and member.parent.type == "call_expression":
                _dotenv_call(module, member.parent)
        if above.type == "import_statement":
            _named_config(module, above)


def _named_config(module: Module, statement: Node) -> None:
    """`import { config } from "dotenv"` and its calls."""
    found = re.search(r"\bconfig\b(?:\s+as\s+(\w+))?", module.text(statement))
    if not found:
        return
    name = (found.group(1) or "config").encode()
    for node in module.matches(re.compile(rb"\b(" + name + rb")\s*\("), 1):
        call = node.parent
        if node.type == "identifier" and call is not None and call.type == "call_expression":
            _dotenv_call(module, call)


def _dotenv_call(module: Module, call: Node) -> None:
    arguments = call.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    form = (
        "loadEnvFile"
        if "loadEnvFile" in module.text(call.child_by_field_name("function") or call)
        else "dotenv"
    )
    facts: dict[str, object] = {}
    first = unwrap(given[0]) if given else None
    if first is not None and first.type == "object":
        facts = _options(module, first)
    elif first is not None:
        facts = _path_facts(module, first)
    line = call.start_point[0] + 1
    if any(known.line == line for known in module.dotenv_calls):
        return
    module.dotenv_calls.append(
        DotenvCall(
            path=module.path,
            line=line,
            form=form,
            file=str(facts["file"]) if "file" in facts else None,
            override=bool(facts.get("override")),
            dynamic=bool(facts.get("dynamic")),
            beside_module=bool(facts.get("beside_module")),
        )
    )


def _options(module: Module, options: Node) -> dict[str, object]:
    facts: dict[str, object] = {}
    for pair in options.named_children:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if key is None or value is None:
            facts["dynamic"] = pair.type != "comment" or facts.get("dynamic", False)
        elif module.text(key) == "path":
            facts.update(_path_facts(module, value))
        elif module.text(key) == "override":
            facts["override"] = module.text(value) == "true"
    return facts


def _path_facts(module: Module, node: Node) -> dict[str, object]:
    """A literal path, `path.resolve(__dirname, "../.env")` or `new URL("../.env", import.meta.url)`."""
    text = literal(module, node)
    if text is not None:
        return {"file": text}
    inner = unwrap(node)
    arguments = inner.child_by_field_name("arguments") if inner is not None else None
    if arguments is None:
        return {"dynamic": True}
    parts = arguments.named_children
    texts = [literal(module, part) for part in parts]
    if (
        parts
        and module.text(parts[0]) in {"__dirname", "import.meta.dirname"}
        and all(t is not None for t in texts[1:])
    ):
        return {"file": "/".join(t for t in texts[1:] if t), "beside_module": True}
    if len(parts) == 2 and texts[0] is not None and module.text(parts[1]) == "import.meta.url":
        return {"file": texts[0], "beside_module": True}
    if parts and module.text(parts[0]) == "process.cwd()" and all(t is not None for t in texts[1:]):
        return {"file": "/".join(t for t in texts[1:] if t)}
    return {"dynamic": True}
