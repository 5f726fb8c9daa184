"""Bun's expansion of references: from the last one backwards until 1.3, from the first one on since 1.4."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders.expansion import Undecided, Work, because_of
from devstack.patterns import regex

_DEEPEST = 200  # defaults within defaults; what lies deeper stays as written
_REFERENCE_13 = regex(r"\$\{?+([0-9A-Za-z_]*+)(?::-([^}\\]*+))?+\}?+")
# References that hold no others: the brace, the name and the default.
_SIMPLE_13 = regex(r"\$(?!\Z)(\{)?+([0-9A-Za-z_]*+)(?::-([^}$\\]*+)(?!\$))?+(?!:-)\}?+")
_SIMPLE_14 = regex(r"\$(\{)?+([0-9A-Za-z_]*+)(?(1)(?::-([^}$\\]*+))?+\}|(?<!\$))")
_SIMPLE_STEP = 20  # what one of them costs of the budget
_STEP_14 = regex(r"\\\$|\$\{|\$([0-9A-Za-z_]++)")
_BRACE = regex(r"\\.|\$\{|\}", re.DOTALL)
_NAME = regex("[0-9A-Za-z_]*+")
_NAMES = regex(r"(?<!\\)\$\{?([0-9A-Za-z_]+)")


class Stops(Exception):  # noqa: N818 - what the program does
    """Bun crashes: it has taken a default for longer than what is left of the text."""


def expand13(text: str, known: Mapping[str, str], work: Work) -> str:
    """`text` with its references resolved; a default is used only where the name is not there at all.

    Raises:
        Stops: a default holds another reference. Undecided: it cannot be known.
    """
    work.begin()
    simple = _simple(_SIMPLE_13, text, known, work)
    if simple is not None:
        return simple
    pieces: list[str] = []
    last = len(text)
    at = text.rfind("$", 0, last - 1)
    while at >= 0:
        if at and text[at - 1] == "\\":
            pieces.append(text[at:last])
            last = at - 1
        elif found := _REFERENCE_13.match(text, at):
            if found.end() > last:
                raise Stops
            value = _looked_up(found.group(1), known, work)
            pieces += [text[found.end() : last], found.group(2) or "" if value is None else value]
            last = at
        work.spend(len(pieces[-1]))
        at = text.rfind("$", 0, last)
    return "".join([text[:last], *reversed(pieces)])


def expand14(text: str, known: Mapping[str, str], work: Work, depth: int = 0) -> str:
    """`text` with its references resolved, those in defaults too; what is no reference stays as written.

    Raises:
        Undecided: it cannot be known.
    """
    if not depth:
        work.begin()
    simple = _simple(_SIMPLE_14, text, known, work)
    if simple is not None:
        return simple
    pieces: list[str] = []
    position = 0
    while (found := _STEP_14.search(text, position)) is not None:
        pieces.append(text[position : found.start()])
        position = found.end()
        if found.group() == "\\$":
            pieces.append("$")
        elif found.group(1) is not None:
            pieces.append(_looked_up(found.group(1), known, work) or "")
        elif (closing := _closing(text, position, work)) < 0:
            return "".join([*pieces, text[found.start() :]])
        else:
            pieces.append(_braced(text[position:closing], known, work, depth))
            position = closing + 1
        work.spend(len(pieces[-1]))
    return "".join([*pieces, text[position:]])


def _simple(pattern: re.Pattern[str], text: str, known: Mapping[str, str], work: Work) -> str | None:
    """`text` with its references resolved; None where not all that looks like one is found by `pattern`."""
    if "\\" in text:
        return None

    def value(found: re.Match[str]) -> str:
        made = _looked_up(found[2], known, work)
        if made is None:
            made = found[3] or ""
        work.spend(len(made), _SIMPLE_STEP)
        return made

    try:
        made, count = pattern.subn(value, text)
    except Undecided:
        return None  # a longer look tells whether it matters
    return made if count == text.count("$") else None


def _closing(text: str, start: int, work: Work) -> int:
    """The brace that closes the one before `start`, or -1."""
    depth = 1
    for found in _BRACE.finditer(text, start):
        work.spend(0)
        depth += {"${": 1, "}": -1}.get(found.group(), 0)
        if not depth:
            return found.start()
    return -1


def _braced(inner: str, known: Mapping[str, str], work: Work, depth: int) -> str:
    found = _NAME.match(inner)
    name = found.group() if found else ""
    rest = inner[len(name) :]
    if rest and not rest.startswith(":-"):
        return f"${{{inner}}}"
    value = _looked_up(name, known, work)
    if value is not None:
        return value
    return expand14(rest[2:], known, work, depth + 1) if depth < _DEEPEST else rest[2:]


def _looked_up(name: str, known: Mapping[str, str], work: Work) -> str | None:
    if name in work.undecided:
        raise Undecided(because_of(name, work.undecided[name]))
    return known.get(name)


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    return tuple(dict.fromkeys(_NAMES.findall(text)))
