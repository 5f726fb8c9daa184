"""`util.parseEnv` and `node --env-file`: one grammar of Node 20, another from Node 22 on.

Past releases of both lines are in `node_text_past`.
"""

from __future__ import annotations

import re

from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.env.loaders.statements import Repeated
from devstack.patterns import regex

_QUOTES = "'\"`"
_SPACE_20 = " "
_SPACE_22 = " \t\n"
_NAME_END = regex("[=\n]")
_NO_ASSIGNMENT = "no assignment, so the line is ignored"
_QUOTED = r"\"[^\"]*+\"|'[^']*+'|`[^`]*+`"
_NO_STATEMENT_20 = r"(?:\n|#[^\n]*+\n)*+"  # a comment only where a newline follows
_NO_STATEMENT_22 = r"\n|#[^\n]*+(?:\n|\Z)"
# What stands between assignments, once all that is reported is reported, and before.
_BETWEEN_22 = {
    True: rf"(?:{_NO_STATEMENT_22}|[ \t]*+=(?=[^\n])[ \t\n]*+|[^=\n#][^=\n]*+(?:\n[ \t\n]*+|\Z))*+",
    False: rf"(?:{_NO_STATEMENT_22}|[ \t]++(?:#[^=\n]*+)?+(?:\n[ \t\n]*+|\Z))*+",
}


def _inside(quoted: str) -> str:
    """The text between quotes."""
    return quoted[1:-1].replace("\\n", "\n") if quoted[0] == '"' else quoted[1:-1]


def usual20(letter: str, behind: str = " *+", space: str = " ") -> Repeated:
    """Assignments of Node 20 whose names are made of any `letter` and of `space`.

    Args:
        behind: what is skipped after `=`.
    """
    names = rf"([{space}]*+{letter}++(?:[{space}]++{letter}++)*+)"
    name = rf"[{space}]*+(?:export (?=[{space}]*+[^={space}])|){names}[{space}]*+"
    value = rf"(?:(?![\"'`])([^\n#]*+)|({_QUOTED}))"
    return Repeated(rf"{name}={behind}{value}[^\n]*+{_NO_STATEMENT_20}", _inside)


def _usual22(between: str) -> Repeated:
    """Assignments of Node 22 with what stands `between` them."""
    export = r"(?:export [ \t]*+(?=[^= \t\n][^=\n]*+=[^\n])|)"
    name = rf"[ \t]*+{export}([^= \t\n]++(?:[ \t]++[^= \t\n]++)*+|(?==(?:\n|\Z)))[ \t]*+"
    # Only behind a bare value, Node trims what comes next.
    bare = rf"(?![\"'`])([^\n#]*+)[^\n]*+(?:\n[ \t\n]*+{between}|)"
    closed = rf"({_QUOTED})[^\n]*+(?:\n{between}|)"
    return Repeated(rf"{name}=(?:(?!\n)[ \t\n]*+(?:{bare}|{closed})|\n{between})", _inside)


_USUAL_20 = {True: usual20("[^= ]"), False: usual20(r"[^= \n]")}
_USUAL_22 = {is_full: _usual22(between) for is_full, between in _BETWEEN_22.items()}
_BEGIN_20 = regex(_NO_STATEMENT_20)
_BEGIN_22 = {is_full: regex(between) for is_full, between in _BETWEEN_22.items()}


def parse20(text: str) -> Parsed:
    """Node 20: only spaces are trimmed, a line without `=` becomes part of the next key, `=x` ends it all."""
    text = text.replace("\r", "").strip(_SPACE_20)
    rows, ignored, lines = Definitions(), Ignored(), Lines(text)
    position = 0
    while position < len(text):
        position = _end(_BEGIN_20, text, position)
        usual = _USUAL_20[ignored.is_full]
        position = usual.take(text, position, _SPACE_20, lines=lines, rows=rows)
        equal = text.find("=", position)
        if equal < 0:
            ignored.drop(_line(text, position), lines.at(position), _NO_ASSIGNMENT)
            break
        name = text[position:equal].strip(_SPACE_20)
        if not name and equal > position > 0:
            name = text[position - 1]  # nothing but spaces: Node's trimming runs over its beginning
        line = lines.at(position)
        if "\n" in name and not ignored.is_full:
            ignored.note(line, "next-key-lost", "Node takes this line for the beginning of the next key")
        if not name:
            ignored.note(line, "file-dropped", "Node stops reading at a line without a name")
            break
        try:
            value, raw, position = _value20(text, equal + 1)
        except _NothingError as nothing:
            ignored.note(line, "line-dropped", "a quote that is never closed on the last line")
            position = nothing.position
            continue
        rows.append((name.removeprefix("export "), value, raw, lines.at(equal)))
    return ignored.parsed(rows)


