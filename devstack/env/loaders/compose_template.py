"""compose-go's templates: `$X ${X} ${X:-d} ${X-d} ${X:?e} ${X?e} ${X:+a} ${X+a} $$`, nested as deep as one likes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from devstack.env.loaders.columns import BETWEEN
from devstack.env.loaders.flat import (
    MultipliedError,
    References,
    RequiredError,
    chosen,
    joined,
)
from devstack.patterns import regex

# Go takes names without regard to case, and so the long s and the Kelvin sign for letters.
_LETTER = "_a-zA-Z\u017f\u212a"
_NAME = f"[{_LETTER}][0-9{_LETTER}]*+"
_FLAT = regex(rf"(?:[^$]++|\$(?:\$|{_NAME}|\{{{_NAME}(?::?[-+?][^${{}}\n]*+)?+\}}|(?![{_LETTER}{{])))*+\Z")
# The same, with braces and one more reference in what stands behind an operator: compose-go balances them, but for
# those behind an opening one.
_NO_SPECIAL = rf"[^${{}}\n{BETWEEN}]"
_INNER = rf"\$(?:\$|{_NAME}|\{{{_NAME}(?::?[-+]{_NO_SPECIAL}*+)?+\}})"
_ARGUMENT_OF_MANY = rf"(?:{_NO_SPECIAL}++|{_INNER}|\{{{_NO_SPECIAL}++\}})*+"
_USUAL = regex(
    rf"(?:[^$]++|\$(?:\$|{_NAME}|\{{{_NAME}(?::?[-+]{_ARGUMENT_OF_MANY})?+\}}|(?![{_LETTER}{{])))*+\Z"
)
_START = regex(rf"\$(?:(\$)|({_NAME})|\{{({_NAME})(?:\}}|(:?[-+?]))|(\{{))")
_BRACE = regex(r"\{.?|\}", re.DOTALL)
_NAMES = regex(rf"\$(?:\$|\{{?({_NAME}))")
_REFERENCES = References(_NAME, _ARGUMENT_OF_MANY)
_MOST = 2_000  # references with others in them, in one text: nobody writes them, and they take time


class TemplateError(Exception):
    """compose refuses the text, and with it the file; the argument is its sentence without values."""


def substitute(text: str, known: Mapping[str, str]) -> str:
    """`text` with its references resolved.

    Raises:
        TemplateError: it is not valid, or a required variable is missing.
        MultipliedError: it grows beyond all bounds.
    """
    before, _, rest = text.partition("${")
    name, brace, after = rest.partition("}")
    if brace and name.isidentifier() and name.isascii() and "$" not in before and "$" not in after:
        return before + known.get(name, "") + after
    try:
        if not _FLAT.match(text):
            return _Nested(text, known).substituted()
        parts = text.split("$$")
        if len(parts) == 1:
            return _REFERENCES.expanded(text, known)
        made = {part: _REFERENCES.expanded(part, known) for part in dict.fromkeys(parts)}
        return "$".join([made[part] for part in parts])
    except RequiredError as missing:
        raise _required(missing) from None


def all_substituted(texts: Collection[str], known: Mapping[str, str]) -> list[str]:
    """Each of `texts` with its references resolved; nothing where one of them is not usual."""
    if not _USUAL.match(BETWEEN.join(texts)):
        return []
    try:
        return _REFERENCES.all_expanded(texts, known)
    except MultipliedError:
        return []


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    return tuple(dict.fromkeys(filter(None, _NAMES.findall(text))))


def _required(missing: RequiredError) -> TemplateError:
    return TemplateError(f"required variable {missing} is missing a value")


class _Nested:
    """A text with references in the defaults of others.

    compose-go takes what stands behind an operator up to the last brace of the line, and cuts it where the braces
    are balanced. Here each place is read once: `_ranges` are what is left, the next one last.
    """

    def __init__(self, text: str, known: Mapping[str, str]) -> None:
        if text.count("${") > _MOST:
            raise MultipliedError
        self._text = text
        self._known = known
        self._closing = _closing_braces(text)
        self._ranges = [(0, len(text))]
        self._line = (-1, 0, 0)

    def substituted(self) -> str:
        """The text. Raises TemplateError, RequiredError, MultipliedError."""
        made: list[str] = []
        while self._ranges:
            start, end = self._ranges.pop()
            found = _START.search(self._text, start, end)
            made.append(self._text[start : end if found is None else found.start()])
            if found is None:
                continue
            escaped, named, braced, operator, invalid = found.groups()
            if invalid:
                raise TemplateError("an invalid template after `$`")
            if operator is not None:
                made.append(self._choose(found, end))
                continue
            self._ranges.append((found.end(), end))
            made.append("$" if escaped else self._known.get(named or braced, ""))
        return joined(made)

    def _choose(self, found: re.Match[str], end: int) -> str:
        """The value of a reference with an operator, or nothing where the text behind the operator comes next."""
        last = self._last_brace(found.end(), end)
        if last < 0:
            raise TemplateError("an invalid template after `$`")
        closing = self._closing.get(found.start() + 1, end)
        closing = closing if closing <= last else last
        self._ranges.append((closing + 1, end))
        name, operator = found.group(3), found.group(4)
        value = self._known.get(name)
        made = chosen(value, operator, _ARGUMENT)
        if made is None:
            raise RequiredError(name)
        if made is not _ARGUMENT:
            return made
        self._ranges.append((found.end(), closing))
        return ""

    def _last_brace(self, start: int, end: int) -> int:
        """Where the last closing brace in front of `end` stands on the line of `start`, or -1."""
        known_end, line_end, last = self._line
        if known_end != end or start > line_end:
            newline = self._text.find("\n", start, end)
            line_end = end if newline < 0 else newline
            last = self._text.rfind("}", start, line_end)
            self._line = (end, line_end, last)
        return last if last >= start else -1


_ARGUMENT = "the text behind the operator"


def _closing_braces(text: str) -> dict[int, int]:
    """The closing brace of each opening one; behind one that opens, compose-go overlooks a character."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for found in _BRACE.finditer(text):
        if found.group()[0] == "{":
            opened.append(found.start())
        elif opened:
            closing[opened.pop()] = found.start()
    return closing
