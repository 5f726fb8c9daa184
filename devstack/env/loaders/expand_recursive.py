"""Next's expansion: the last unescaped `$` first, then the whole text again (an early dotenv-expand)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders import ecmascript
from devstack.env.loaders.expansion import (
    SUSPICIOUS,
    Names,
    Overflow,
    Undecided,
    Work,
    comes_back,
    feeds_itself,
)

# Each replacement is a recursion: between the two, the size of the stack decides (measured: 9,000-10,000).
_SURELY_FITS, _SURELY_OVERFLOWS = 8_000, 12_000

_REFERENCE = re.compile(r"\$\{?([0-9A-Za-z_]+)(?::-([^}\\]*))?\}?")


def expand(text: str, process: Mapping[str, str], parsed: Mapping[str, str], names: Names, work: Work) -> str:
    """`text` with its references resolved: process value, else default, else the file's value, else nothing.

    Raises:
        Overflow: it refers to itself, so the program's stack overflows.
        Undecided: it cannot be known.
    """
    steps = 0
    earlier = text
    work.begin()

    def lookup(name: str) -> str | None:
        return process.get(name) or parsed.get(name)

    while True:
        position = _last_reference(text)
        if position < 0:
            break
        found = _REFERENCE.match(text, position)
        if found is None:
            break
        steps += 1
        try:
            work.spend(len(text))
        except Undecided:
            if comes_back(text, lookup, work):
                raise Overflow from None
            raise
        if (steps == SUSPICIOUS and comes_back(text, lookup, work)) or steps > _SURELY_OVERFLOWS:
            raise Overflow
        name, default = found.groups()
        names.check(name)
        replacement = process.get(name) or default or parsed.get(name) or ""
        made = ecmascript.replace_first(text, found.group(), replacement)
        if "$" in replacement and feeds_itself(text, made, found.group(), position):
            raise Overflow
        if made == earlier:  # the same text again leads to the same text again
            raise Overflow
        if steps & (steps - 1) == 0:  # kept after 1, 2, 4, 8 … steps, so that a circle of any length is met
            earlier = made
        text = made
    if steps > _SURELY_FITS:
        raise Undecided("so many references that the program's stack may overflow")
    return text.replace("\\$", "$")


def _last_reference(text: str) -> int:
    """Where the last `$` stands that no backslash precedes, or -1."""
    position = text.rfind("$")
    while position > 0 and text[position - 1] == "\\":
        position = text.rfind("$", 0, position)
    return position


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    found = _NAMES.findall(text)
    return tuple(dict.fromkeys(found))


_NAMES = re.compile(r"(?<!\\)\$\{?([0-9A-Za-z_]+)")
