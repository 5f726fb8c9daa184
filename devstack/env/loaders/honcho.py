"""honcho 2: each line through a POSIX shell lexer, tokens joined again without the space between them."""

from __future__ import annotations

import re
from pathlib import Path

from devstack.env.loaders import python_text
from devstack.env.loaders.definitions import VALUE_LINES, Definitions, Ignored, Lines, Parsed
from devstack.env.loaders.outcome import Found, Result, Values
from devstack.env.loaders.reading import Reading
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

# What the lexer takes for parts of words beside ASCII letters, digits and the underscore.
_LETTERS = "ßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞ"
_WORD = f"0-9A-Za-z_{_LETTERS}"
_QUOTED = regex(rf"[ \t]*+([A-Za-z_][{_WORD}]*+)[ \t]*+=[ \t]*+(?:\"([^\"\\]*+)\"|'([^']*+)')[ \t]*+\Z")
_UNQUOTED = regex(rf"[ \t]*+([A-Za-z_][{_WORD}]*+)[ \t]*+=([^'\"\\#]*+)(?:#[^'\"\\]*+)?\Z")
_PIECE = regex(rf"([{_WORD}]+)|(?:''|\"\")++()|'([^']*)'|\"((?:\\.|[^\"\\])*+)\"|((?:\\.)++)", re.DOTALL)
# What `str.splitlines` takes for the end of a line, once `\r` is gone.
_LINE = regex("([^\n\v\f\x1c-\x1e\x85\u2028\u2029]*+)(?:[\n\v\f\x1c-\x1e\x85\u2028\u2029]|\\Z)")
_NOTHING = regex(r"(?:[ \t]*+(?:#[^\n\v\f\x1c-\x1e\x85\u2028\u2029]*+)?\n)++")
_DROPPED = regex(r"(?:[^='\"\\\n]*+(?:=[ \t]*+)?\n)++")
_SPACE = regex(r"[ \t\r\n]*+")
_WITHOUT_SPACE = dict.fromkeys(map(ord, " \t\r\n"))
_SPECIAL = regex(r"['\"\\]")
_ESCAPED = regex(r"\\(.)", re.DOTALL)
_NAME = regex("[A-Za-z_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Honcho:
    """`honcho start`: `.env` of the app's folder, over what is exported."""

    @property
    def pin(self) -> str:
        """The kind."""
        return "honcho"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply honcho's rules; of several files the last wins; a line it cannot lex ends it all."""
        reading = Reading(request)
        paths = list(request.files) if request.files is not None else [request.folder / ".env"]
        files = [
            file for path in paths if (file := reading.parse(path, python_text.decode, parse)) is not None
        ]
        for file in files:
            for text, line in zip(file.definitions.texts, file.definitions.lines, strict=True):
                if "\0" in (text or ""):
                    reading.issues.append(_stops(file.path, line, "ValueError: embedded null byte"))
        if any(issue.fatal for issue in reading.issues):
            files = []
        found = Found(reversed(files))
        results = {name: Result(definition.text) for name, definition in found.items()}
        return reading.finish(Values(found, results, request.process, lambda _: ()))


def _stops(path: Path, line: int, reason: str) -> LoadIssue:
    return LoadIssue(path=path, line=line, kind="error", message=f"honcho stops with {reason}", fatal=True)


class _LexError(Exception):
    """The lexer gives up."""


def parse(text: str) -> Parsed:
    """`honcho.environ.parse`, with an error as a fatal note."""
    rows, ignored = Definitions(), Ignored()
    lines, position = Lines(text), 0
    while position < len(text):
        position = _skipped(text, position, is_noted=ignored.is_full)
        position = lines.take_plain(position, rows, VALUE_LINES)
        line = _LINE.match(text, position)
        if line is None:
            break
        content, number, position = line.group(1), lines.at(position), line.end()
        try:
            found = _assignment(content)
        except _LexError as problem:
            ignored.note(number, "error", f"honcho stops with ValueError: {problem}", fatal=True)
            return Parsed(definitions=Definitions(), notes=ignored.notes)
        if found is None:
            ignored.drop(content, number, "honcho drops this line (`export`, no value, or an odd name)")
            continue
        name, value = found
        raw = content.partition("=")[2].strip()
        rows.append((name, value.replace("\\n", "\n").replace("\\t", "\t"), raw, number))
    return ignored.parsed(rows)


def _skipped(text: str, position: int, *, is_noted: bool) -> int:
    """Behind lines that are nothing; of many dropped ones only the first are reported."""
    found = (_DROPPED if is_noted else _NOTHING).match(text, position)
    return found.end() if found else position


def _assignment(line: str) -> tuple[str, str] | None:
    quoted = _QUOTED.match(line)
    if quoted is not None:
        return quoted[1], quoted[quoted.lastindex or 2]
    if not _SPECIAL.search(line):
        unquoted = _UNQUOTED.match(line)
        value = unquoted[2].translate(_WITHOUT_SPACE) if unquoted else ""
        return (unquoted[1], value) if unquoted and value else None
    tokens = _tokens(line)
    if len(tokens) < 3 or tokens[1] != "=" or not _NAME.match(tokens[0]):
        return None
    return tokens[0], "".join(tokens[2:])


def _tokens(line: str) -> list[str]:
    """`list(shlex.shlex(line, posix=True))`. Raises _LexError where that raises ValueError."""
    tokens: list[str] = []
    position = 0
    while True:
        found = _SPACE.match(line, position)
        position = found.end() if found else position
        if position >= len(line) or line[position] == "#":
            return tokens
        pieces: list[str] = []
        start = position
        while (piece := _PIECE.match(line, position)) is not None:
            word, empty, single, double, escaped = piece.groups()
            if double is not None:
                double = _ESCAPED.sub(_unescaped, double)
            if escaped is not None:
                escaped = escaped[1::2]
            parts = (word, empty, single, double, escaped)
            pieces.append(next(part for part in parts if part is not None))
            position = piece.end()
        if position < len(line) and line[position] in "'\"\\":
            raise _LexError(
                "No escaped character" if _ends_in_escape(line, position) else "No closing quotation"
            )
        if position == start:
            pieces.append(line[position])
            position += 1
        tokens.append("".join(pieces))


def _unescaped(found: re.Match[str]) -> str:
    return found.group(1) if found.group(1) in '"\\' else found.group()


def _ends_in_escape(line: str, position: int) -> bool:
    """Whether the lexer runs out of text directly behind a backslash that escapes."""
    if line[position] == "\\":
        return True
    rest = line[position:]
    return rest[0] == '"' and (len(rest) - len(rest.rstrip("\\"))) % 2 == 1
