"""Docker Compose's `env_file:` and `.env`, as compose-go reads them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from devstack.env.loaders import ecmascript
from devstack.env.loaders.compose_template import TemplateError, TooLongError, references, substitute
from devstack.env.loaders.definitions import (
    NAMES_ALONE,
    Definitions,
    Lines,
    ParsedFile,
    Row,
    definitions_of,
)
from devstack.env.loaders.outcome import Found, Result, Values
from devstack.env.loaders.python_dotenv import LONGEST
from devstack.env.loaders.reading import Reading
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

# Go's `unicode.IsSpace`, and compose-go's own space without line breaks.
_SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_IN_LINE = "\t\v\f\r \u0085\u00a0"
_NO_STATEMENT = regex(f"(?:[{_SPACE}]++|#[^\n]*+)*+")
_CHARACTERS = r"!%&()*+,\-./0-9:;<>?@A-Z\[\]^_a-z{|}~="
_PLAIN_LINES = regex(rf"(?:[A-Za-z_][A-Za-z0-9_]*+=[{_CHARACTERS}]*+\n){{8,}}+")
_USUAL = regex(rf"([0-9A-Za-z_][0-9A-Za-z_.\-]*+)=(?:([{_CHARACTERS}$]*+)\n|(\"([^\"\\$]*+)\"|'([^'\\]*+)'))")
_BLANK_IN_LINE = regex(f"[{_IN_LINE}]*+")
_EXPORT = regex(r"export(?=[\t\n\f\r ])")
_NAME = regex(f"[0-9A-Za-z_.{_IN_LINE}\\-\\[\\]]*+")
_ESCAPE = regex(r"\\(?:[abcfnrtv$\"\\]|0[0-9]{0,3})")
_MEANING = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}


class _Refused(Exception):  # noqa: N818 - what the program does
    """compose-go gives up the file at `position`."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class Compose:
    """`env_file:` of a service; the file wins over the environment compose runs in."""

    @property
    def pin(self) -> str:
        """The kind."""
        return "compose"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply compose-go's rules; of several files the last wins; one malformed line refuses it all."""
        reading = Reading(request)
        paths = list(request.files) if request.files is not None else [request.folder / ".env"]
        known: dict[str, str] = {}
        results: dict[str, Result] = {}
        files: list[ParsedFile] = []
        for path in paths:
            content = reading.content(path)
            if content is None:
                if not reading.layers[-1].exists:
                    reading.issues.append(_fatal(path, None, "couldn't find env file"))
                continue
            reader = _File(ecmascript.decode(content).removeprefix("\ufeff"), request.process, known)
            try:
                made = reader.read()
            except _Refused as problem:
                reading.issues.append(_fatal(path, reader.line(problem.position), str(problem)))
                continue
            files.append(ParsedFile(path=path, definitions=reader.definitions))
            results.update(made)
            known.update({name: result.text for name, result in made.items() if result.text is not None})
        if any(issue.fatal for issue in reading.issues):
            files, results = [], {}
        return reading.finish(Values(Found(reversed(files)), results, request.process, references))


def _fatal(path: Path, line: int | None, reason: str) -> LoadIssue:
    message = f"compose refuses the file: {reason}"
    return LoadIssue(path=path, line=line, kind="error", message=message, fatal=True)


