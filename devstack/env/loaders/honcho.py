"""honcho 2: each line through a POSIX shell lexer, tokens joined again without the space between them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from devstack.env.loaders import python_text
from devstack.env.loaders.columns import at_once, is_one_string, without_quotes
from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading
from devstack.env.loaders.shell_word import SEGMENT
from devstack.env.loaders.statements import Shape, statements
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

# What the lexer takes for parts of words beside ASCII letters, digits and the underscore.
_LETTERS = "ßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞ"
_WORD = rf"0-9A-Za-z_{_LETTERS}"
_NAME = rf"[A-Za-z_][{_WORD}]*+"
# What `str.splitlines` takes for the end of a line, once `\r` is gone.
_BREAK = "\n\v\f\x1c-\x1e\x85\u2028\u2029"
_QUOTED = rf"'[^'{_BREAK}]*+'|\"(?:[^\"\\{_BREAK}]++|\\[^{_BREAK}])*+\"|\\[^{_BREAK}]"
_PIECE = rf"(?:[^'\"\\#{_BREAK}]++|{_QUOTED})"
_COMMENT = rf"(?:#[^{_BREAK}]*+)?"
# Names alone, and lines where something else than `=` stands behind the first word.
_DROPPED = (
    rf"{_NAME}(?!=[^# \t{_BREAK}])(?:[ \t]*+(?:=[ \t]*+)?+{_COMMENT}(?=[{_BREAK}])"
    rf"|(?:[ \t]++(?=[^=#'\"\\{_BREAK}])|(?=[^{_WORD}=#'\"\\ \t{_BREAK}])){_PIECE}*+{_COMMENT})"
    rf"|(?=[^A-Za-z_#'\"\\ \t{_BREAK}]){_PIECE}*+{_COMMENT}"
)
# Without the space behind it.
_PLAIN = rf"[^'\"\\# \t{_BREAK}]++"
_VALUE = rf"(?:{_PLAIN}(?=[{_BREAK}])|(?:{_PLAIN}|[ \t]++(?![#{_BREAK}]|\Z)|{_QUOTED})++)"


def _between(*lines: str) -> str:
    """Blank lines, comments, and others that need no look."""
    return rf"[ \t{_BREAK}]*+(?:(?:{'|'.join((rf'#[^{_BREAK}]*+', *lines))})[{_BREAK}][ \t{_BREAK}]*+)*+"


def _shape(lead: str) -> Shape:
    return Shape(
        lead=lead,
        name=_NAME,
        equals=r"[ \t]*+=[ \t]*+",
        value=_VALUE,
        end=rf"(?:(?=[{_BREAK}])|[ \t]*+{_COMMENT}(?=[{_BREAK}]|\Z))",
    )


# Of many dropped lines only the first are reported.
_LEADS = {False: _between(), True: _between(_DROPPED)}
_SHAPE = {is_full: _shape(lead) for is_full, lead in _LEADS.items()}
_NOTHING = {is_full: regex(lead) for is_full, lead in _LEADS.items()}
_SIMPLE_LINES = regex(r"(?:[A-Za-z_][A-Za-z0-9_]*+=[!$-&(-\[\]-~]++\n){8,}+")
_LINE = regex(f"([^{_BREAK}]*+)(?:[{_BREAK}]|\\Z)")
_LEXED = regex(rf"{_PIECE}*+")
_TOKEN = regex(rf"((?:[{_WORD}]++|'[^']*+'|\"(?:[^\"\\]++|\\.)*+\"|\\.)++|[^{_WORD}])[ \t]*+")
_FIRST = regex("[A-Za-z_]")
# Stand for a backslash, a quote and space that are no longer special; no decoded text holds them.
_BACKSLASH = "\ud800"
_QUOTE = "\ud801"
_STAND_INS = (("\\\\", _BACKSLASH), ("\\ ", "\ud802"), ("\\\t", "\ud803"))


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
        for file, made in ((file, file.definitions) for file in files):
            for at, text in enumerate(made.texts):
                if "\0" in (text or ""):
                    reading.issues.append(_stops(file.path, made.lines[at], "ValueError: embedded null byte"))
        if any(issue.fatal for issue in reading.issues):
            files = []
        found = Found(reversed(files))
        results = Results(found, lambda name: Result(found[name].text))
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
        nothing = _NOTHING[ignored.is_full].match(text, position)
        position = lines.take_plain(nothing.end() if nothing else position, rows, _SIMPLE_LINES)
        names, values, numbers, position = statements(_SHAPE[ignored.is_full], text, position, lines)
        rows.names += names
        rows.texts += map(_texts(values).__getitem__, values)
        rows.raws += values
        rows.lines += numbers
        line = _LINE.match(text, position)
        if line is None or names:
            continue
        content, number, position = line.group(1), lines.at(position), line.end()
        try:
            found = _assignment(content)
        except _LexError as problem:
            ignored.note(number, "error", f"honcho stops with ValueError: {problem}", fatal=True)
            return Parsed(definitions=Definitions(), notes=ignored.notes)
        if found is None:
            ignored.drop(content, number, "honcho drops this line (`export`, no value, or an odd name)")
        else:
            rows.append((found[0], _mixed(found[1]), found[1].strip(), number))
    return ignored.parsed(rows)


def _assignment(line: str) -> tuple[str, str] | None:
    """The name and the value as written. Raises _LexError."""
    lexed = _LEXED.match(line)
    end = lexed.end() if lexed else 0
    if end < len(line) and line[end] != "#":
        raise _LexError("No escaped character" if _ends_in_escape(line, end) else "No closing quotation")
    start = len(line) - len(line.lstrip(" \t"))
    name = _TOKEN.match(line, start, end)
    equal = _TOKEN.match(line, name.end(), end) if name else None
    if name is None or equal is None or _mixed(equal.group(1)) != "=" or equal.end() == end:
        return None
    text = _mixed(name.group(1))
    return (text, line[equal.end() : end]) if _FIRST.match(text) else None


def _texts(values: Iterable[str]) -> dict[str, str]:
    """What the lexer makes of each different value, which it takes for one or more words."""
    different = set(values)
    quoted = {value for value in different if "'" in value or '"' in value}
    whole = set(filter(is_one_string, quoted))
    made = without_quotes(whole, _unescaped)
    for some, change in ((different - quoted, _bare), (quoted - whole, _mixed)):
        made.update(zip(some, at_once(some, change), strict=True))
    return made


def _unescaped(quote: str, inner: str) -> str:
    """What stands in quotes that hold none of their kind."""
    return _with_breaks(inner if quote == "'" else inner.replace("\\\\", "\\"))


def _bare(text: str) -> str:
    """The text of words without quotes."""
    if "\\" not in text:
        return text.replace(" ", "").replace("\t", "")
    for escaped, stands in _STAND_INS:
        text = text.replace(escaped, stands)
    text = text.replace(" ", "").replace("\t", "").replace("\\", "")
    for escaped, stands in _STAND_INS:
        text = text.replace(stands, escaped[1])
    return _with_breaks(text)


def _mixed(text: str) -> str:
    """The text of words of any kind."""
    segments = SEGMENT.findall(text)
    made = {segment: _segment_text(segment) for segment in dict.fromkeys(segments)}
    return _with_breaks("".join([made[segment] for segment in segments]))


def _with_breaks(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t")


def _segment_text(segment: str) -> str:
    """The text of plain pieces, or of quoted or escaped ones that follow each other."""
    if segment[0] == "'":
        return segment[1:-1].replace("''", "")
    if segment[0] == "\\":
        return segment[1::2]
    if segment[0] != '"':
        return segment.replace(" ", "").replace("\t", "")
    inner = segment[1:-1].replace("\\\\", _BACKSLASH).replace('\\"', _QUOTE).replace('""', "")
    return inner.replace(_QUOTE, '"').replace(_BACKSLASH, "\\")


def _ends_in_escape(line: str, position: int) -> bool:
    """Whether the lexer runs out of text directly behind a backslash that escapes."""
    if line[position] == "\\":
        return True
    rest = line[position:]
    return rest[0] == '"' and (len(rest) - len(rest.rstrip("\\"))) % 2 == 1
