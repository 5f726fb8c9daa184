"""Regular expressions that are compiled when they are first used.

Compiling the two hundred patterns of the rules and loaders takes 25 ms, a fifth of the time until the first
service starts, and a run needs few of them: without env files nothing looks for invisible characters. For module
constants only; a pattern that is used at once anyway stays with `re.compile`.
"""

from __future__ import annotations

import re
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
        found = getattr(re.compile(self.pattern, self._flags), name)  # `re` keeps what it compiled
        setattr(self, name, found)
        return found