class _File:
    """One pass over one file: values are expanded where they stand, with what stands before them."""

    def __init__(self, text: str, process: Mapping[str, str], earlier: Mapping[str, str]) -> None:
        self._text = text
        self._process = process
        self._earlier = earlier
        self._made: dict[str, Result] = {}
        self._rows: list[Row] = []
        self._lines = Lines(text)

    @property
    def definitions(self) -> Definitions:
        """What was read so far."""
        return definitions_of(self._rows)

    def line(self, position: int) -> int:
        """The 1-based line of `position`; positions only grow."""
        return self._lines.at(position)

    def read(self) -> dict[str, Result]:
        """All names. Raises _Refused."""
        position = self._statement(0)
        while position < len(self._text):
            usual = _USUAL.match(self._text, position)
            if usual is None:
                position = self._statement(self._binding(position))
                continue
            name, bare, quoted, double, single = usual.groups()
            raw = quoted if bare is None else bare
            made = (
                Result(double if single is None else single)
                if bare is None
                else self._expanded(bare, position)
            )
            self._made[name] = made
            self._rows.append((name, made.text, raw, self.line(position)))
            # Plain lines come in groups, and only they are worth the look.
            position = self._statement(usual.end()) if bare is not None else self._behind_space(usual.end())
        return self._made

    def _behind_space(self, position: int) -> int:
        return _end(_NO_STATEMENT, self._text, position)

    def _statement(self, position: int) -> int:
        """Where the next statement begins that has to be looked at."""
        end = -1
        while end != position:
            end = position = self._behind_space(position)
            taken = len(self._rows)
            position = self._lines.take_plain(position, self._rows, _PLAIN_LINES)
            if position != end:
                self._made.update({name: Result(text) for name, text, _, _ in self._rows[taken:]})
            position = self._behind_names(position)
        return position

    def _behind_names(self, position: int) -> int:
        """Take lines of nothing but names: what exists under them is inherited."""
        found = NAMES_ALONE.match(self._text, position)
        if found is None:
            return position
        names, line = found.group().split(), self.line(position)
        inherited = {name: self._inherited(name) for name in dict.fromkeys(names)}
        made = {name: result for name, result in inherited.items() if result is not None}
        if made:
            self._made.update(made)
            self._rows += [(name, None, None, line + at) for at, name in enumerate(names) if name in made]
        return found.end()

    def _inherited(self, name: str) -> Result | None:
        try:
            text = self._lookup(name)
        except TooLongError:
            return self._made[name]
        return None if text is None else Result(text, name in self._process)

    def _binding(self, start: int) -> int:
        if _EXPORT.match(self._text, start):
            start = _end(_BLANK_IN_LINE, self._text, start + len("export"))
        end = self._name_end(start)
        separator = self._text[end : end + 1]
        # Without `=`, `:` or a newline up to the end, everything is the value of no name.
        name = self._text[start:end].rstrip(_SPACE) if separator else ""
        if " " in name:
            raise _Refused(start, "key cannot contain a space")
        after = _end(_BLANK_IN_LINE, self._text, end + 1 if separator else start)
        if separator == "\n":
            if (inherited := self._inherited(name)) is not None:
                self._rows.append((name, None, None, self.line(start)))
                self._made[name] = inherited
            return after
        line = self.line(start)
        text, raw, position = self._value(after)
        self._rows.append((name, text.text, raw, line))
        self._made[name] = text
        return position

    def _name_end(self, start: int) -> int:
        position = start
        while True:
            position = _end(_NAME, self._text, position)
            if position >= len(self._text) or self._text[position] in "=:\n":
                return position
            character = self._text[position]
            if unicodedata.category(character)[0] not in "LN":
                raise _Refused(position, f"unexpected character {character!r} in a variable name")
            position += 1

    def _value(self, start: int) -> tuple[Result, str, int]:
        quote = self._text[start : start + 1]
        if quote in ("'", '"') and quote:
            return self._quoted(start, quote)
        newline = self._text.find("\n", start)
        end = len(self._text) if newline < 0 else newline
        raw = self._text[start:end].partition(" #")[0].rstrip(_SPACE)
        return self._expanded(raw, start), raw, min(end + 1, len(self._text))

    def _quoted(self, start: int, quote: str) -> tuple[Result, str, int]:
        found = _QUOTED[quote].match(self._text, start)
        if found is None:
            raise _Refused(start, f"unterminated quoted value {quote}…")
        inner = found.group(1)
        if "\\" in inner:
            inner = _PAIR.sub(lambda pair: quote if pair.group()[1:] == quote else pair.group(), inner)
        if quote == "'":
            return Result(inner), found.group(), found.end()
        return self._expanded(_ESCAPE.sub(_unescaped, inner), start), found.group(), found.end()

    def _expanded(self, text: str, position: int) -> Result:
        if "$" not in text:
            return Result(text)
        try:
            made = substitute(text, self._lookup)
            if len(made) > LONGEST:
                return Result(None, False, "its references multiply it beyond a megabyte")
            return Result(made)
        except TemplateError as problem:
            raise _Refused(position, str(problem)) from None
        except (TooLongError, RecursionError):
            return Result(None, False, "references nested too deeply to work out")

    def _lookup(self, name: str) -> str | None:
        if (undecided := self._made.get(name)) is not None and undecided.unknown:
            raise TooLongError
        for place in (self._process, self._earlier):
            if name in place:
                return place[name]
        found = self._made.get(name)
        return None if found is None else found.text


_QUOTED = {
    "'": regex(r"'((?:\\.|[^'\\])*+)'", re.DOTALL),
    '"': regex(r'"((?:\\.|[^"\\])*+)"', re.DOTALL),
}
_PAIR = regex(r"\\.", re.DOTALL)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def _unescaped(found: re.Match[str]) -> str:
    escape = found.group()[1:]
    if escape == "$":
        return "$$"
    if escape[0] == "0":
        octal = escape[1:]
        is_valid = len(octal) == 3 and octal <= "377" and not set(octal) & set("89")
        return chr(int(octal, 8)) if is_valid else "\\" + octal
    return _MEANING.get(escape, found.group())
