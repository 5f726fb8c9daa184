"""Characters that nobody sees but a terminal obeys: controls, and marks that hide or reorder text."""

from __future__ import annotations

from devstack.patterns import regex

INVISIBLE = regex("[\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """`text` on one line, such characters written as escapes: what others wrote steers nobody's terminal."""
    return INVISIBLE.sub(lambda found: repr(found.group())[1:-1], text)
