"""The forms in which programs print a value: as it is, URL-encoded, in base64, escaped as in JSON, line by line."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from devstack.patterns import regex

_SHORTEST_LINE = 16  # lines of a key file that are worth hiding on their own


def disguises(value: str) -> set[bytes]:
    """Every form of `value` worth looking for, as bytes."""
    raw = value.encode("utf-8", "surrogateescape")
    forms = {raw, *_escaped(value), *_percent(raw), *_base64(raw)}
    lines = [line.strip() for line in raw.splitlines()]
    if len(lines) > 1:
        forms.update(line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith(b"-----"))
    stripped = raw.strip()
    if len(stripped) >= 5:
        forms.add(stripped)
    return {form for form in forms if form}


def _escaped(value: str) -> Iterator[bytes]:
    """As JSON's writers, `repr`, shells and pages spell it."""
    for ascii_only in (True, False):
        spelt = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield _bytes(spelt)
        yield _bytes(spelt.replace("/", "\\/"))  # PHP
        yield _bytes(_UNICODE.sub(lambda found: "\\u" + found.group(1).upper(), spelt))  # .NET
        yield _bytes(spelt.translate(_IN_SCRIPTS))  # Go, Rails
        yield _bytes(json.dumps(spelt, ensure_ascii=False)[1:-1])  # a message inside a structured log
    for spelt in (repr(value)[1:-1], ascii(value)[1:-1], value.replace("\\", "\\\\")):
        yield _bytes(spelt)
    yield _bytes(value.replace("'", "'\\''"))
    page = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    for apostrophe in ("'", "&#39;", "&#x27;", "&#039;"):
        yield _bytes(page.replace("'", apostrophe))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_UNICODE = regex(r"\\u([0-9a-f]{4})")
_IN_SCRIPTS = {ord(char): f"\\u{ord(char):04x}" for char in "&<>\u2028\u2029"}
# What stays as it is beside letters, digits and `_.-~`: in a path, nothing, for `encodeURIComponent`, that inside a
# URL object, for `encodeURI`, in a query and in the userinfo of a URL object.
_SAFE = ("/", "", "!'()*", "!()*", "!'()*;,/?:@&=+$#", "!()*;,/?:@&=+$%[]\\^`{|}", "!$&'()*+,%")


def _percent(raw: bytes) -> Iterator[bytes]:
    in_forms = quote_plus(raw, safe="*").replace("~", "%7E")  # `URLSearchParams`
    for spelt in (*(quote(raw, safe=safe) for safe in _SAFE), quote_plus(raw), in_forms):
        yield spelt.encode()
        yield _lower_hex(spelt).encode()


def _lower_hex(spelt: str) -> str:
    head, *rest = spelt.split("%")
    return "%".join((head, *(part[:2].lower() + part[2:] for part in rest)))


def _base64(raw: bytes) -> Iterator[bytes]:
    """What stays the same of the value's base64 text wherever it stands in the encoded bytes."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).rstrip(b"=")
        first = -(-8 * offset // 6)
        last = 8 * (offset + len(raw)) // 6
        core = coded[first:last]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def period(literal: bytes) -> int:
    """The smallest shift by which `literal` can overlap itself; its length when it cannot."""
    borders = [0] * len(literal)
    matched = 0
    for at in range(1, len(literal)):
        while matched and literal[at] != literal[matched]:
            matched = borders[matched - 1]
        if literal[at] == literal[matched]:
            matched += 1
        borders[at] = matched
    return len(literal) - (borders[-1] if borders else 0)
