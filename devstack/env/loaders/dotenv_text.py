"""The grammar of dotenv 16-18, which is also inside Next and Vite 5-7, without the original's backtracking.

The original is one regular expression applied again and again. Once it has recognised `KEY=` it always matches
somehow, so the same matches are found in one pass; only quoted values need a search for their end.
"""

from __future__ import annotations

from devstack.env.loaders import ecmascript
from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.patterns import regex

QUOTES = "'\"`"
_LINE_ENDS = "\n\u2028\u2029"  # carriage returns are gone before the grammar is applied
_SPACE = f"[{ecmascript.SPACE}]"
_SPACE_IN_LINE = f"[{ecmascript.SPACE.translate({ord(end): None for end in _LINE_ENDS})}]"
_KEY = "[0-9A-Za-z_.-]"
_EXPORT = rf"(?:export{_SPACE}++(?={_KEY}))?+"
_SEPARATOR = rf"(?:{_SPACE}*+=|:{_SPACE})"
_HEAD = rf"{_SPACE}*+{_EXPORT}({_KEY}++){_SEPARATOR}"
_ENDS_LINE = rf"(?={_SPACE_IN_LINE}*+(?:[#{_LINE_ENDS}]|\Z))"
# The usual assignment at once: a quoted value without backslashes that ends its line, or a bare value.
_ASSIGNMENT = regex(
    rf"{_HEAD}(?:{_SPACE}*+(\"[^\"\\]*+\"|'[^'\\]*+'|`[^`\\]*+`){_ENDS_LINE}"
    rf"|[ \t]*+([^\s\"'`#\ufeff][^#{_LINE_ENDS}]*+)(?=[\n#]|\Z))?+"
)
_WITHOUT_ASSIGNMENTS = regex(
    rf"(?:{_SPACE}*+(?!{_EXPORT}{_KEY}++{_SEPARATOR})[^{_LINE_ENDS}]*+[{_LINE_ENDS}])++"
)
_ENDS_HERE = regex(_ENDS_LINE)
_PLAIN_QUOTE = {quote: regex(rf"(?<!\\){quote}") for quote in QUOTES}
_LAST_QUOTE = {quote: regex(f"{quote}{_ENDS_LINE}") for quote in QUOTES}
_BLANK = regex(f"{_SPACE}*+")
_BARE = regex("[^#\n]*+")
_REST_OF_LINE = regex(f"[^{_LINE_ENDS}]*+")


def parse(text: str) -> Parsed:
    """All assignments of `text`, as `dotenv.parse` meets them."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    rows, ignored = Definitions(), Ignored()
    match, length, lines = _ASSIGNMENT.match, len(text), Lines(text)
    position = 0
    is_bare = True  # plain lines come in groups, and only they are worth the look
    while position < length:
        if text[position] == "\n":
            position += 1
        if is_bare and (not position or text[position - 1] == "\n"):
            position = lines.take_plain(position, rows)
        found = match(text, position)
        if found is None:
            position = _skip_line(text, position, ignored, lines)
            continue
        name, quoted, bare = found.groups()
        position, is_bare = found.end(), quoted is None
        if bare is not None:
            value = raw = ecmascript.trim(bare)
        elif quoted is not None:
            raw, value = quoted, quoted[1:-1]
        else:
            value, raw, position = _value(text, position)
        if "\\" in value and raw[0] == '"':
            value = value.replace("\\n", "\n").replace("\\r", "\r")
        if name != "__proto__":  # assigning it a text changes nothing
            rows.append((name, value, raw, lines.at(found.start(1))))
        # What stands between here and the next line is blank, or a comment that is skipped like a junk line.
    return ignored.parsed(rows)


def _skip_line(text: str, position: int, ignored: Ignored, lines: Lines) -> int:
    if ignored.is_full and (found := _WITHOUT_ASSIGNMENTS.match(text, position)):
        return found.end()
    start = _blank_end(text, position)
    end = _line_end(text, start)
    if start < end and not ignored.is_full:
        ignored.drop(text[start:end], lines.at(start), "no assignment, so the line is ignored")
    return end + 1


def _blank_end(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


def _line_end(text: str, position: int) -> int:
    found = _REST_OF_LINE.match(text, position)
    return found.end() if found else position


def _value(text: str, start: int) -> tuple[str, str, int]:
    """The value after the separator, without and with its quotes, and where it ends."""
    opening = _blank_end(text, start)
    if opening < len(text) and text[opening] in QUOTES:
        closing = _closing(text, opening)
        if closing > 0:
            raw = text[opening : closing + 1]
            return _without_quotes(raw), raw, closing + 1
    found = _BARE.match(text, start)
    end = found.end() if found else start
    raw = ecmascript.trim(text[start:end])
    return _without_quotes(raw), raw, end


def _closing(text: str, opening: int) -> int:
    """The quote that ends the value, or -1: the first without a backslash if nothing but a comment follows it
    on its line, else the last escaped one before it of which that is true."""
    quote = text[opening]
    plain = _PLAIN_QUOTE[quote].search(text, opening + 1)
    if plain is not None and _ENDS_HERE.match(text, plain.end()):
        return plain.start()
    end = len(text) if plain is None else plain.start()
    best = -1
    for found in _LAST_QUOTE[quote].finditer(text, opening + 1):
        if found.start() >= end:
            break
        best = found.start()
    return best


def _without_quotes(raw: str) -> str:
    if "\u2028" in raw or "\u2029" in raw:
        return _without_quotes_per_line(raw)
    if len(raw) >= 2 and raw[0] in QUOTES and raw[-1] == raw[0]:
        return raw[1:-1]
    return raw


def _without_quotes_per_line(raw: str) -> str:
    """The original strips with a multi-line pattern: pairs of quotes at the ends of lines, each kind once."""
    pieces: list[str] = []
    done = position = 0
    spent: set[str] = set()
    while position < len(raw):
        quote = raw[position]
        if quote in QUOTES and quote not in spent:
            spent.add(quote)
            closing = _last_at_line_end(raw, quote, position)
            if closing > 0:
                pieces += [raw[done:position], raw[position + 1 : closing]]
                done = position = closing + 1
        position = _line_end(raw, position) + 1
    return "".join([*pieces, raw[done:]])


def _last_at_line_end(raw: str, quote: str, opening: int) -> int:
    position = raw.rfind(quote, opening + 1)
    while position >= 0 and not (position + 1 == len(raw) or raw[position + 1] in _LINE_ENDS):
        position = raw.rfind(quote, opening + 1, position)
    return position
