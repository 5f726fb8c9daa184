"""Docker Compose's `env_file:` and `.env`, as compose-go reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import compress, count
from pathlib import Path

from devstack.env.loaders import ecmascript
from devstack.env.loaders.columns import without_quotes
from devstack.env.loaders.compose_template import (
    TemplateError,
    all_substituted,
    references,
    substitute,
)
from devstack.env.loaders.definitions import NAMES_ALONE, Definitions, Lines, ParsedFile
from devstack.env.loaders.expansion import MOST_GROWN
from devstack.env.loaders.flat import FEW, MultipliedError, Remembered
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading
from devstack.env.loaders.statements import FEW_NAMES, Shape, Statements, statements
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.garbage import collected_later
from devstack.patterns import regex
from devstack.records import dataclass

# Go's `unicode.IsSpace`, and compose-go's own space without line breaks.
_SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_SPACE_IN_LINE = _SPACE.replace("\n", "")
_IN_LINE = "\t\v\f\r \u0085\u00a0"
_BLANK = f"(?:[{_SPACE}]++|#[^\n]*+)*+"
_EXPORTED = f"(?:export[\t\f\r ][{_IN_LINE}]*+)?+"
_NAME = r"[\w.\-\[\]]++"
_QUOTED = r"""(?:"(?:[^"\\]++|\\[\s\S])*+"|'(?:[^'\\]++|\\[\s\S])*+')"""
# Up to the space at the end of the line, or in front of ` #`.
_BARE = rf"(?!['\"])[^{_SPACE}]*+(?:[{_SPACE_IN_LINE}]++(?!\n|\Z|(?<= )#)[^{_SPACE}]++)*+"
_VALUE = f"(?:{_QUOTED}|{_BARE})"
_SHAPE = Shape(
    lead=_BLANK,
    start=rf"{_EXPORTED}(?!export[\t\n\f\r ])",
    name=_NAME,
    equals=f"[{_IN_LINE}]*+[=:][{_IN_LINE}]*+",
    value=_VALUE,
    alone=rf"[{_IN_LINE}]*+(?=\n){FEW_NAMES}",
)
_SIMPLE_LINES = regex(r"(?:[A-Za-z_][A-Za-z0-9_]*+=(?:[!#-&(-~][!-~]*+)?+\n){8,}+")
_NOTHING = regex(_BLANK)
_BLANK_IN_LINE = regex(f"[{_IN_LINE}]*+")
_EXPORT = regex(r"export(?=[\t\n\f\r ])")
_NAME_PART = regex(rf"[\w.{_IN_LINE}\-\[\]]*+")
_OCTAL = regex(r"\\0([0-9]{0,3})")
_ONE_VALUE = regex(_VALUE)
_QUOTES = frozenset("'\"")
_MEANING = {
    "\\a": "\a",
    "\\b": "\b",
    "\\f": "\f",
    "\\n": "\n",
    "\\r": "\r",
    "\\t": "\t",
    "\\v": "\v",
    "\\$": "$$",
}
_BACKSLASH = "\ud800"  # stands for one that is no longer special; no decoded text holds it


