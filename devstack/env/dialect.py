"""Assignments as text: where each stands in an env file, and the ways in which a value can be written.

No program's rules are modelled here: which spelling a program reads as what is asked of the loaders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from devstack.patterns import regex
from devstack.records import dataclass

_HEAD = regex(
    r"[ \t]*(?P<hash>#[ \t]*)?(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)(?P<sign>[ \t]*=|:[ \t])[ \t]*"
)
_COMMENT = regex(r"[ \t]+#.*\Z")
_BARE = regex(r"[^\s\"'#$\\`][^\s\"'#$\\]*\Z|\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One `NAME=value` of a text; positions are offsets into it.

    Attributes:
        start, end: the whole lines it takes, line ending included.
        value_start, value_end: the value as written, quotes included, without a comment behind it.
        line: 1-based.
        commented: `# NAME=value`: documentation of an optional name.
        quote: the quote it is written in, or "".
    """

    name: str
    start: int
    end: int
    value_start: int
    value_end: int
    line: int
    commented: bool
    quote: str


def assignments(text: str) -> Iterator[Assignment]:
    """Every assignment in order; lines inside a quoted value of several lines are none."""
    position, line = (1 if text.startswith("\ufeff") else 0), 1
    while position < len(text):
        end = _line_end(text, position)
        head = _HEAD.match(text, position, end)
        if head is not None:
            found = _assignment(text, head, end, line)
            yield found
            end = found.end
        line += text.count("\n", position, end)
        position = end


def _assignment(text: str, head: re.Match[str], end: int, line: int) -> Assignment:
    start, value_start = head.span()
    body_end = start + len(text[start:end].rstrip("\r\n"))
    quote = text[value_start : value_start + 1] if value_start < body_end else ""
    closing = _closing(text, value_start, quote) if quote in {'"', "'", "`"} else -1
    if closing >= 0 and (closing < body_end or not head["hash"]):
        value_end, end = closing + 1, _line_end(text, closing)
    else:
        quote = ""
        written = text[value_start:body_end]
        comment = _COMMENT.search(" " + written) if " #" in f" {written}" or "\t#" in written else None
        value_end = value_start + max(comment.start() - 1, 0) if comment else body_end
        value_end = value_start + len(text[value_start:value_end].rstrip())
    return Assignment(
        name=head["name"],
        start=start,
        end=end,
        value_start=value_start,
        value_end=value_end,
        line=line,
        commented=head["hash"] is not None,
        quote=quote,
    )


def _line_end(text: str, position: int) -> int:
    found = text.find("\n", position)
    return len(text) if found < 0 else found + 1


def _closing(text: str, opening: int, quote: str) -> int:
    """Where the quoted value ends; -1 when nothing closes it before a text that is surely not part of it."""
    position = opening + 1
    while True:
        position = text.find(quote, position)
        if position < 0:
            return -1
        if quote == "'" or not _is_escaped(text, position):
            rest = text[position + 1 : _line_end(text, position)].strip()
            return position if not rest or rest.startswith("#") else -1
        position += 1


def _is_escaped(text: str, position: int) -> bool:
    before = position
    while before and text[before - 1] == "\\":
        before -= 1
    return (position - before) % 2 == 1


def spellings(value: str, quote: str = "") -> Iterator[str]:
    """Ways to write `value`, the one most like the present style first, then the plainest."""
    candidates = list(_candidates(value))
    if quote:
        candidates.sort(key=lambda written: not written.startswith(quote))
    yield from dict.fromkeys(candidates)


def _candidates(value: str) -> Iterator[str]:
    if _BARE.match(value):
        yield value
    for quote in ('"', "'"):
        if quote not in value and "\n" not in value and "\r" not in value:
            yield f"{quote}{value}{quote}"
    if "\n" not in value and value == value.strip():
        yield value
    if "\n" in value or "\r" in value:
        yield '"' + value.replace("\r", "\\r").replace("\n", "\\n") + '"'
        yield f'"{value}"'
        yield f"'{value}'"
        yield '"' + _escaped(value).replace("\r", "\\r").replace("\n", "\\n") + '"'
    yield f'"{_escaped(value)}"'
    yield '"' + value.replace("$", "\\$") + '"'
    yield '"' + _escaped(value).replace("$", "\\$") + '"'
    yield "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    yield "'" + value.replace("$", "\\$") + "'"
    yield '"' + _escaped(value).replace("$", "$$") + '"'
    if "\n" not in value:
        yield value.replace("$", "\\$")
        yield value.replace("$", "$$")
    yield f"`{value}`"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
