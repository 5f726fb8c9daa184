"""`set -a; . ./.env`: what a POSIX shell would export, as far as that can be decided without running it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NoReturn

from devstack.env.loaders import ecmascript
from devstack.env.loaders.definitions import Definitions, Lines, ParsedFile
from devstack.env.loaders.expansion import MOST_GROWN
from devstack.env.loaders.flat import MultipliedError, Remembered
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading
from devstack.env.loaders.shell_word import (
    NAME,
    SIMPLE_WORD,
    WORD,
    fixed_texts,
    references,
    text_of,
)
from devstack.env.loaders.statements import Shape, Statements, statements
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.garbage import collected_later
from devstack.patterns import regex
from devstack.records import dataclass

_END = r"(?:[ \t]*+;|(?=[ \t]*+(?:\n|\Z)|[ \t]++#))"
# One assignment alone: `export` expands all its arguments before it sets the first.
_EXPORTED = rf"(?:export[ \t]++(?={NAME}={WORD}{_END}))?+"
# Between statements; names that are exported once more, and `set -a`, change nothing.
_BLANK = (
    rf"(?:[ \t\n]++|\\\n|#[^\n]*+|set -(?:a|o allexport){_END}"
    rf"|export[ \t]++{NAME}(?:[ \t]++{NAME})*+{_END})*+"
)
_SHAPE = Shape(
    lead=_BLANK, start=_EXPORTED, name=NAME, equals="=", value=WORD, end=rf"(?:{_END}|(?=[ \t]++{NAME}=))"
)
_SIMPLE_LINES = regex(rf"(?:{NAME}={SIMPLE_WORD}\n){{8,}}+")
_NOTHING = regex(_BLANK)
_EXPORT = regex(r"export[ \t]++")
_SWITCHED_OFF = regex(rf"set \+(?:a|o allexport){_END}")
_ASSIGNMENT = regex(rf"({NAME})=({WORD})")
_NAME_ALONE = regex(rf"{NAME}(?=[ \t;\n]|\Z)")
_GAP = regex(r"(?:[ \t]|\\\n)++")
_STATEMENT_END = regex(r"[ \t]*+(?:;|(?=\n|\Z))|(?<=[ \t])(?=#)")
_LATER_START = r"[ \t]*+(?:export[ \t]++)?+"
_LATER = Shape(
    lead=rf"\n?+(?:(?!{_LATER_START}{NAME}=)[^\n]*+\n)*+{_LATER_START}",
    name=NAME,
    equals="=",
    value=r"[^\n]*+",
)
_OPEN = regex(r"(?:[^\"$`\\]++|\\[\s\S]|\$(?![({]))*+\\?\Z")


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
                    with collected_later():
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
        line: where the shell stopped, or something cannot be decided.
        is_off: what is assigned from now on is not exported.
    """

    def __init__(self, text: str, current: dict[str, str], *, is_off: bool) -> None:
        """`current` are the variables of the shell, which it changes."""
        self._text = text
        self._current = current
        self._position = 0
        self._lines = Lines(text)
        self._left = MOST_GROWN
        self.line = 1
        self.is_off = is_off
        self.definitions = Definitions()

    def forget(self) -> None:
        """Take what the file names from `line` on: a command can have changed it, and all that was read before."""
        rest = self._text.split("\n", self.line - 1)[-1]
        names, words, numbers, _ = statements(_LATER, rest, 0, Lines(rest))
        columns, lines = self.definitions, [self.line - 1 + number for number in numbers]
        new = int(bool(names) and columns.lines[-1:] == lines[:1])
        columns.names += names[new:]
        columns.texts += [None] * len(names[new:])
        columns.raws += words[new:]
        columns.lines += lines[new:]

    def run(self) -> None:
        """All statements. Raises _UndecidedError, _SyntaxError."""
        while True:
            self._take(_NOTHING)
            if self._position >= len(self._text):
                return
            if self._take(_SWITCHED_OFF):
                self.is_off = True
            elif self.is_off:
                self.line = self._lines.at(self._position)
                raise _UndecidedError("`set +a` in front of other lines")
            elif not self._take_statements():
                self._statement()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def _take_statements(self) -> bool:
        """Take statements of one assignment each, as many as follow each other; whether there are any."""
        simple = Definitions()
        end = self._lines.take_plain(self._position, simple, _SIMPLE_LINES)
        if simple.names:
            taken = Statements(simple.names, [raw or "" for raw in simple.raws], simple.lines, end)
        else:
            taken = statements(_SHAPE, self._text, self._position, self._lines)
        texts: list[str | None] = []
        try:
            self._set(taken, texts)
        except _UndecidedError:
            self.line = list(taken.lines)[len(texts)]
            raise
        finally:
            columns, size = self.definitions, len(texts)
            columns.names += taken.names[:size]
            columns.texts += texts
            columns.raws += taken.values[:size]
            columns.lines += taken.lines if size == len(taken.names) else list(taken.lines)[:size]
        self._position = taken.end
        return bool(texts)

    def _set(self, taken: Statements, texts: list[str | None]) -> None:
        """Assign all values, and add them to `texts`. Raises _UndecidedError on the way."""
        words, different = taken.values, set(taken.values)
        fixed = fixed_texts(different)
        if len(fixed) == len(different):
            texts += map(fixed.__getitem__, words)
            self._current.update(zip(taken.names, map(fixed.__getitem__, words), strict=True))
            return
        is_repeated = 2 * len(different) < len(words)
        work_out = Remembered(references, text_of).text if is_repeated else text_of
        for name, word in zip(taken.names, words, strict=True):
            text = fixed.get(word)
            if text is None:
                text = self._expanded(word, work_out)
            self._current[name] = text
            texts.append(text)

    def _expanded(self, word: str, work_out: Callable[[str, Mapping[str, str]], str] = text_of) -> str:
        try:
            text = work_out(word, self._current)
        except MultipliedError:
            raise _UndecidedError("references that multiply a value") from None
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
                made[name] = text = self._expanded(word)
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
        self.line = self._lines.at(self._position)
        character = self._text[self._position : self._position + 1]
        if character == ";" and self._position == start:
            raise _SyntaxError("the shell stops: `;` without a command in front of it")
        is_open = character == "'" and self._text.find("'", self._position + 1) < 0
        if is_open or (character == '"' and _OPEN.match(self._text, self._position + 1)):
            raise _SyntaxError("the shell stops: a quote is never closed")
        if self._position == start:
            raise _UndecidedError("a command")
        raise _UndecidedError("a substitution, a redirection or a home folder")
