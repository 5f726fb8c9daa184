"""Lines as editors, parsers and shells count them."""

from __future__ import annotations


def split(text: str) -> list[str]:
    """The lines without their ends. `str.splitlines` also ends one at form feeds and at separators of Unicode."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
