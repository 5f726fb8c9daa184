"""python-dotenv's grammar, 1.2 and before, in one match per statement where the text is usual.

The library itself would be right by definition, but gives neither lines of keys nor raw text, needs twice the
time, and for some texts hours. The tests compare both.
"""

from __future__ import annotations

import re

from devstack.env.loaders.columns import without_quotes
from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.env.loaders.statements import FEW_NAMES, Shape, statements
from devstack.patterns import regex
from devstack.records import dataclass

_SPACE = r"[^\S\n]"
_QUOTED = {
    True: r"""(?:"(?:[^"\\]++|\\[\s\S])*+"|'(?:[^'\\]++|\\[\s\S])*+')""",
    False: r"""(?:"(?:[^"]++|(?<=\\)")*+"|'(?:[^']++|(?<=\\)')*+')""",
}
# Behind `= ` a comment can begin now.
_FIRST = {True: r"""(?:[^\s\#"']|(?<==)\#)""", False: r"""[^\s"']"""}
_NAME = r"[^=\#\s'][^=\#\s]*+"


def _lead(*, current: bool, is_full: bool) -> str:
    """Blank lines and comments, and behind the first dropped lines, which are reported, also those."""
    dropped = (
        rf"|(?:export{_SPACE}++)?+{_NAME}(?:{_SPACE}++(?!=)|{_SPACE}*+={_SPACE}*+{_QUOTED[current]}{_SPACE}*+)"
        r"(?![\#\n]|\Z)[^\n]*+"
    )
    return rf"\s*+(?:(?:\#[^\n]*+{dropped if is_full else ''})\s*+)*+"


def _shape(*, current: bool, lead: str) -> Shape:
    return Shape(
        lead=lead,
        start=rf"(?:export{_SPACE}++)?+",
        name=rf"(?:{_NAME}|'[^'\n]++')",
        equals=rf"{_SPACE}*+={_SPACE}*+",
        value=rf"(?:{_QUOTED[current]}|{_FIRST[current]}\S*+(?:{_SPACE}++(?![\n\#]|\Z)\S++)*+|)",
        alone=FEW_NAMES,
        end=rf"(?:(?=\n)|{_SPACE}*+(?:\#[^\n]*+)?+(?=\n|\Z))",
    )


_LEADS = {
    (current, is_full): _lead(current=current, is_full=is_full)
    for current in (True, False)
    for is_full in (True, False)
}
_SHAPE = {kind: _shape(current=kind[0], lead=lead) for kind, lead in _LEADS.items()}
_NOTHING = {kind: regex(lead) for kind, lead in _LEADS.items()}
_FEW = 8  # statements between unusual ones; there, plain lines are not worth a look
_NOTHING = {is_full: regex(lead) for is_full, lead in _LEADS.items()}
_BLANK = regex(r"\s*+")
_IN_LINE = regex(r"[^\S\n]*+")
_EXPORT = regex(r"export[^\S\n]++")
_QUOTED_KEY = regex(r"'([^']++)'")
_KEY = regex(r"[^=#\s]++")
_COMMENT = regex(r"[^\S\n]*+#[^\n]*+")
_LINE = regex(r"[^\n]*+")
_COMMENT_AFTER_SPACE = regex(r"\s#")
# What is escaped in quotes, in the order in which it is replaced; the backslash itself comes before and after.
_ESCAPES = {
    '"': {"'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"},
    "'": {"'": "'"},
}
_BACKSLASH = "\ud800"  # stands for one that is no longer special; no decoded text holds it
_QUOTED_NOW = {
    '"': regex(r'"((?:\\.|[^"\\])*+)"', re.DOTALL),
    "'": regex(r"'((?:\\.|[^'\\])*+)'", re.DOTALL),
}


def decode(content: bytes) -> str:
    """What `open(path, encoding="utf-8")` gives: strict, and every line end is a newline."""
    text = content.decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


