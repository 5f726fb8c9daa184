"""How two values differ, in words that show neither of them."""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

from devstack.contract import urls
from devstack.patterns import regex

_INVISIBLE = regex(r"[\u00a0\u00ad\u200b-\u200f\u2028\u2029\u2060\ufeff]")
_QUOTES = "\"'`“”‘’"
_EXPANSION = regex(r"\\?\$\{[^}]*\}|\\?\$\w+")

# Ordered from the smallest difference to the largest; the first that explains the pair is named.
_FORMS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("a carriage return or newline at the end", lambda text: text.rstrip("\r\n")),
    ("spaces around the value", str.strip),
    ("quotation marks around the value", lambda text: text.strip(_QUOTES)),
    ("invisible characters", lambda text: _INVISIBLE.sub("", text)),
    ("spaces inside the value", lambda text: re.sub(r"\s", "", text)),
    ("a backslash before `$`", lambda text: text.replace("\\$", "$")),
    ("an escaped newline (`\\n` as two characters)", lambda text: text.replace("\\n", "\n").rstrip("\n")),
    ("backslashes", lambda text: text.replace("\\", "")),
    ("URL-encoding (`%..`)", unquote),
    ("upper and lower case", str.casefold),
    ("the Unicode form of the same letters", lambda text: unicodedata.normalize("NFKC", text)),
)


def describe(left: str, right: str) -> str:
    """A phrase that completes "they differ …": `only in spaces around the value`, `entirely`."""
    for what, form in _FORMS:
        if form(left) == form(right):
            return f"only in {what}"
    part = _part_of_url(left, right)
    if part is not None:
        return f"only in the {part}"
    for one, other in ((left, right), (right, left)):
        found = _derived(one, other)
        if found:
            return found
    return "entirely"


def _part_of_url(left: str, right: str) -> str | None:
    """The one part in which two URLs differ."""
    if not (urls.has_scheme(left) and urls.has_scheme(right)):
        return None
    one, other = urls.parse(left), urls.parse(right)
    if one.faults or other.faults:
        return None
    parts = ("scheme", "user", "password", "host", "effective_port", "path", "query")
    differing = [part for part in parts if getattr(one, part) != getattr(other, part)]
    return differing[0].removeprefix("effective_") if len(differing) == 1 else None


def _derived(whole: str, rest: str) -> str | None:
    """How `rest` could have come from `whole`, or None."""
    cut = whole.find("#")
    if cut >= 0 and whole[:cut].rstrip() == rest:
        return "because one of them is cut at `#`"
    if "$" in whole and _EXPANSION.sub("", whole) == rest:
        return "because `$…` was expanded to nothing in one of them"
    if _is_expanded(whole, rest):
        return "because `$…` was expanded in one of them"
    decoded = _decoded(whole)
    if rest and rest in decoded:
        return f"because one of them is the {decoded[rest]} form of the other"
    if rest and len(rest) >= 4 and whole.startswith(rest):
        return "because one of them is only the beginning of the other"
    return None


def _is_expanded(whole: str, rest: str) -> bool:
    """Whether `rest` is `whole` with each reference replaced by something."""
    pieces = _EXPANSION.split(whole)
    if len(pieces) < 2 or not any(pieces):
        return False
    pattern = ".*".join(re.escape(piece) for piece in pieces)
    return re.fullmatch(pattern, rest, re.DOTALL) is not None


def _decoded(text: str) -> dict[str, str]:
    import base64

    padded = text + "=" * (-len(text) % 4)
    attempts: tuple[tuple[str, Callable[[str], bytes]], ...] = (
        ("base64", lambda given: base64.b64decode(given, validate=True)),
        ("base64", base64.urlsafe_b64decode),
        ("hexadecimal", lambda given: bytes.fromhex(given.rstrip("="))),
    )
    found: dict[str, str] = {}
    for name, decode in attempts:
        try:
            found.setdefault(decode(padded).decode(), name)
        except (ValueError, binascii.Error):
            continue
    return found
