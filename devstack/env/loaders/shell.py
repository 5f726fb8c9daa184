"""`set -a; . ./.env`: what a POSIX shell would export, as far as that can be decided without running it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders import ecmascript
from devstack.env.loaders.definitions import Definition, Lines, ParsedFile, Row, definitions_of
from devstack.env.loaders.outcome import Found, Result, Values
from devstack.env.loaders.python_dotenv import LONGEST
from devstack.env.loaders.reading import Reading
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

_BLANK = regex(r"(?:[ \t\n;]|\\\n)*+(?:#[^\n]*+)?")
_GAP = regex(r"(?:[ \t]|\\\n)++")
_SWITCH = regex(r"set [-+](?:a|o allexport)[ \t]*(?=[;\n]|\Z)")
_EXPORT = regex(r"export[ \t]+(?=[A-Za-z_])")
_NAME_ONLY = regex(r"[A-Za-z_][A-Za-z0-9_]*+(?=[ \t;\n]|\Z)")
_LATER = regex(r"(?m)^[ \t]*+(?:export[ \t]++)?([A-Za-z_][A-Za-z0-9_]*+)=([^\n]*+)")
_ASSIGNMENT = regex(r"([A-Za-z_][A-Za-z0-9_]*+)=")
_REFERENCE = regex(
    r"\$(?:([A-Za-z_][A-Za-z0-9_]*+)|\{([A-Za-z_][A-Za-z0-9_]*+)(?:(:?[-+])([^{}$`\\'\"]*+))?\})"
)
_PLAIN_LINES = regex(r"(?:[A-Za-z_][A-Za-z0-9_]*+=[!%+,\-./0-9:@A-Z\[\]^_a-z{}*?=]*+\n){8,}+")
_USUAL = regex(
    r"(?:export )?+([A-Za-z_][A-Za-z0-9_]*+)="
    r"""([!%+,\-./0-9:@A-Z\[\]^_a-z{}*?=]*+|"[^"$`\\]*+"|'[^']*+')(?=[ \t]*+(?:\n|\Z))"""
)
_EMPTIES = regex(r"(?:''|\"\")++")
_ESCAPES = regex(r"(?:\\[^\n])++")
_INSIDE_DOUBLE = regex(r'(?:[^"$`\\]++|\\.)++', re.S)
_ESCAPED = regex(r'\\(?:\n|([$`"\\]))')
_PLAIN = regex(r"[^\s'\"\\$`;&|<>()~]++")
_END = regex(r"[ \t\n;]|\Z")
_NAMES = regex(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


class _UndecidedError(Exception):
    """From here on only a running shell can tell."""


class _SyntaxError(Exception):
    """The shell stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A file that a shell reads; its values win over what is exported."""

    @property
    def pin(self) -> str:
        """The kind."""
        return "shell"

    def load(self, request: LoadRequest) -> Loaded:
        """Follow plain assignments; behind anything else every value is unknown. Nothing is executed."""
        reading = Reading(request)
        paths = list(request.files) if request.files is not None else [request.folder / ".env"]
        current, results = dict(request.process), dict[str, Result]()
        files: list[ParsedFile] = []
        for path in paths:
            content = reading.content(path)
            if content is None:
                continue
            script = _Script(ecmascript.decode(content), current)
            try:
                script.run()
            except _UndecidedError as reason:
                message = f"{reason}: what the shell makes of it is unknown here"
                reading.issues.append(
                    LoadIssue(path=path, line=script.line, kind="executes", message=message)
                )
                script.forget(f"line {script.line}: {reason}")
            except _SyntaxError as reason:
                issue = LoadIssue(path=path, line=script.line, kind="error", message=str(reason), fatal=True)
                reading.issues.append(issue)
                continue
            files.append(ParsedFile(path=path, definitions=script.definitions))
            results.update(script.made)
            current.update({name: one.text for name, one in script.made.items() if one.text is not None})
        found = Found(reversed(files))
        return reading.finish(Values(found, results, request.process, references))


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    return tuple(dict.fromkeys(_NAMES.findall(text)))


class _Script:
    """One pass over a file."""

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._current = dict(environment)
        self._position = 0
        self._lines = Lines(text)
        self._rows: list[Row] = []
        self.made: dict[str, Result] = {}

    @property
    def line(self) -> int:
        """The 1-based line that is being read."""
        return self._lines.at(self._position)

    @property
    def definitions(self) -> list[Definition]:
        """What was read so far."""
        return definitions_of(self._rows)

    def forget(self, reason: str) -> None:
        """Every value becomes unknown: a command can have changed any of them, and those below."""
        start = self._text.rfind("\n", 0, self._position) + 1
        lines = Lines(self._text)
        for found in _LATER.finditer(self._text, start):
            name, raw = found.groups()
            line = lines.at(found.start(1))
            if not any((row[0], row[3]) == (name, line) for row in self._rows[-1:]):
                self._rows.append((name, None, raw, line))
            self.made[name] = Result(None)
        self.made = {name: Result(None, False, reason) for name in self.made}

    def run(self) -> None:
        """All statements. Raises _UndecidedError, _SyntaxError."""
        is_bare = True  # plain lines come in groups, and only they are worth the look
        while self._skipped() < len(self._text):
            if is_bare and self._take_plain():
                continue
            usual = self._take(_USUAL)
            is_bare = usual is None or usual.group(2)[:1] not in ("'", '"')
            if usual is not None:
                self._take_usual(usual, is_bare=is_bare)
                continue
            if self._take(_SWITCH):
                continue
            is_export = self._take(_EXPORT) is not None
            start = self._position
            self._assignments(is_export=is_export)
            if self._position == start:
                raise _UndecidedError("a command")

    def _take_plain(self) -> bool:
        """Take many plain lines at once."""
        taken, start = len(self._rows), self._position
        self._position = self._lines.take_plain(start, self._rows, _PLAIN_LINES)
        if self._position == start:
            return False
        rows = self._rows[taken:]
        self.made.update({name: Result(text) for name, text, _, _ in rows})
        self._current.update({name: text for name, text, _, _ in rows if text is not None})
        return True

    def _take_usual(self, found: re.Match[str], *, is_bare: bool) -> None:
        name, raw = found.groups()
        self._current[name] = text = raw if is_bare else raw[1:-1]
        self.made[name] = Result(text)
        self._rows.append((name, text, raw, self._lines.at(found.start(1))))

    def _skipped(self) -> int:
        start = -1
        while start != self._position:
            start = self._position
            self._take(_BLANK)
        return self._position

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def _assignments(self, *, is_export: bool) -> None:
        """`A=1 B=2` up to the end of the statement; behind them a command would make them its own.

        `export` expands all its arguments before it sets the first.
        """
        made: dict[str, str] = {} if is_export else self._current
        try:
            self._assigned(made, is_export=is_export)
        finally:
            self._current.update(made)

    def _assigned(self, current: dict[str, str], *, is_export: bool) -> None:
        while True:
            found = self._take(_ASSIGNMENT)
            if found is None:
                if is_export and self._take(_NAME_ONLY):
                    self._take(_GAP)
                    continue
                if _END.match(self._text, self._position):
                    return
                raise _UndecidedError("a command")
            start, line = self._position, self.line
            text = self._word(self._current)
            if len(text) > LONGEST:
                raise _UndecidedError("references that multiply a value")
            raw = self._text[start : self._position]
            self._rows.append((found.group(1), text, raw, line))
            self.made[found.group(1)] = Result(text)
            current[found.group(1)] = text
            if not self._take(_GAP) or self._text.startswith("#", self._position):
                return

    def _word(self, known: Mapping[str, str]) -> str:
        pieces: list[str] = []
        while not _END.match(self._text, self._position):
            pieces.append(self._piece(known))
        return "".join(pieces)

    def _piece(self, known: Mapping[str, str]) -> str:
        plain = self._take(_PLAIN)
        if plain is not None:
            return plain.group()
        character = self._text[self._position]
        if character == "$":
            return self._reference(known)
        if character == "\\" and (escapes := self._take(_ESCAPES)):
            return escapes.group()[1::2]
        if character in "'\"" and self._take(_EMPTIES):
            return ""
        if character == "'":
            return self._until("'")
        if character == '"':
            return self._double(known)
        if character == "\\":
            self._position += 2
            escaped = self._text[self._position - 1 : self._position]
            return "" if escaped == "\n" else escaped
        if character.isspace():  # a carriage return stays in the value
            self._position += 1
            return character
        raise _UndecidedError("a substitution, a redirection or a home folder")

    def _until(self, quote: str) -> str:
        end = self._text.find(quote, self._position + 1)
        if end < 0:
            raise _SyntaxError("the shell stops: a quote is never closed")
        inner = self._text[self._position + 1 : end]
        self._position = end + 1
        return inner

    def _double(self, known: Mapping[str, str]) -> str:
        pieces: list[str] = []
        self._position += 1
        while True:
            inner = self._take(_INSIDE_DOUBLE)
            character = self._text[self._position : self._position + 1]
            if character in ("", "\\"):
                raise _SyntaxError("the shell stops: a quote is never closed")
            text = inner.group() if inner else ""
            pieces.append(_ESCAPED.sub(r"\1", text) if "\\" in text else text)
            if character == '"':
                self._position += 1
                return "".join(pieces)
            if character == "`":
                raise _UndecidedError("a command substitution")
            pieces.append(self._reference(known))

    def _reference(self, known: Mapping[str, str]) -> str:
        found = self._take(_REFERENCE)
        if found is None:
            follows = self._text[self._position + 1 : self._position + 2]
            if not follows or follows in " \t\n;\"'\\/.,:=%+]}^":
                if follows in ("'", '"'):
                    raise _UndecidedError("a quoting that only some shells know")
                self._position += 1
                return "$"
            raise _UndecidedError("a substitution")
        name, operator, argument = found.group(1) or found.group(2), found.group(3), found.group(4) or ""
        value = known.get(name)
        if operator is None:
            return value or ""
        is_there = value is not None and not (operator.startswith(":") and value == "")
        if operator.endswith("-"):
            return (value or "") if is_there else argument
        return argument if is_there else ""
