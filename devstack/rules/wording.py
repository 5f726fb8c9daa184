"""How messages of rules list things. Shared by rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def listed(parts: Sequence[str], most: int = 4, between: str = ", ") -> str:
    """The first ones, and how many more there are: `a, b and 3 more`; with `; ` between sentences."""
    shown, more = between.join(parts[:most]), len(parts) - most
    return shown if more <= 0 else f"{shown}{between.strip(', ')} and {more} more"


def named(names: Iterable[str], most: int = 4) -> str:
    """Names in backticks, each once, the first ones and how many more there are."""
    return listed([f"`{name}`" for name in dict.fromkeys(names)], most)