def parse22(text: str) -> Parsed:
    """Node 22 and 24: a value of nothing but spaces takes the next line."""
    text = text.replace("\r", "").rstrip(_SPACE_22)
    rows, ignored, lines = Definitions(), Ignored(), Lines(text)
    position = _behind_space(text, 0)
    while position < len(text):
        position = _end(_BEGIN_22[ignored.is_full], text, position)
        usual = _USUAL_22[ignored.is_full]
        position = usual.take(text, position, _SPACE_22, lines=lines, rows=rows)
        end = _NAME_END.search(text, position)
        if end is None or end.group() == "\n":
            ignored.drop(_line(text, position), lines.at(position), _NO_ASSIGNMENT)
            position = _behind_space(text, _next_line(text, position))
            continue
        name = text[position : end.start()].strip(_SPACE_22)
        is_empty = end.end() == len(text) or text[end.end()] == "\n"
        if not name and not is_empty:
            ignored.note(lines.at(position), "line-dropped", "nothing before `=`, so it is ignored")
            position = _end(_NAMELESS_22, text, position)  # what follows is read as if it began a line
            continue
        if name.startswith("export ") and not is_empty:
            name = name[7:].strip(_SPACE_22)
        value, raw, after = _value22(text, end.end())
        rows.append((name, value, raw, lines.at(end.start())))
        # Behind an empty or a closed quoted value, Node does not trim what comes next.
        is_closed = len(raw) > 1 and raw[0] in _QUOTES and raw[-1] == raw[0]
        position = after if is_empty or is_closed else _behind_space(text, after)
    return ignored.parsed(rows)


def _line(text: str, position: int) -> str:
    return text[position : _newline(text, position, 0)]


def _next_line(text: str, position: int) -> int:
    newline = text.find("\n", position)
    return newline + 1 if newline >= 0 else len(text)


def _behind_space(text: str, position: int) -> int:
    return _end(_SPACE_RUN, text, position)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


_SPACE_RUN = regex("[ \t\n]*+")
_SPACES = regex(" *+")
_NAMELESS_22 = regex("(?:[ \t\n]*+=(?=[^\n]))*+[ \t\n]*+")


def _value20(text: str, start: int) -> tuple[str, str, int]:
    """The value, its raw text and where parsing goes on."""
    found = _SPACES.match(text, start)
    start = found.end() if found else start
    quote = text[start : start + 1]
    if quote and quote in _QUOTES and text.find(quote, start + 1) < 0 and text.find("\n", start) < 0:
        raise _NothingError(start)
    return _value(text, start, _SPACE_20, 0)


class _NothingError(Exception):
    """Node 20 stores nothing, and goes on reading at `position`."""

    def __init__(self, position: int) -> None:
        super().__init__()
        self.position = position


def _value22(text: str, start: int) -> tuple[str, str, int]:
    if text.startswith("\n", start) or start >= len(text):
        return "", "", min(start + 1, len(text))
    return _value(text, _behind_space(text, start), _SPACE_22, 1)


def _value(text: str, start: int, space: str, past: int) -> tuple[str, str, int]:
    """A value at `start`; parsing goes on `past` characters behind the start of its newline."""
    quote = text[start : start + 1]
    is_quoted = quote != "" and quote in _QUOTES
    if is_quoted:
        closing = text.find(quote, start + 1)
        if closing >= 0:
            raw = text[start : closing + 1]
            return _inside(raw), raw, _newline(text, closing + 1, past)
    end = _newline(text, start, 0)
    raw = text[start:end]
    if is_quoted:
        return raw, raw, min(end + past, len(text))
    raw = raw.partition("#")[0].strip(space)
    return raw, raw, min(end + past, len(text))


def _newline(text: str, position: int, past: int) -> int:
    newline = text.find("\n", position)
    return newline + past if newline >= 0 else len(text)
