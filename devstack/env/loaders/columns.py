"""Many values in one step: what is to be done with each is done with all of them as one text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

BETWEEN = "\udfff"  # stands between values; no decoded text holds it


def at_once(values: Collection[str], change: Callable[[str], str]) -> list[str]:
    """What `change` makes of each value; it gets them all as one text."""
    return change(BETWEEN.join(values)).split(BETWEEN) if values else []


def without_quotes(values: Iterable[Any], unescaped: Callable[[str, str], str]) -> dict[str, str]:
    """The text of each different value that is written so.

    Args:
        unescaped: what escapes mean in quotes of the kind it is given first; it gets many texts as one.
    """
    different: set[str] = set(values) - {None}
    made = dict(zip(different, different, strict=True))
    for quote in "'\"":
        quoted = [value for value in made if value and value[0] == quote]
        texts = at_once([value[1:-1] for value in quoted], partial(unescaped, quote))
        made.update(zip(quoted, texts, strict=True))
    return made


def is_one_string(value: str) -> bool:
    """Whether it is in quotes as a whole, with none of their kind between them."""
    return value[:1] in ("'", '"') and value[-1] == value[0] and value.count(value[0]) == 2
