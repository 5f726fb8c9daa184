"""compose-go's templates: `$X ${X} ${X:-d} ${X-d} ${X:?e} ${X?e} ${X:+a} ${X+a} $$`."""

from __future__ import annotations

import re
from collections.abc import Callable

from devstack.patterns import regex

_BRACED = r"[_a-zA-Z][_a-zA-Z0-9]*(?::?[-+?](?:.*))?"
_PATTERN = regex(rf"\$(?:(\$)|([_a-zA-Z][_a-zA-Z0-9]*)|\{{(?:({_BRACED})\}}|()))")
_NAME = regex("[_a-zA-Z][_a-zA-Z0-9]*+")
_SIMPLE = regex(r"\$\{([_a-zA-Z][_a-zA-Z0-9]*+)\}")
_OPERATORS = (":?", "?", ":-", "-", ":+", "+")
_DEPTH = 60
_BUDGET = 3_000_000

Lookup = Callable[[str], str | None]


class TemplateError(Exception):
    """compose refuses the text, and with it the file; the argument is its sentence without values."""


class TooLongError(Exception):
    """Working it out takes too long."""


def substitute(text: str, lookup: Lookup, *, depth: int = 0) -> str:
    """`text` with its references resolved.

    Raises:
        TemplateError: it is not valid, or a required variable is missing.
        TooLongError: it is nested without end in sight.
    """
    if depth > _DEPTH or text.count("${") * len(text) > _BUDGET:
        raise TooLongError
    if "${" not in text:
        parts = text.split("$$")
        made = {part: _unbraced(part, lookup) for part in dict.fromkeys(parts)}
        return "$".join([made[part] for part in parts])
    return _PATTERN.sub(lambda found: _replacement(found, lookup, depth), text)


def _unbraced(text: str, lookup: Lookup) -> str:
    """`$NAME` again and again, each different piece of the text once."""
    start, *pieces = text.split("$")
    made = {piece: _named(piece, lookup) for piece in dict.fromkeys(pieces)}
    return start + "".join([made[piece] for piece in pieces])


def _named(piece: str, lookup: Lookup) -> str:
    found = _NAME.match(piece)
    return "$" + piece if found is None else (lookup(found.group()) or "") + piece[found.end() :]


def _replacement(whole: re.Match[str], lookup: Lookup, depth: int) -> str:
    escaped, named, _, _ = whole.groups()
    if escaped:
        return "$"
    part = whole.group()
    simple = _SIMPLE.fullmatch(part)
    if plain := simple[1] if simple else named:
        return lookup(plain) or ""
    operator = _first_operator(part)
    closing = _closing_brace(part)
    rest = ""
    if closing >= 0:
        part, rest = part[: closing + 1], part[closing + 1 :]
    found = _PATTERN.search(part)
    escaped, named, braced, _ = found.groups() if found else (None, None, None, None)
    if escaped:
        return "$"
    if named:
        return lookup(named) or ""
    if not braced:
        raise TemplateError("an invalid template after `$`")
    if operator is None or operator not in braced:
        return lookup(braced) or ""
    name, _, argument = braced.partition(operator)
    made = _applied(name, operator, argument, lookup, depth=depth)
    return made + substitute(rest, lookup, depth=depth + 1)


def _applied(name: str, operator: str, argument: str, lookup: Lookup, *, depth: int) -> str:
    value = lookup(name)
    is_there = value is not None and not (operator.startswith(":") and value == "")
    if operator.endswith("?"):
        substitute(argument, lookup, depth=depth + 1)
        if not is_there:
            raise TemplateError(f"required variable {name} is missing a value")
        return value or ""
    if operator.endswith("-"):
        return (value or "") if is_there else substitute(argument, lookup, depth=depth + 1)
    return substitute(argument, lookup, depth=depth + 1) if is_there else value or ""


def _first_operator(part: str) -> str | None:
    places = [(part.find(operator), operator) for operator in _OPERATORS]
    found = [place for place in places if place[0] >= 0]
    return min(found, key=lambda place: place[0])[1] if found else None


def _closing_brace(part: str) -> int:
    """Where the first reference ends, nested ones skipped, or -1."""
    opened = 0
    position = 0
    while position < len(part):
        if part[position] == "}":
            opened -= 1
            if opened == 0:
                return position
        elif part.startswith("${", position):
            opened += 1
            position += 1
        position += 1
    return -1


_NAMES = regex(r"\$(?:\$|\{?([_a-zA-Z][_a-zA-Z0-9]*))")


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    return tuple(dict.fromkeys(found.group(1) for found in _NAMES.finditer(text) if found.group(1)))
