"""The forms in which programs print a value: as it is, URL-encoded, in base64, escaped as in JSON, line by line."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

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
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")
    yield repr(value)[1:-1].encode("utf-8", "surrogateescape")
    yield value.replace("'", "'\\''").encode("utf-8", "surrogateescape")
    html = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    yield html.encode("utf-8", "surrogateescape")


def _percent(raw: bytes) -> Iterator[bytes]:
    for spelt in (quote(raw), quote(raw, safe=""), quote_plus(raw), quote(raw, safe="!'()*")):
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
