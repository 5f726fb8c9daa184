"""The grammar of dotenv 16-18, which is also inside Next and Vite 5-7, without the original's backtracking.

The original is one regular expression applied again and again. Once it has recognised `KEY=` it always matches
somehow, so one pattern that never goes back finds the same matches, each with what is skipped in front of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, pairwise

from devstack.env.loaders import ecmascript
from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.env.loaders.statements import Later
from devstack.patterns import regex

_QUOTES = frozenset("'\"`")
_LINE_ENDS = "\n\u2028\u2029"  # carriage returns are gone before the grammar is applied
_SPACE = f"[{ecmascript.SPACE}]"
_SPACE_IN_LINE = f"[{ecmascript.SPACE.translate({ord(end): None for end in _LINE_ENDS})}]"
_SPACE_IN_BARE = f"[{ecmascript.SPACE.translate({ord(_LINE_ENDS[0]): None})}]"
_KEY = "[0-9A-Za-z_.-]"
_EXPORT = rf"(?:export{_SPACE}++(?={_KEY}))?+"
_SEPARATOR = rf"(?:=|:{_SPACE}|{_SPACE}++=)"
_SKIPPED = rf"(?:{_SPACE}*+(?!{_EXPORT}{_KEY}++{_SEPARATOR})[^{_LINE_ENDS}]++)*+{_SPACE}*+"
_ENDS_LINE = rf"(?={_SPACE_IN_LINE}*+(?:[#{_LINE_ENDS}]|\Z))"


def _quoted(quote: str) -> str:
    """Up to the first quote without a backslash if nothing but a comment follows it on its line, else up to the
    last one in front of it of which that is true."""
    inner, escaped = f"[^{quote}]*+", rf"(?<=\\){quote}"
    to_first = rf"{quote}{inner}(?:{escaped}{inner})*+{quote}{_ENDS_LINE}"
    to_escaped = rf"{quote}(?:(?:{inner}{escaped}(?!{_ENDS_LINE}))*+{inner}{escaped}{_ENDS_LINE})++"
    return f"{to_first}|{to_escaped}"


_WORD = f"[^{ecmascript.SPACE}#]"
_WORDS = rf"{_WORD}*+(?:{_SPACE_IN_BARE}++{_WORD}++)*+"
_BARE = rf"[^{ecmascript.SPACE}#'\"`]{_WORDS}"
_QUOTED = rf"{_SPACE}*+(?:{'|'.join(map(_quoted, sorted(_QUOTES)))})"
_ASSIGNMENT = rf"{_EXPORT}({_KEY}++){_SEPARATOR}{_SPACE_IN_BARE}*+({_BARE}|{_QUOTED}|{_WORDS})"
_STATEMENT = regex(rf"({_SKIPPED})(?:{_ASSIGNMENT}|\Z)")
_JUNK = regex(rf"[^{ecmascript.SPACE}][^{_LINE_ENDS}]*+")
_NOTHING_BUT_COMMENTS = regex(rf"(?:{_SPACE}++|#[^{_LINE_ENDS}]*+)*+\Z")
_LINE_END = regex(f"[{_LINE_ENDS}]")
_UNUSUAL_LINE_END = regex(f"[{_LINE_ENDS[1:]}]")


def parse(text: str) -> Parsed:
    """All assignments of `text`, as `dotenv.parse` meets them."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    rows, ignored, lines = Definitions(), Ignored(), Lines(text)
    start = lines.take_plain(0, rows)
    rest = text[start:]
    pieces = _STATEMENT.split(rest)
    leads, names, values = pieces[1::4], pieces[2::4], pieces[3::4]
    count = names.index(None)  # at the end of the text
    names, values = names[:count], values[:count]
    numbers = _numbers(rest, lines.at(start), leads, values)
    _drop(leads, chain(numbers, [lines.at(len(text))]), ignored)
    rows.names += names
    rows.lines += numbers
    if any(quote in rest for quote in _QUOTES):
        if "\n" in {value[:1] for value in values}:  # in front of a quote
            values = list(map(ecmascript.trim, values))
        rows.texts += _said(rest, values)
    else:
        rows.texts += values
    rows.raws += values
    if "__proto__" in text:  # assigning it a text changes nothing
        rows = Definitions(row for row in rows if row.name != "__proto__")
    return ignored.parsed(rows)


def _numbers(text: str, first: int, leads: Sequence[str], values: Sequence[str]) -> Iterable[int]:
    """The lines of the names in `text`, which begins on line `first`; each stands behind one of `leads`."""
    count = len(values)
    if text.count("\n") == sum("".join(each).count("\n") for each in (leads, values)):
        return Later(leads[:count], values, first)
    # Some line ends are between a name and its value.
    starts = [0, *(found.start(2) for found in _STATEMENT.finditer(text))][: count + 1]
    breaks = (text.count("\n", start, end) for start, end in pairwise(starts))
    return list(accumulate(breaks, initial=first))[1:]


def _drop(leads: Sequence[str], numbers: Iterable[int], ignored: Ignored) -> None:
    """Report the lines without an assignment; `numbers` are those on which `leads` end."""
    if _NOTHING_BUT_COMMENTS.match("\n".join(set(leads))):
        return
    with_junk = {lead for lead in set(leads) if not _NOTHING_BUT_COMMENTS.match(lead)}
    for lead, last in zip(leads, numbers, strict=False):
        if lead not in with_junk:
            continue
        lines, before = Lines(lead), last - lead.count("\n") - 1
        for found in _JUNK.finditer(lead):
            number = before + lines.at(found.start())
            ignored.drop(found.group(), number, "no assignment, so the line is ignored")
            if ignored.is_full:
                return


def _said(text: str, raws: Sequence[str]) -> Sequence[str]:
    """What `raws` in `text` say: without quotes, and in double quotes with line ends for `\\n` and `\\r`."""
    texts = [raw[1:-1] if (first := raw[:1]) in _QUOTES and raw[-1:] == first != raw else raw for raw in raws]
    if _UNUSUAL_LINE_END.search(text):
        pairs = zip(texts, raws, strict=True)
        texts = [_without_quotes(raw) if _UNUSUAL_LINE_END.search(raw) else said for said, raw in pairs]
    if "\\" in text:
        texts = [
            said.replace("\\n", "\n").replace("\\r", "\r") if "\\" in said and raw[0] == '"' else said
            for said, raw in zip(texts, raws, strict=True)
        ]
    return texts


def _without_quotes(raw: str) -> str:
    """The original strips with a multi-line pattern: pairs of quotes at the ends of lines, each kind once."""
    pieces: list[str] = []
    done = position = 0
    spent: set[str] = set()
    while position < len(raw):
        quote = raw[position]
        if quote in _QUOTES and quote not in spent:
            spent.add(quote)
            closing = _last_at_line_end(raw, quote, position)
            if closing > 0:
                pieces += [raw[done:position], raw[position + 1 : closing]]
                done = position = closing + 1
        end = _LINE_END.search(raw, position)
        position = end.end() if end else len(raw)
    return "".join([*pieces, raw[done:]])


def _last_at_line_end(raw: str, quote: str, opening: int) -> int:
    position = raw.rfind(quote, opening + 1)
    while position >= 0 and not (position + 1 == len(raw) or raw[position + 1] in _LINE_ENDS):
        position = raw.rfind(quote, opening + 1, position)
    return position
