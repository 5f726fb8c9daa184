"""Literal URLs in source, outside comments."""

from __future__ import annotations

import re

from tree_sitter import Node

from devstack.env.source import hints
from devstack.env.source.model import UrlLiteral
from devstack.env.source.syntax import Module, ancestors
from devstack.patterns import regex

_STRINGS = frozenset({"string_fragment", "string_content", "string", "template_string"})
_COMPLETE = regex(r"(?:wss?|https?)://[^/?#\s]+(?:[/?#]|$)")
_OPENERS = regex(
    r"(?:^|\.)(?:WebSocket|ReconnectingWebSocket|io|connect|create_connection|ws_connect|Manager)$"
)
_TAIL = regex(r"""[\s"'`<>\\]""")


def scan(module: Module) -> None:
    """Record each literal; texts in which a URL is only mentioned (`"see https://…"`) do not count."""
    for found in hints.URL.finditer(module.source):
        node = module.at(*found.span(1))
        if node is None or node.type not in _STRINGS:
            continue
        whole = node if node.type in {"string", "template_string"} else node.parent
        if whole is not None and whole.type in {"string", "template_string"}:
            _record(module, whole, found.start(1))


def _record(module: Module, whole: Node, start: int) -> None:
    inserted = [
        child for child in whole.named_children if child.type in {"template_substitution", "interpolation"}
    ]
    stop = min((child.start_byte for child in inserted if child.start_byte > start), default=None)
    rest = module.source[start : whole.end_byte if stop is None else stop].decode("utf-8", "replace")
    url = _TAIL.split(rest, maxsplit=1)[0]
    if stop is not None and not re.match(r"(?:wss?|https?)://[^/?#\s]+[/?#]", url):
        return
    if not _COMPLETE.match(url):
        return
    if whole.parent is not None and whole.parent.type == "literal_type":
        return  # TypeScript: the type of a text, not a text
    if module.is_stripped(whole):
        module.server_urls.add(len(module.urls))
    module.urls.append(
        UrlLiteral(
            url=url,
            path=module.path,
            line=module.source.count(b"\n", 0, start) + 1,
            column=start - (module.source.rfind(b"\n", 0, start) + 1),
            is_fallback=whole.start_byte in module.fallback_starts,
            websocket=_is_opened(module, whole),
            is_alternative=_is_alternative(whole),
        )
    )


def _is_alternative(whole: Node) -> bool:
    """`given || "…"`, `isLocal ? "…" : other`, `function f(url = "…")`."""
    node, parent = whole, whole.parent
    while parent is not None and parent.type in {"parenthesized_expression", "as_expression"}:
        node, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type == "binary_expression":
        operator = parent.child_by_field_name("operator")
        return operator is not None and operator.type in {"||", "??"} and parent.named_children[-1] == node
    field = {"ternary_expression": "condition", "assignment_pattern": "left", "required_parameter": "pattern"}
    return parent.type in field and parent.child_by_field_name(field[parent.type]) != node


def _is_opened(module: Module, whole: Node) -> bool:
    """The literal is the first argument of something that opens a socket."""
    for above in ancestors(whole):
        if above.type in {"arguments", "argument_list"} and above.named_children[:1] == [whole]:
            call = above.parent
            if call is None:
                return False
            function = call.child_by_field_name("constructor") or call.child_by_field_name("function")
            return function is not None and bool(_OPENERS.search(module.text(function)))
        if above.type not in {"parenthesized_expression", "as_expression"}:
            return False
    return False
