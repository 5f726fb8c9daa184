"""`uv run --env-file F`: what a shell would do with plain assignments, until the first line that it cannot take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from devstack.env.loaders.definitions import VALUE_LINES, Definitions, Ignored, Lines, Parsed, ParsedFile
from devstack.env.loaders.expansion import Undecided, Work, because_of
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

# White space as Rust has it: unlike Python's, without U+001C-U+001F.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_IN_LINE = _SPACE.replace("\n", "").replace("\r", "")
_QUOTED = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'"
# Up to where a line ends, or a comment, or a quote that is never closed; white space hides one character from it.
_STATEMENT = regex(
    rf"(?:[^{_SPACE}\\\"']|\r|[{_IN_LINE}](?:[^\\\"'\n#]|(?=[\\\"'\n]))|\\[^\n]|{_QUOTED})*+", re.DOTALL
)
_BLANK = regex(f"[{_SPACE}]*+")
_NOTHING = regex(rf"(?:[{_IN_LINE}\r]*+(?:#[^\n]*+)?\n)++")
_KEY = regex(rf"([A-Za-z_][A-Za-z0-9_.]*+)[{_SPACE}]*+(=?)[{_SPACE}]*+")
_REFERENCE = r"\$++\{(?P<braced>[^}]*+)\}|\$++(?!\{)(?P<name>[^\W_]*+)(?P<behind>[^$]?)"
_PIECE = regex(
    rf"(?P<plain>[^\\\"'$ \t]++)|(?P<nothing>(?:\"\"|'')++)|'(?P<single>[^']*+)'|\\(?P<escaped>.?)|{_REFERENCE}"
    r"|(?P<double>\")|(?P<space>[ \t])",
    re.DOTALL,
)
_IN_DOUBLE = regex(
    rf"(?P<plain>[^\\\"$]++)|\\(?P<escaped>.?)|{_REFERENCE}|(?P<double>\")",
    re.DOTALL,
)
# Usual statements at once.
_SIMPLE = regex(r"([A-Za-z_][A-Za-z0-9_]*+)=(\"[^\"\\$]*+\"|'[^'\\]*+'|[^\s\"'\\$#]*+)[ \t]*+\n")
_END = regex(r"[ \t]*+(?:#.*+)?\Z", re.DOTALL)
_ESCAPES = {"": "", "\\": "\\", "'": "'", '"': '"', "$": "$", " ": " ", "n": "\n"}
_NAMES = regex(r"(?<!\\)\$\{?([^\W_]+)")


class _Stops(Exception):  # noqa: N818 - what the program does
    """uv reads no further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """`uv run --env-file …`: what is there already stays; of two files the last wins, of two lines the first.

    Attributes:
        version: `0.11` (up to 0.11.16) or `0.12`.
    """

    version: str = "0.12"

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"uv@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply uv's rules; a missing file is an error."""
        reading = Reading(request)
        loaded: dict[str, str] = {}
        undecided: dict[str, str] = {}
        files: list[ParsedFile] = []
        for path in reversed(request.files if request.files is not None else [request.folder / ".env"]):
            reader = _Reader(request.process, loaded if self.version == "0.11" else None, undecided)
            file = reading.parse(path, self._decode, reader.parse)
            if file is not None:
                files.append(file)
                loaded = {**reader.first, **loaded}
            elif not reading.layers[-1].exists:
                reading.issues.append(_stops(path, "missing", f"no environment file found at {path.name}"))
        for path, names in ((file.path, file.definitions.names) for file in files):
            if any("\0" in loaded[name] for name in names):
                reading.issues.append(_stops(path, "error", "a value holds a NUL byte"))
        found = Found(files if not any(issue.fatal for issue in reading.issues) else ())
        process = request.process

        def decide(name: str) -> Result:
            if name in process:
                return Result(process[name], True)
            unknown = undecided.get(name)
            return Result(None if unknown else loaded[name], False, unknown)

        return reading.finish(Values(found, Results(found, decide), process, _references))

    def _decode(self, content: bytes) -> str:
        return content.decode("utf-8-sig" if self.version == "0.11" else "utf-8")


def _stops(path: Path, kind: str, reason: str) -> LoadIssue:
    return LoadIssue(path=path, line=None, kind=kind, message=f"uv stops: {reason}", fatal=True)


def _references(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_NAMES.findall(text)))


