"""Next's expansion: the last unescaped `$` first, then the whole text again (an early dotenv-expand)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders import ecmascript
from devstack.env.loaders.expansion import SURELY_FITS, Names, Overflow, Undecided, Work

_REFERENCE = re.compile(r"\$\{?([0-9A-Za-z_]+)(?::-([^}\\]*))?\}?")


def expand(text: str, process: Mapping[str, str], parsed: Mapping[str, str], names: Names, work: Work) -> str:
    """`text` with its references resolved: process value, else default, else the file's value, else nothing.

    Raises:
        Overflow: it refers to itself, so the program's stack overflows.
        Undecided: it cannot be known.
    """
    seen: set[str] = set()
    steps, started_with = 0, text.count("$")
    while True:
        position = _last_reference(text)
        if position < 0:
            break
        found = _REFERENCE.match(text, position)
        if found is None:
            break
        if text in seen:
            raise Overflow
        seen.add(text)
        steps += 1
        if steps > SURELY_FITS:
            raise Overflow
        _spend(work, text, started_with)
        name, default = found.groups()
        names.check(name)
        replacement = process.get(name) or default or parsed.get(name) or ""
        text = ecmascript.replace_first(text, found.group(), replacement)
    return text.replace("\\$", "$")


def _spend(work: Work, text: str, started_with: int) -> None:
    """Where the budget is gone and no fewer references are left than at first, they bring themselves back."""
    try:
        work.spend(len(text))
    except Undecided:
        if text.count("$") >= started_with:
            raise Overflow from None
        raise


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
