"""`uv run --env-file F`: what a shell would do with plain assignments, until the first line that it cannot take."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from devstack.env.loaders.columns import at_once, is_one_string, without_quotes
from devstack.env.loaders.definitions import VALUE_LINES, Definitions, Ignored, Lines, Parsed, ParsedFile
from devstack.env.loaders.expansion import Undecided, Work, because_of
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading
from devstack.env.loaders.shell_word import SEGMENT
from devstack.env.loaders.statements import Shape, Statements, statements
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

# White space as Rust has it: unlike Python's, without U+001C-U+001F.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_IN_LINE = _SPACE.replace("\n", "").replace("\r", "")
_QUOTED = r"\"(?:[^\"\\]++|\\[\s\S])*+\"|'(?:[^'\\]++|\\[\s\S])*+'"
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
# As long as it refers to nothing and escapes nothing.
_FIXED = regex(r"(?:[^\\\"'$ \t]++|'[^'\\]*+'|\"[^\"\\$]*+\")++")
_IN_DOUBLE = regex(
    rf"(?P<plain>[^\\\"$]++)|\\(?P<escaped>.?)|{_REFERENCE}|(?P<double>\")",
    re.DOTALL,
)
# Usual statements: what quotes hold, and whether a backslash is right, is looked at later.
_ALONE = rf"[^{_SPACE}\"'\\]"
_SHAPE = Shape(
    lead=rf"[{_SPACE}]*+(?:#[^\n]*+\n[{_SPACE}]*+)*+",
    start=rf"(?:export[{_IN_LINE}]++(?!=))?+",
    name=r"[A-Za-z_][A-Za-z0-9_.]*+",
    equals=rf"[{_IN_LINE}]*+=[{_IN_LINE}]*+",
    value=rf"(?:(?!#)|(?<==))(?:{_ALONE}++(?=\n)|(?:{_ALONE}++|\\(?:[^{_SPACE}]|\ (?=[^{_SPACE}]))|{_QUOTED})*+)",
    end=r"(?:(?=\n)|[ \t\r]*+(?=\n)|[ \t]#[^\n]*+(?=\n))",
)
_END = regex(r"[ \t]*+(?:#.*+)?\Z", re.DOTALL)
_ESCAPES = {"": "", "\\": "\\", "'": "'", '"': '"', "$": "$", " ": " ", "n": "\n"}
_BACKSLASH = "\ud800"  # stands for one that is no longer special; no decoded text holds it
_REFERENCE_ALONE = regex(r"\$++(?:\{([^}]*+)\}|(?!\{)([^\W_]*+))")
_SPECIAL = regex(r"[\"' \t]")
_ESCAPED = regex(r"(?:[^\\]++|\\[\\'\"$ n])*+\Z|'")
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
            if "\0" in "".join(map(loaded.__getitem__, names)):
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
        self._pieces: dict[str, list[str]] = {}

    def parse(self, text: str) -> Parsed:
        """The definitions; of one name the first one stands last, as the one that counts."""
        rows, ignored, lines = Definitions(), Ignored(), Lines(text)
        position = 0
        try:
            while (position := _end(_NOTHING, text, position)) < len(text):
                position = self._take_usual(text, position, lines, rows)
                position = _end(_NOTHING, text, position)
                if position < len(text):
                    position = self._statement(text, position, lines, rows)
        except _Stops as stopped:
            message = "uv cannot take this line and reads no further: what follows is not loaded"
            ignored.note(stopped.args[0], "file-dropped", message)
        return ignored.parsed(_first_counts(rows))

    def _take_usual(self, text: str, position: int, lines: Lines, rows: Definitions) -> int:
        """Take many statements at once, if they are there; where they end. Raises _Stops."""
        plain = Definitions()
        end = lines.take_plain(position, plain, VALUE_LINES)
        if plain.names:
            fixed = {value: value for value in set(plain.raws) if value}
            self._define(Statements(plain.names, plain.raws, plain.lines, end), rows, fixed)
            return end
        taken = statements(_SHAPE, text, position, lines)
        if taken.names:
            self._define(taken, rows, _texts(taken.values))
        return taken.end

    def _define(self, taken: Statements, rows: Definitions, fixed: Mapping[str, str]) -> None:
        """Define names; `fixed` has texts that are known. Raises _Stops with the line where it stops."""
        texts: list[str] = []
        try:
            if fixed.keys() >= set(taken.values):
                texts += map(fixed.__getitem__, taken.values)
                self.first = dict(zip(reversed(taken.names), reversed(texts), strict=True)) | self.first
                self._latest.update(zip(taken.names, texts, strict=True))
            else:
                self._define_in_turn(taken, fixed, texts)
        except _Stops:
            raise _Stops(list(taken.lines)[len(texts)]) from None
        finally:
            size = len(texts)
            rows.names += taken.names[:size]
            rows.texts += texts
            rows.raws += taken.values[:size]
            rows.lines += taken.lines if size == len(taken.names) else list(taken.lines)[:size]

    def _define_in_turn(self, taken: Statements, fixed: Mapping[str, str], texts: list[str]) -> None:
        """Define names of which some refer to others, and add their texts. Raises _Stops."""
        for name, raw in zip(taken.names, taken.values, strict=True):
            text = fixed.get(raw)
            if text is None:
                text = self._evaluated(name, raw)
            texts.append(text)
            self.first.setdefault(name, text)
            self._latest[name] = text

    def _statement(self, text: str, position: int, lines: Lines, rows: Definitions) -> int:
        """Take the statement at `position`; where the next one begins. Raises _Stops with its line."""
        line = lines.at(position)
        try:
            statement, position = _statement(text, position)
            found = _assignment(statement)
        except _Stops:
            raise _Stops(line) from None
        if found is not None:
            self._define(Statements([found[0]], [found[1]], [line], position), rows, {})
        return position

    def _evaluated(self, name: str, raw: str) -> str:
        if raw.startswith("#"):
            return ""
        self._work.begin()
        try:
            pieces = self._pieces.get(raw)
            if pieces is None:
                pieces = self._pieces[raw] = _flat(raw)
            if not pieces:
                return self._value(raw)
            text = pieces[0]
            for at in range(1, len(pieces), 3):
                text += self._looked_up(pieces[at] or pieces[at + 1] or "") + pieces[at + 2]
            return text
        except Undecided as reason:
            self._undecided[name] = str(reason)
            return ""

    def _value(self, raw: str) -> str:
        made: list[str] = []
        position, pattern = 0, _PIECE
        while position < len(raw):
            if pattern is _PIECE and (run := _FIXED.match(raw, position)):
                made += _without_quotes(run.group())
                position = run.end()
                continue
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


def _texts(values: Iterable[str]) -> dict[str, str]:
    """The texts of usual values that refer to nothing, and hold nothing at which uv stops."""
    different = set(values)
    odd = {value for value in different if "$" in value or "'" in value or '"' in value or "\\" in value}
    plain = different - odd
    made = dict(zip(plain, plain, strict=True))
    made.update(dict.fromkeys((value for value in plain if value[:1] == "#"), ""))
    decided = {value for value in odd if "$" not in value and ("\\" not in value or _ESCAPED.match(value))}
    quoted = {value for value in decided if "'" in value or '"' in value}
    made |= without_quotes(filter(is_one_string, quoted), _unescaped)
    escaped = decided - quoted
    made.update(zip(escaped, at_once(escaped, partial(_unescaped, '"')), strict=True))
    return made


def _without_quotes(run: str) -> list[str]:
    """The pieces of a text in which nothing is special but quotes."""
    pieces = SEGMENT.findall(run)
    made = {
        one: one[1:-1].replace(one[0] * 2, "") if one[0] in "'\"" else one for one in dict.fromkeys(pieces)
    }
    return [made[one] for one in pieces]


def _unescaped(quote: str, inner: str) -> str:
    if quote == "'" or "\\" not in inner:
        return inner
    inner = inner.replace("\\\\", _BACKSLASH).replace("\\n", "\n").replace("\\", "")
    return inner.replace(_BACKSLASH, "\\")


def _flat(raw: str) -> list[str]:
    """Plain text and what it refers to, in braces or not, in turn; nothing where there is something else."""
    is_quoted = raw[:1] == '"' and is_one_string(raw)
    inner = raw[1:-1] if is_quoted else raw
    is_closed = raw.rfind("${") <= raw.rfind("}")
    if not is_closed or "\\" in raw or (not is_quoted and _SPECIAL.search(raw)):
        return []
    pieces = _REFERENCE_ALONE.split(inner)
    if "$" in "".join(pieces[::3]) or (
        is_quoted and len(pieces) > 1 and not pieces[-1] and pieces[-3] is None
    ):
        return []  # a brace is never closed, or a name takes the quote behind it
    return pieces


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
    if len(set(rows.names)) == len(rows):
        return rows
    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(rows.names):
        places[name].append(at)
    order = list(range(len(rows)))
    for listed in places.values():
        if len(listed) > 1:
            for at, other in zip(listed, reversed(listed), strict=True):
                order[at] = other
    made = Definitions()
    made.names += rows.names
    made.texts += map(rows.texts.__getitem__, order)
    made.raws += map(rows.raws.__getitem__, order)
    made.lines += [*map(list(rows.lines).__getitem__, order)]
    return made


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position