class _Refused(Exception):  # noqa: N818 - what the program does
    """compose-go gives up the file in `line`."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


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
        files: list[ParsedFile] = []
        scope = _Scope(request.process)
        for path in paths:
            content = reading.content(path)
            if content is None:
                if not reading.layers[-1].exists:
                    reading.issues.append(_fatal(path, None, "couldn't find env file"))
                continue
            reader = _File(ecmascript.decode(content).removeprefix("\ufeff"), scope)
            try:
                with collected_later():
                    reader.read()
            except _Refused as problem:
                reading.issues.append(_fatal(path, problem.line, str(problem)))
                continue
            files.append(ParsedFile(path=path, definitions=reader.definitions))
        if any(issue.fatal for issue in reading.issues):
            files = []
        found = Found(reversed(files))

        def decide(name: str) -> Result:
            _, text, raw, _ = found[name]
            if text is None:
                return Result(None, False, scope.unknown[name])
            return Result(text, raw is None and name in request.process)

        return reading.finish(Values(found, Results(found, decide), request.process, references))


def _fatal(path: Path, line: int | None, reason: str) -> LoadIssue:
    message = f"compose refuses the file: {reason}"
    return LoadIssue(path=path, line=line, kind="error", message=message, fatal=True)


class _Scope:
    """What references find: what is exported, then what was read so far.

    Attributes:
        known: texts by name.
        unknown: names whose text cannot be worked out, with the reason.
    """

    def __init__(self, process: Mapping[str, str]) -> None:
        self.known = dict(process)
        self.unknown: dict[str, str] = {}
        self._process = process
        self._left = MOST_GROWN

    def put(self, name: str, text: str) -> None:
        """Define a name."""
        if name not in self._process:
            self.known[name] = text
        if self.unknown:
            self.unknown.pop(name, None)

    def put_all(self, names: Sequence[str], texts: Iterable[str]) -> None:
        """Define many names."""
        self.known.update(zip(names, texts, strict=True))
        self.known.update(self._process)
        for name in self.unknown.keys() & set(names) if self.unknown else ():
            del self.unknown[name]

    def has_none_of(self, names: Collection[str]) -> bool:
        """Whether there is nothing under these names."""
        return self.known.keys().isdisjoint(names) and self.unknown.keys().isdisjoint(names)

    def all_expanded(self, taken: Statements, parts: Mapping[str, str]) -> Mapping[str, str]:
        """`parts` of `taken` with their references resolved, if they refer to none of its names; else nothing."""
        if len(parts) <= FEW or self.unknown:
            return {}
        if not set(references("\n".join(parts.values()))).isdisjoint(taken.names):
            return {}
        made = dict(zip(parts, all_substituted(parts.values(), self.known), strict=False))
        left = self._left - sum([len(made[value]) for value in taken.values if value in made])
        if left < 0:
            return {}
        self._left = left
        return made

    def hide(self, name: str, reason: str) -> None:
        """Define a name whose text cannot be worked out."""
        if name not in self._process:
            self.known.pop(name, None)
        self.unknown[name] = reason

    def expanded(self, name: str, text: str, work_out: Callable[[str, Mapping[str, str]], str]) -> str | None:
        """Define `name` as `text` with its references resolved; None = unknown. Raises TemplateError."""
        if self.unknown:
            hidden = (one for one in references(text) if one in self.unknown and one not in self._process)
            if other := next(hidden, None):
                self.hide(name, f"it refers to {other}, which is unknown")
                return None
        try:
            made = work_out(text, self.known)
        except MultipliedError:
            self.hide(name, "its references are nested too deeply, or multiply it beyond a megabyte")
            return None
        self._left -= len(made)
        if self._left < 0:
            self.hide(name, "references make the values of this file too long")
            return None
        self.put(name, made)
        return made


class _File:
    """One pass over one file: values are expanded where they stand, with what stands before them."""

    def __init__(self, text: str, scope: _Scope) -> None:
        self._text = text
        self._scope = scope
        self._position = 0
        self._lines = Lines(text)
        self.definitions = Definitions()

    def read(self) -> None:
        """All statements. Raises _Refused."""
        while True:
            self._take(_NOTHING)
            if self._position >= len(self._text):
                return
            if not (self._take_names() or self._take_simple() or self._take_statements()):
                self._binding()

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        if found is None:
            return ""
        self._position = found.end()
        return found.group()

    def _take_names(self) -> bool:
        """Take many names without a value: each inherits what exists under it, and its last line is kept."""
        found = NAMES_ALONE.match(self._text, self._position)
        if found is None:
            return False
        first = self._lines.at(self._position)
        for name, line in dict(zip(found.group().split(), count(first))).items():
            self._inherit(name, line)
        self._position = found.end()
        return True

    def _take_simple(self) -> bool:
        """Take many lines without quotes, space and comments."""
        simple = Definitions()
        end = self._lines.take_plain(self._position, simple, _SIMPLE_LINES)
        if simple.names:
            self._define(Statements(simple.names, simple.raws, simple.lines, end))
        return bool(simple.names)

    def _take_statements(self) -> bool:
        """Take statements as they usually are, as many as follow each other."""
        taken = statements(_SHAPE, self._text, self._position, self._lines)
        if taken.names:
            self._define(taken)
        return bool(taken.names)

    def _define(self, taken: Statements) -> None:
        """Define names; `taken.end` is the new position."""
        columns, self._position = self.definitions, taken.end
        taken = self._without_unset(taken)
        parts = without_quotes(taken.values, _unescaped)
        fixed = {value: text for value, text in parts.items() if "$" not in text or value[0] == "'"}
        if len(fixed) < len(parts):
            fixed |= self._scope.all_expanded(taken, {one: parts[one] for one in parts.keys() - fixed.keys()})
        if len(fixed) < len(parts) or None in taken.values:
            taken, texts = self._define_in_turn(taken, parts, fixed)
        else:
            texts = list(map(fixed.get, taken.values))
            self._scope.put_all(taken.names, map(fixed.__getitem__, taken.values))
        columns.names += taken.names
        columns.texts += texts
        columns.raws += taken.values
        columns.lines += taken.lines

    def _without_unset(self, taken: Statements) -> Statements:
        """Without names that stand alone, if there is nothing under any of them."""
        is_set = [value is not None for value in taken.values]
        alone = {name for name, has_value in zip(taken.names, is_set, strict=True) if not has_value}
        if not alone or not (
            self._scope.has_none_of(alone) and alone.isdisjoint(compress(taken.names, is_set))
        ):
            return taken
        return _only(taken, is_set)

    def _define_in_turn(
        self, taken: Statements, parts: Mapping[str, str], fixed: Mapping[str, str]
    ) -> tuple[Statements, list[str | None]]:
        """Define names of which some refer to others, or stand alone; `fixed` are the texts without references.

        Gives the statements that define something, and their texts.
        """
        scope, texts, is_set = self._scope, list[str | None](), [True] * len(taken.names)
        is_repeated = 2 * len(parts) < len(taken.values)
        work_out = Remembered(references, substitute).text if is_repeated else substitute
        for name, value in zip(taken.names, taken.values, strict=True):
            text = fixed.get(value)
            if text is not None:
                scope.put(name, text)
            elif value is None:
                text = scope.known.get(name)
                is_set[len(texts)] = text is not None or name in scope.unknown
            else:
                try:
                    text = scope.expanded(name, parts[value], work_out)
                except TemplateError as problem:
                    raise _Refused(list(taken.lines)[len(texts)], str(problem)) from None
            texts.append(text)
        if all(is_set):
            return taken, texts
        return _only(taken, is_set), list(compress(texts, is_set))

    def _inherit(self, name: str, line: int) -> None:
        """Define a name that stands alone, if there is something under it."""
        if name in self._scope.known:
            self.definitions.append((name, self._scope.known[name], None, line))
        elif name in self._scope.unknown:
            self.definitions.append((name, None, None, line))

    def _binding(self) -> None:
        """Take a statement that does not look like others."""
        line = self._lines.at(self._position)
        if self._take(_EXPORT):
            self._take(_BLANK_IN_LINE)
            if self._position >= len(self._text):
                raise _Refused(line, "nothing follows `export`")
        start = self._position
        name = self._take(_NAME_PART)
        separator = self._text[self._position : self._position + 1]
        if separator and separator not in "=:\n":
            raise _Refused(line, f"unexpected character {separator!r} in a variable name")
        name = name.rstrip(_SPACE)
        if " " in name and separator:
            raise _Refused(line, "key cannot contain a space")
        self._position += 1
        if not separator:  # everything is the value of no name
            name, self._position = "", start
        self._take(_BLANK_IN_LINE)
        if separator == "\n":
            self._inherit(name, line)
            return
        raw = self._take(_ONE_VALUE)
        if not raw and self._text[self._position : self._position + 1] in _QUOTES:
            raise _Refused(self._lines.at(self._position), "a quote is never closed")
        self._define(Statements([name], [raw], [line], self._position))


def _only(taken: Statements, is_wanted: Sequence[bool]) -> Statements:
    names, values, lines = (list(compress(column, is_wanted)) for column in taken[:3])
    return Statements(names, values, lines, taken.end)


def _unescaped(quote: str, inner: str) -> str:
    """What stands in quotes, with what its escapes mean."""
    if "\\" not in inner:
        return inner
    inner = inner.replace("\\\\", _BACKSLASH).replace(f"\\{quote}", quote)
    if quote == "'":
        return inner.replace(_BACKSLASH, "\\\\")
    if "\\0" in inner:
        inner = _OCTAL.sub(_octal, inner)
    for escape, meaning in _MEANING.items():
        inner = inner.replace(escape, meaning)
    return inner.replace(_BACKSLASH, "\\")


def _octal(found: re.Match[str]) -> str:
    digits = found.group(1)
    is_valid = len(digits) == 3 and digits <= "377" and not set(digits) & set("89")
    made = chr(int(digits, 8)) if is_valid else "\\" + digits
    return made.replace("\\", _BACKSLASH)
