"""Bun's own grammar of env files: one of 1.2 and 1.3, another from 1.4 on.

Bun works on bytes, and its older grammar tears letters apart: a text comes in with one character for each byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.patterns import regex
from devstack.records import dataclass

_QUOTES = "'\"`"
_MARK = "\xef\xbb\xbf"  # of the byte order
_KEY = "[0-9A-Za-z_.-]"
_NO_ASSIGNMENT = "no assignment, so the line is ignored"
_BARE = regex("[^#\r\n]*+")
_REST_OF_LINE = regex("[^\r\n]*+")
_LINE_END = regex("\r\n?")
_HALVED = regex(r"[:\\]\r")
_ESCAPED = regex("\\\\(.)|\r\n?", re.DOTALL)
_SPECIAL = {quote: regex(rf"[{quote}\\]") for quote in _QUOTES}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grammar:
    """What differs between the two.

    Attributes:
        space: what is skipped before names and cut off values; a line end is among it.
        ends_line: what may follow a closing quote; None = anything, which is then skipped to the end of the line.
        closed: from behind an opening quote to the closing one.
        assignment: name, quoted value without escapes, or bare value; without both where it takes a longer look.
    """

    space: str
    blank: re.Pattern[str]
    assignment: re.Pattern[str]
    without: re.Pattern[str]
    ends_line: re.Pattern[str] | None
    closed: Mapping[str, re.Pattern[str]]


def _grammar(space_in_line: str, *, quote_ends_line: bool) -> _Grammar:
    space = f"{space_in_line}\r\n"
    any_space, in_line = f"[{space}]", f"[{space_in_line}]"
    export = rf"(?:export{any_space}++(?={_KEY}))?+"
    head = rf"{any_space}*+{export}({_KEY}++){any_space}*+(?:=|:{any_space})"
    ends = rf"(?={in_line}*+(?:[#\r\n]|\Z))"
    behind = ends if quote_ends_line else r"[^\r\n]*+[\r\n]?"
    quoted = r"\"[^\"\\\r]*+\"|'[^'\\\r]*+'|`[^`\\\r]*+`"
    bare = rf"[^{space}\"'`#][^#\r\n]*+"
    return _Grammar(
        space=space,
        blank=regex(f"{any_space}*+"),
        assignment=regex(rf"{head}(?:{any_space}*+({quoted}){behind}|{in_line}*+({bare}))?+"),
        without=regex(rf"(?:{any_space}*+(?!{head})[^\r\n]*+[\r\n])++"),
        ends_line=regex(ends) if quote_ends_line else None,
        closed={quote: _closed(quote, ends if quote_ends_line else "") for quote in _QUOTES},
    )


def _closed(quote: str, ends: str) -> re.Pattern[str]:
    # Behind a quote that does not close, one character is not looked at.
    open_still = rf"|{quote}(?!{ends})." if ends else ""
    return regex(rf"(?:[^{quote}\\]|\\.{open_still})*+{quote}", re.DOTALL)


_OLD = _grammar("\t\v\f \xa0", quote_ends_line=True)
_NEW = _grammar("\t\v\f ", quote_ends_line=False)


def parse13(text: str) -> Parsed:
    """Bun 1.2 and 1.3: the byte A0 is space, wherever it stands, and a quote closes only at the end of its line."""
    return _Parser(text, _OLD).parse()


def parse14(text: str) -> Parsed:
    """Bun 1.4: the first quote closes, and what follows it on its line is lost."""
    return _Parser(text.removeprefix(_MARK), _NEW).parse()


class _Parser:
    """Reads one text."""

    def __init__(self, text: str, grammar: _Grammar) -> None:
        # A line end may be written in any way, but for where Bun takes its first half for something else.
        self._text = text if _HALVED.search(text) else _LINE_END.sub("\n", text)
        self._grammar = grammar
        self._passed: dict[str, set[int]] = {}

    def parse(self) -> Parsed:
        """All assignments, in order."""
        text, rows, ignored, lines = self._text, Definitions(), Ignored(), Lines(self._text)
        match, position = self._grammar.assignment.match, 0
        while position < len(text):
            if not position or text[position - 1] == "\n":
                position = lines.take_plain(position, rows)
            found = match(text, position)
            if found is None:
                position = self._skip_line(position, ignored, lines)
                continue
            name, quoted, bare = found.groups()
            line, position = lines.at(found.start(1)), found.end()
            if bare is not None:
                value = raw = bare.rstrip(self._grammar.space)
            elif quoted is not None:
                raw, value = quoted, quoted[1:-1]
            else:
                value, raw, position = self._value(position)
            rows.append((name, value, raw, line))
        if not text.isascii():
            rows = Definitions(
                (name, _readable(value), _readable(raw), line) for name, value, raw, line in rows
            )
        return ignored.parsed(rows)

    def _skip_line(self, position: int, ignored: Ignored, lines: Lines) -> int:
        text = self._text
        if ignored.is_full and (found := self._grammar.without.match(text, position)):
            return found.end()
        start = _end(self._grammar.blank, text, position)
        end = _end(_REST_OF_LINE, text, start)
        if start < end and not ignored.is_full:
            ignored.drop(text[start:end], lines.at(start), _NO_ASSIGNMENT)
        return end + 1

    def _value(self, start: int) -> tuple[str, str, int]:
        """The value after the separator, what is written for it, and where reading goes on."""
        text, opening = self._text, _end(self._grammar.blank, self._text, start)
        if opening >= len(text):
            return "", "", opening
        if text[opening] in _QUOTES and (closing := self._closing(opening)) > 0:
            raw = text[opening : closing + 1]
            end = closing + 1 if self._grammar.ends_line else _end(_REST_OF_LINE, text, closing) + 1
            return _unescaped(raw), raw, end
        end = _end(_BARE, text, start)
        raw = text[start:end].strip(self._grammar.space)
        return raw, raw, end

    def _closing(self, opening: int) -> int:
        """The quote that ends the value, or -1."""
        text, quote = self._text, self._text[opening]
        if quote not in self._passed:
            found = self._grammar.closed[quote].match(text, opening + 1)
            if found is not None:
                return found.end() - 1
            self._passed[quote] = set()
            return -1
        return self._closing_again(opening, quote, self._passed[quote])

    def _closing_again(self, opening: int, quote: str, passed: set[int]) -> int:
        """Likewise, after a search that found nothing: where such a one has been, this one finds nothing either."""
        text, ends = self._text, self._grammar.ends_line
        special = _SPECIAL[quote].search(text, opening + 1)
        here = []
        while special is not None and (at := special.start()) not in passed:
            if text[at] == quote and (ends is None or ends.match(text, at + 1)):
                return at
            here.append(at)
            special = _SPECIAL[quote].search(text, at + 2)
        passed.update(here)
        return -1


def _unescaped(raw: str) -> str:
    """The inside of a quoted value: only in double quotes, and only `\\n` and `\\r`, mean something else."""
    if raw[0] != '"':
        return _LINE_END.sub("\n", raw[1:-1])
    return _ESCAPED.sub(_meaning, raw[1:-1])


def _meaning(found: re.Match[str]) -> str:
    letter = found.group(1)
    if letter is None or letter == "n":
        return "\n"
    return "\r" if letter == "r" else found.group()


def _readable(text: str | None) -> str:
    return (text or "").encode("latin-1").decode("utf-8", "replace")


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position
