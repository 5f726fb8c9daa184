"""The corners of JavaScript that decide what its env loaders make of a text."""

from __future__ import annotations

from collections.abc import Iterable

from devstack.patterns import regex

# `\s`, `trim()`: unlike Python's, with U+FEFF and without U+001C-U+001F and U+0085.
SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)

# Looking one of these up in a plain object finds a function or object of the language, not a variable.
INHERITED = frozenset(
    {
        "__defineGetter__",
        "__defineSetter__",
        "__lookupGetter__",
        "__lookupSetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    }
)

_INDEX = regex(r"(?:0|[1-9][0-9]{0,9})\Z")
_LARGEST_INDEX = 2**32 - 2


def trim(text: str) -> str:
    """`String.prototype.trim`."""
    return text.strip(SPACE)


def decode(content: bytes) -> str:
    """`Buffer.toString('utf8')`: broken bytes become U+FFFD, a byte order mark stays."""
    return content.decode("utf-8", "replace")


def as_exported(text: str) -> str:
    """What is left of a text that is put into `process.env`: the system's strings end at a NUL."""
    return text.partition("\0")[0] if "\0" in text else text


def in_property_order(names: Iterable[str]) -> list[str]:
    """The order in which `for … in` meets the names: array indexes ascending, then as inserted."""
    listed = list(names)
    indexes = [name for name in filter(str.isdigit, listed) if is_index(name)]
    if not indexes:
        return listed
    return sorted(indexes, key=int) + [name for name in listed if not is_index(name)]


def is_index(name: str) -> bool:
    """Whether the language orders this property name as an array index."""
    return _INDEX.match(name) is not None and int(name) <= _LARGEST_INDEX


def replace_first(text: str, part: str, replacement: str) -> str:
    """`text.replace(part, replacement)`: the first occurrence, with `$$ $& $` $'` of the replacement."""
    start = text.find(part)
    if start < 0:
        return text
    before, after = text[:start], text[start + len(part) :]
    if "$" in replacement:
        replacement = _substituted(replacement, part, before, after)
    return before + replacement + after


def _substituted(replacement: str, part: str, before: str, after: str) -> str:
    meaning = {"$": "$", "&": part, "`": before, "'": after}
    return _REPLACEMENT_PATTERN.sub(lambda found: meaning[found.group(1)], replacement)


_REPLACEMENT_PATTERN = regex(r"\$([$&`'])")