class _Reader:
    """Reads one text; a variable is there for the next line as soon as its line is read.

    Attributes:
        first: the text of each name's first definition, which is the one that is loaded.
    """

    def __init__(
        self, process: Mapping[str, str], loaded: Mapping[str, str] | None, undecided: dict[str, str]
    ) -> None:
        """`loaded`: what other files have loaded, where that is seen from here; None where it is not."""
        self._process = process
        self._loaded = loaded
        self._undecided = undecided
        self._latest: dict[str, str] = {}
        self.first: dict[str, str] = {}
        self._work = Work(undecided)

    def parse(self, text: str) -> Parsed:
        """The definitions; of one name the first one stands last, as the one that counts."""
        rows, ignored, lines = Definitions(), Ignored(), Lines(text)
        position = 0
        while (position := _end(_NOTHING, text, position)) < len(text):
            before = len(rows)
            position = lines.take_plain(position, rows, VALUE_LINES)
            for name, value in zip(rows.names[before:], rows.texts[before:], strict=True):
                self._take(name, value or "")
            if len(rows) > before:
                continue
            line = lines.at(position)
            try:
                row, position = self._statement(text, position)
            except _Stops:
                message = "uv cannot take this line and reads no further: what follows is not loaded"
                ignored.note(line, "file-dropped", message)
                break
            if row is not None:
                rows.append((*row, line))
                self._take(row[0], row[1])
        return ignored.parsed(_first_counts(rows))

    def _take(self, name: str, text: str) -> None:
        self.first.setdefault(name, text)
        self._latest[name] = text

    def _statement(self, text: str, position: int) -> tuple[tuple[str, str, str] | None, int]:
        """Name, text and what is written of the statement at `position`, and where the next one begins."""
        simple = _SIMPLE.match(text, position)
        if simple is not None:
            name, raw = simple.groups()
            return (name, raw[1:-1] if raw[:1] in ("'", '"') else raw, raw), simple.end()
        statement, position = _statement(text, position)
        found = _assignment(statement)
        return (None if found is None else (found[0], self._evaluated(*found), found[1])), position

    def _evaluated(self, name: str, raw: str) -> str:
        self._work.begin()
        try:
            return "" if raw.startswith("#") else self._value(raw)
        except Undecided as reason:
            self._undecided[name] = str(reason)
            return ""

    def _value(self, raw: str) -> str:
        made: list[str] = []
        position, pattern = 0, _PIECE
        while position < len(raw):
            found = pattern.match(raw, position)
            if found is None:
                raise _Stops  # a quote or a brace that is never closed
            position = found.end()
            if found.lastgroup == "space":
                if not _END.match(raw, position):
                    raise _Stops
                break
            if found.lastgroup == "double":
                pattern = _IN_DOUBLE if pattern is _PIECE else _PIECE
            else:
                made.append(self._piece(found))
        if pattern is _IN_DOUBLE:
            raise _Stops
        return "".join(made)

    def _piece(self, found: re.Match[str]) -> str:
        """What one part of a value stands for; behind a name the next character is taken as it is."""
        kind = found.lastgroup or ""
        if kind in ("plain", "single"):
            return found.group(kind)
        if kind == "behind":
            return self._looked_up(found.group("name")) + found.group("behind")
        if kind == "braced":
            return self._looked_up(found.group("braced"))
        if kind == "nothing":
            return ""
        if found.group("escaped") not in _ESCAPES:
            raise _Stops
        return _ESCAPES[found.group("escaped")]

    def _looked_up(self, name: str) -> str:
        if name in self._process:
            return self._process[name]
        if name in self._undecided:
            raise Undecided(because_of(name, self._undecided[name]))
        if self._loaded is None:
            text = self._latest.get(name, "")
        else:
            text = self._loaded.get(name, self.first.get(name, ""))
        self._work.spend(len(text))
        return text


def _assignment(statement: str) -> tuple[str, str] | None:
    """Name and what is written; None where nothing is assigned."""
    start = _end(_BLANK, statement, 0)
    if start >= len(statement) or statement[start] == "#":
        return None
    found = _KEY.match(statement, start)
    if found is not None and found[1] == "export" and not found[2]:
        found = _KEY.match(statement, found.end())
    if found is None or not found[2]:
        raise _Stops
    return found[1], statement[found.end() :]


def _statement(text: str, position: int) -> tuple[str, int]:
    """The line at `position`, with the lines that its quotes hold, and where the next one begins.

    Raises:
        _Stops: it never ends: a quote is open, or the file ends in white space or a backslash.
    """
    end = _end(_STATEMENT, text, position)
    at_end, behind = text[end : end + 1], text[end + 1 : end + 2]
    if at_end == "\\" and behind:
        end += 1
    elif at_end and at_end != "\n" and (at_end in "\\\"'" or behind != "#"):
        raise _Stops
    return text[position:end].rstrip(_STRIPPED), text.find("\n", end) + 1 or len(text)


# The longest runs of `_SPACE` are cut off by a set of characters, not by a pattern.
_STRIPPED = _SPACE.replace("\u2000-\u200a", "".join(map(chr, range(0x2000, 0x200B))))


def _first_counts(rows: Definitions) -> Definitions:
    """The definitions of each name in turned order, because everywhere else the last one counts."""
    places: dict[str, list[int]] = {}
    for at, name in enumerate(rows.names):
        places.setdefault(name, []).append(at)
    if len(places) == len(rows):
        return rows
    order = list(range(len(rows)))
    for listed in places.values():
        for at, other in zip(listed, reversed(listed), strict=True):
            order[at] = other
    return Definitions(rows[at] for at in order)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position
