"""Bun's own grammar of env files: one of 1.2 and 1.3, another from 1.4 on.

Bun works on bytes, and its older grammar tears letters apart: a text comes in with one character for each byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.env.loaders.statements import Repeated
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


def _inside(quoted: str) -> str:
    """The inside of a quoted value: only in double quotes, and only `\\n` and `\\r`, mean something else."""
    inner = quoted[1:-1]
    if quoted[0] != '"':
        return _LINE_END.sub("\n", inner) if "\r" in inner else inner
    if "\r" in inner:
        return _ESCAPED.sub(_meaning, inner)
    if "\\" not in inner:
        return inner
    parts = inner.split("\\\\")
    return "\\\\".join([part.replace("\\n", "\n").replace("\\r", "\r") for part in parts])


def _meaning(found: re.Match[str]) -> str:
    letter = found.group(1)
    if letter is None or letter == "n":
        return "\n"
    return "\r" if letter == "r" else found.group()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grammar:
    """What differs between the two.

    Attributes:
        space: what is skipped before names and cut off values; a line end is among it.
        between: what stands between assignments, by whether all that is reported has been.
        usual: assignments as they usually are, by the same.
        head: an assignment up to its value.
        ends_line: what may follow a closing quote; None = anything, which is then skipped to the end of the line.
        closed: from behind an opening quote to the closing one.
    """

    space: str
    blank: re.Pattern[str]
    between: Mapping[bool, re.Pattern[str]]
    usual: Mapping[bool, Repeated]
    head: re.Pattern[str]
    ends_line: re.Pattern[str] | None
    closed: Mapping[str, re.Pattern[str]]


def _grammar(space_in_line: str, *, quote_ends_line: bool) -> _Grammar:
    space = f"{space_in_line}\r\n"
    any_space, in_line = f"[{space}]", f"[{space_in_line}]"
    export = rf"{any_space}*+(?:export{any_space}++(?={_KEY}))?+"
    equals = rf"{any_space}*+(?:=|:{any_space})"
    head = rf"{export}({_KEY}++){equals}"
    ends = rf"(?={in_line}*+(?:[#\r\n]|\Z))"
    nothing = rf"(?!{any_space}*+[\"'`])(?=[#\r\n]|\Z)"
    bare = rf"{in_line}*+([^{space}\"'`#][^#\r\n]*+|{nothing})"
    inner = {quote: rf"[^{quote}\\\r]*+" for quote in _QUOTES}
    quoted = "|".join(rf"{quote}{plain}(?:\\[^\r]{plain})*+{quote}" for quote, plain in inner.items())
    rest = ends if quote_ends_line else r"[^\r\n]*+"
    value = rf"(?:{bare}|{any_space}*+({quoted}){rest})"
    dropped = {True: rf"(?!{export}{_KEY}++{equals})[^\r\n]", False: "#"}
    between = {
        is_full: rf"(?:{any_space}*+{one}[^\r\n]*+)*+{any_space}*+" for is_full, one in dropped.items()
    }
    return _Grammar(
        space=space,
        blank=regex(f"{any_space}*+"),
        between={is_full: regex(skipped) for is_full, skipped in between.items()},
        usual={is_full: Repeated(f"{head}{value}{skipped}", _inside) for is_full, skipped in between.items()},
        head=regex(head),
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
        self._text = text if _HALVED.search(text) else text.replace("\r\n", "\n").replace("\r", "\n")
        self._grammar = grammar
        self._passed: dict[str, set[int]] = {}

    def parse(self) -> Parsed:
        """All assignments, in order."""
        text, rows, ignored, lines = self._text, Definitions(), Ignored(), Lines(self._text)
        position = 0
        while position < len(text):
            position = _end(self._grammar.between[ignored.is_full], text, position)
            usual = self._grammar.usual[ignored.is_full]
            position = usual.take(text, position, self._grammar.space, lines=lines, rows=rows)
            found = self._grammar.head.match(text, position)
            if found is None:
                end = _end(_REST_OF_LINE, text, position)
                ignored.drop(text[position:end], lines.at(position), _NO_ASSIGNMENT)
                position = end + 1
                continue
            line = lines.at(found.start(1))
            value, raw, position = self._value(found.end())
            rows.append((found.group(1), value, raw, line))
        if not text.isascii():
            readable = {text: _readable(text) for text in {*rows.texts, *rows.raws}}
            rows.texts = list(map(readable.__getitem__, rows.texts))
            rows.raws = list(map(readable.__getitem__, rows.raws))
        return ignored.parsed(rows)

    def _value(self, start: int) -> tuple[str, str, int]:
        """The value after the separator, what is written for it, and where reading goes on."""
        text, opening = self._text, _end(self._grammar.blank, self._text, start)
        if opening >= len(text):
            return "", "", opening
        if text[opening] in _QUOTES and (closing := self._closing(opening)) > 0:
            raw = text[opening : closing + 1]
            end = closing + 1 if self._grammar.ends_line else _end(_REST_OF_LINE, text, closing) + 1
            return _inside(raw), raw, end
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


def _readable(text: str | None) -> str | None:
    if text is None or text.isascii():
        return text
    return text.encode("latin-1").decode("utf-8", "replace")


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position