class _Dropped(Exception):  # noqa: N818 - what the program does
    """The statement cannot be parsed; `position` is where the program gives up."""

    def __init__(self, position: int) -> None:
        super().__init__()
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """One version of the grammar.

    Attributes:
        current: 1.2 or newer.
    """

    current: bool

    def parse(self, text: str) -> Parsed:
        """All bindings of `text`; a key without `=` has the text None."""
        if self.current:
            text = text.removeprefix("\ufeff")
        rows, ignored, lines = Definitions(), Ignored(), Lines(text)
        position, has_quotes, is_plain = 0, "'" in text, True
        while position < len(text):
            kind = self.current, ignored.is_full
            position = _end(_NOTHING[kind], text, position)
            if is_plain:
                position = lines.take_names(lines.take_plain(position, rows), rows)
            taken = statements(_SHAPE[kind], text, position, lines)
            position = taken.end
            is_plain = not 0 < len(taken.names) < _FEW
            if taken.names:
                names, raws = taken.names, taken.values
                rows.names += map(_without_quotes, names) if has_quotes and "'" in "".join(names) else names
                rows.texts += map(without_quotes(raws, _unescaped).get, raws)
                rows.raws += raws
                rows.lines += taken.lines
            position = self._unusual(text, position, lines, rows=rows, ignored=ignored)
        return ignored.parsed(rows)

    def _unusual(self, text: str, position: int, lines: Lines, *, rows: Definitions, ignored: Ignored) -> int:
        """Parse one statement step by step; the position after it."""
        start = _end(_BLANK, text, position)
        if start >= len(text):
            return start
        try:
            name, value, raw, end = self._statement(text, start)
        except _Dropped as dropped:
            if not ignored.is_full:
                ignored.note(lines.at(start), "line-dropped", "python-dotenv cannot parse this and drops it")
            return min(_end(_LINE, text, dropped.position) + 1, len(text))
        if name is not None:
            rows.append((name, value, raw, lines.at(start)))
        return end

    def _statement(self, text: str, position: int) -> tuple[str | None, str | None, str | None, int]:
        position = _end(_EXPORT, text, position)
        name: str | None = None
        if text.startswith("'", position):
            name, position = _required(_QUOTED_KEY, text, position)
        elif not text.startswith("#", position):
            name, position = _required(_KEY, text, position)
        position = _end(_IN_LINE, text, position)
        value: str | None = None
        start = position
        if text.startswith("=", position):
            start = _end(_IN_LINE, text, position + 1)
            is_apart = start > position + 1
            if self.current and is_apart and text.startswith("#", start):
                value, position = "", start
            else:
                value, position = self._value(text, start)
        raw = None if value is None else text[start:position].strip()
        position = _end(_COMMENT, text, position)
        position = _end(_IN_LINE, text, position)
        if position < len(text) and text[position] != "\n":
            raise _Dropped(position)
        return name, value, raw, min(position + 1, len(text))

    def _value(self, text: str, start: int) -> tuple[str, int]:
        quote = text[start : start + 1]
        if quote in ("", "\n"):
            return "", start
        if quote not in ("'", '"'):
            end = _end(_LINE, text, start)
            comment = _COMMENT_AFTER_SPACE.search(text, start, end)
            return text[start : comment.start() if comment else end].rstrip(), end
        inner, end = self._quoted(text, start, quote)
        return _unescaped(quote, inner), end

    def _quoted(self, text: str, start: int, quote: str) -> tuple[str, int]:
        if self.current:
            return _required(_QUOTED_NOW[quote], text, start)
        closing = last = -1
        position = text.find(quote, start + 1)
        while position >= 0:
            last = position
            if text[position - 1] != "\\":
                closing = position
                break
            position = text.find(quote, position + 1)
        # Where every quote is escaped, the old pattern falls back to the last one.
        closing = last if closing < 0 else closing
        if closing < 0:
            raise _Dropped(start)
        return text[start + 1 : closing], closing + 1


def _without_quotes(name: str) -> str:
    return name[1:-1] if name[0] == "'" else name


def _unescaped(quote: str, inner: str) -> str:
    """What stands in quotes, with what its escapes mean."""
    if "\\" not in inner:
        return inner
    inner = inner.replace("\\\\", _BACKSLASH)
    for letter, meaning in _ESCAPES[quote].items():
        inner = inner.replace(f"\\{letter}", meaning)
    return inner.replace(_BACKSLASH, "\\")


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def _required(pattern: re.Pattern[str], text: str, position: int) -> tuple[str, int]:
    found = pattern.match(text, position)
    if found is None:
        raise _Dropped(position)
    return found.group(pattern.groups), found.end()
