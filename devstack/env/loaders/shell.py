"""`set -a; . ./.env`: what a POSIX shell would export, as far as that can be decided without running it."""

from __future__ import annotations

import re
from itertools import islice
from typing import NoReturn

from devstack.env.loaders import ecmascript
from devstack.env.loaders.definitions import Definitions, Lines, ParsedFile
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading
from devstack.env.loaders.shell_word import NAME, SPECIAL, WORD, MultipliedError, references, text_of
from devstack.env.loaders.statements import Shape, statements
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

_END = r"(?:[ \t]*+;|(?=[ \t]*+(?:\n|\Z)|[ \t]++#))"
# Between statements; names that are exported once more, and `set -a`, change nothing.
_BLANK = (
    rf"(?:[ \t\n]++|\\\n|#[^\n]*+|set -(?:a|o allexport){_END}"
    rf"|export[ \t]++{NAME}(?:[ \t]++{NAME})*+{_END})*+"
)
_SHAPE = Shape(lead=_BLANK, start=r"(?:export[ \t]++)?+", name=NAME, middle="=", value=WORD, end=_END)
_NOTHING = regex(_BLANK)
_EXPORT = regex(r"export[ \t]++")
_SWITCHED_OFF = regex(rf"set \+(?:a|o allexport){_END}")
_ASSIGNMENT = regex(rf"({NAME})=({WORD})")
_NAME_ALONE = regex(rf"{NAME}(?=[ \t;\n]|\Z)")
_GAP = regex(r"(?:[ \t]|\\\n)++")
_STATEMENT_END = regex(r"[ \t]*+(?:;|(?=\n|\Z))|(?<=[ \t])(?=#)")
_LATER = regex(r"(?m)^[ \t]*+(?:export[ \t]++)?([A-Za-z_][A-Za-z0-9_]*+)=([^\n]*+)")
_OPEN = regex(r"(?:[^\"$`\\]++|\\[\s\S]|\$(?![({]))*+\\?\Z")
_MOST = 20_000_000  # characters of all values with references: a chain of them can grow without end


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
        current = {name: text for name, text in request.process.items() if _is_name(name)}
        files: list[ParsedFile] = []
        unknown: str | None = None
        is_off = False
        for path in paths:
            content = reading.content(path)
            if content is None:
                continue
            script = _Script(ecmascript.decode(content), current, is_off=is_off)
            try:
                if unknown is None:
                    script.run()
                else:
                    script.forget()
            except _UndecidedError as reason:
                unknown = f"line {script.line}: {reason}"
                message = f"{reason}: what the shell makes of it is unknown here"
                issue = LoadIssue(path=path, line=script.line, kind="executes", message=message)
                reading.issues.append(issue)
                script.forget()
            except _SyntaxError as reason:
                issue = LoadIssue(path=path, line=script.line, kind="error", message=str(reason), fatal=True)
                reading.issues.append(issue)
                files = []
                break
            is_off = script.is_off
            files.append(ParsedFile(path=path, definitions=script.definitions))
        found = Found(reversed(files))

        def decide(name: str) -> Result:
            return Result(found[name].text) if unknown is None else Result(None, False, unknown)

        return reading.finish(Values(found, Results(found, decide), request.process, references))


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier()


class _Script:
    """One pass over a file.

    Attributes:
        is_off: what is assigned from now on is not exported.
    """

    def __init__(self, text: str, current: dict[str, str], *, is_off: bool) -> None:
        """`current` are the variables of the shell, which it changes."""
        self._text = text
        self._current = current
        self._position = 0
        self._lines = Lines(text)
        self._left = _MOST
        self.is_off = is_off
        self.definitions = Definitions()

    @property
    def line(self) -> int:
        """The 1-based line that is being read."""
        return self._lines.at(self._position)

    def forget(self) -> None:
        """Take what the rest of the file names: a command can have changed it, and all that was read before."""
        start = self._text.rfind("\n", 0, self._position) + 1
        lines, last = Lines(self._text), len(self.definitions) - 1
        before = (self.definitions.names[last], self.definitions.lines[last]) if last >= 0 else None
        for found in _LATER.finditer(self._text, start):
            name, raw = found.groups()
            line = lines.at(found.start(1))
            if (name, line) != before:
                self.definitions.append((name, None, raw, line))

    def run(self) -> None:
        """All statements. Raises _UndecidedError, _SyntaxError."""
        while True:
            if not self.is_off:
                self._take_statements()
            self._take(_NOTHING)
            if self._take(_SWITCHED_OFF):
                self.is_off = True
                continue
            if self._position >= len(self._text):
                return
            if self.is_off:
                raise _UndecidedError("`set +a` in front of other lines")
            self._statement()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def _take_statements(self) -> None:
        """Take statements of one assignment each, as many as follow each other."""
        start, columns, texts = self._position, self.definitions, list[str | None]()
        names, words, lines, end = statements(_SHAPE, self._text, start, self._lines)
        try:
            if SPECIAL.search(self._text, start, end):
                for name, word in zip(names, words, strict=True):
                    self._current[name] = text = self._text_of(word)
                    texts.append(text)
            else:
                texts += words
                self._current.update(zip(names, words, strict=True))
            self._position = end
        except _UndecidedError:
            at = next(islice(_SHAPE.one.finditer(self._text, start), len(texts), None))
            self._position = at.start(2)
            raise
        finally:
            columns.names += names[: len(texts)]
            columns.texts += texts
            columns.raws += words[: len(texts)]
            columns.lines += lines[: len(texts)]

    def _text_of(self, word: str) -> str:
        try:
            text = text_of(word, self._current)
        except MultipliedError:
            raise _UndecidedError("references that multiply a value") from None
        if "$" in word:
            self._left -= len(text)
            if self._left < 0:
                raise _UndecidedError("references that multiply values")
        return text

    def _statement(self) -> None:
        """`A=1 B=2` up to the end of the statement; behind them a command would make them its own.

        `export` expands all its arguments before it sets the first.
        """
        start = self._position
        is_export = self._take(_EXPORT) is not None
        made = {} if is_export else self._current
        while True:
            line, found = self.line, self._take(_ASSIGNMENT)
            if found is not None:
                name, word = found.groups()
                made[name] = text = self._text_of(word)
                self.definitions.append((name, text, word, line))
            elif not (is_export and self._take(_NAME_ALONE)):
                self._refuse(start)
            if self._take(_STATEMENT_END):
                break
            if not self._take(_GAP):
                self._refuse(start)
            if self._take(_STATEMENT_END):
                break
        self._current.update(made)

    def _refuse(self, start: int) -> NoReturn:
        """Say what stands at the position, which is no assignment; the statement began at `start`."""
        character = self._text[self._position : self._position + 1]
        if character == ";" and self._position == start:
            raise _SyntaxError("the shell stops: `;` without a command in front of it")
        is_open = character == "'" and self._text.find("'", self._position + 1) < 0
        if is_open or (character == '"' and _OPEN.match(self._text, self._position + 1)):
            raise _SyntaxError("the shell stops: a quote is never closed")
        if self._position == start:
            raise _UndecidedError("a command")
        raise _UndecidedError("a substitution, a redirection or a home folder")
