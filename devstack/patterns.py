"""Regular expressions that are compiled when they are first used.

Compiling the two hundred patterns of the rules and loaders takes 25 ms, a fifth of the time until the first
service starts, and a run needs few of them: without env files nothing looks for invisible characters. For module
constants only; a pattern that is used at once anyway stays with `re.compile`.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from re import compile as regex
else:

    def regex(text, flags=0):
        """As `re.compile`; a mistake in `text` shows at the first use."""
        return _Pattern(text, flags)


__all__ = ["regex"]


class _Pattern:
    """Has the attributes of a compiled pattern, each looked up there once."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self.pattern = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(_compiled(self.pattern, self._flags), name)
        setattr(self, name, found)
        return found


def _compiled(text: str | bytes, flags: int) -> re.Pattern[Any]:
    if sys.version_info >= (3, 11, 5):
        return re.compile(text, flags)  # `re` keeps what it compiled
    return without_possessives(text, flags)


def without_possessives(text: str | bytes, flags: int = 0) -> re.Pattern[Any]:
    """As `re.compile`, with each repetition that gives nothing back as an atomic group around one that would.

    They mean the same; but before Python 3.11.5 (Debian 12 has 3.11.2) the first kind of several characters takes
    what its last, unfinished round has taken (cpython issue 106052).
    """
    from importlib import import_module

    parser, compiler = import_module("re._parser"), import_module("re._compiler")

    def mended(node: Any) -> Any:
        if isinstance(node, tuple | list):
            return type(node)(map(mended, node))
        if not isinstance(node, parser.SubPattern):
            return node
        node.data = [
            (parser.ATOMIC_GROUP, parser.SubPattern(node.state, [(parser.MAX_REPEAT, mended(given))]))
            if kind is parser.POSSESSIVE_REPEAT and not compiler._simple(given[2])
            else (kind, mended(given))
            for kind, given in node.data
        ]
        return node

    found: re.Pattern[Any] = compiler.compile(mended(parser.parse(text, flags)), flags)
    return found
