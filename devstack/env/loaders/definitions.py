"""From definitions in files to values with provenance: what all loaders share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from devstack.env.model import (
    FileLayer,
    LayerKind,
    Loaded,
    LoadIssue,
    LoadRequest,
    Origin,
    Shadow,
    Value,
)
from devstack.patterns import regex
from devstack.records import dataclass


class Definition(NamedTuple):
    """One assignment as the program parsed it; a tuple because a large stack has a hundred thousand.

    Attributes:
        text: what the program's parser made of it, before any expansion; None = named but set to nothing.
        raw: as written after the separator, quotes included.
        line: 1-based.
    """

    name: str
    text: str | None
    raw: str | None
    line: int

    def __repr__(self) -> str:
        return f"Definition({self.name!r}, line={self.line})"


NOTED = 200  # ignored lines that are reported per file
BARE_NAME = regex(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*\Z")


class Note(NamedTuple):
    """What the program could not take; becomes a `LoadIssue` of the file."""

    line: int | None
    kind: str
    message: str
    fatal: bool = False


class Lines:
    """Line numbers of rising positions."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line = 1

    def at(self, position: int) -> int:
        """The 1-based line of `position`, not smaller than the last one asked for."""
        if position > self._position:
            self._line += self._text.count("\n", self._position, position)
            self._position = position
        return self._line


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a parser found in one text; `definitions` in the order of the text, duplicates included.

    Attributes:
        bare: names alone on a line, which the program ignores: with text None.
    """

    definitions: Sequence[Definition]
    bare: Sequence[Definition] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParsedFile:
    """One existing file after parsing."""

    path: Path
    definitions: Sequence[Definition]

    def last(self) -> dict[str, Definition]:
        """Each name's last definition, at the place of its first one: how every dictionary behaves."""
        return {definition.name: definition for definition in self.definitions}


Chain = list[tuple[Path, Definition]]


_LONGEST_CHAIN = 100  # definitions of one name that are kept; nobody reads more


def chains(files: Iterable[ParsedFile]) -> dict[str, Chain]:
    """For each name all its definitions, the winning one first; `files` from the strongest to the weakest.

    The names come in the order of the files' text.
    """
    listed = list(files)
    found: dict[str, Chain] = {definition.name: [] for file in listed for definition in file.definitions}
    for file in listed:
        path = file.path
        for definition in reversed(file.definitions):
            chain = found[definition.name]
            if len(chain) < _LONGEST_CHAIN:
                chain.append((path, definition))
    return found


LARGEST = 4_000_000  # bytes; what is larger holds data, not settings, and would cost minutes


class Reading:
    """Reads and parses a list of files for one request, and keeps layers and issues in reading order."""

    def __init__(self, request: LoadRequest) -> None:
        self._request = request
        self.layers: list[FileLayer] = []
        self.issues: list[LoadIssue] = []
        self._bare: Chain = []

    def parse(
        self,
        path: Path,
        decode: Callable[[bytes], str],
        parser: Callable[[str], Parsed],
        check: Callable[[Path, bytes], LoadIssue | None] | None = None,
    ) -> ParsedFile | None:
        """The parsed file; None where it is absent, unreadable or not decodable (then with an issue).

        Args:
            check: looks at the bytes of a file that the program takes whatever they are.
        """
        content = self.content(path)
        if content is None:
            return None
        try:
            text = decode(content)
        except UnicodeDecodeError as problem:
            self.issues.append(undecodable(path, content, problem))
            return None
        if check is not None and (issue := check(path, content)) is not None:
            self.issues.append(issue)
        parsed = parser(text)
        self.issues.extend(LoadIssue(path=path, **note._asdict()) for note in parsed.notes)
        self._bare.extend((path, definition) for definition in parsed.bare)
        return ParsedFile(path=path, definitions=parsed.definitions)

    def finish(self, variables: dict[str, Value], prefixes: tuple[str, ...] = ()) -> Loaded:
        """What the loader hands over; a name alone on a line shows what the process has under it."""
        survives = not any(issue.fatal and issue.kind != "file-dropped" for issue in self.issues)
        for path, definition in self._bare if survives else ():
            exported = self._request.process.get(definition.name)
            if exported is not None and definition.name not in variables:
                variables[definition.name] = value([(path, definition)], Result(exported, True), exported)
        return Loaded(
            variables=variables, layers=tuple(self.layers), issues=tuple(self.issues), prefixes=prefixes
        )

    def content(self, path: Path) -> bytes | None:
        """The bytes of one layer; None where it is absent or unreadable (then with an issue)."""
        try:
            content = self._request.reader.read(path)
        except OSError as problem:
            self.layers.append(FileLayer(path=path, exists=True))
            reason = problem.strerror or type(problem).__name__
            message = f"cannot be read: {reason}"
            self.issues.append(LoadIssue(path=path, line=None, kind="unreadable", message=message))
            return None
        self.layers.append(FileLayer(path=path, exists=content is not None))
        if content is not None and len(content) > LARGEST:
            message = f"has {len(content) // 1_000_000} MB, so it was not looked at"
            self.issues.append(LoadIssue(path=path, line=None, kind="too-large", message=message))
            return None
        return content


def undecodable(path: Path, content: bytes, problem: UnicodeDecodeError) -> LoadIssue:
    """A file that is not UTF-8, for a program that then raises."""
    line = content.count(b"\n", 0, problem.start) + 1
    written = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "not UTF-8"
    message = f"{written}: the program stops with UnicodeDecodeError; save the file as UTF-8"
    return LoadIssue(path=path, line=line, kind="encoding", message=message, fatal=True)


def broken_bytes(path: Path, content: bytes) -> LoadIssue | None:
    """A file that is not UTF-8, for a program that replaces what it cannot decode."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        written = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "not UTF-8"
        message = f"{written}: the program reads U+FFFD in place of what it cannot decode; save it as UTF-8"
        return LoadIssue(path=path, line=line, kind="encoding", message=message)
    return None


class Result(NamedTuple):
    """The text a program ends with; `process` = the exported value was kept (perhaps rewritten)."""

    text: str | None
    process: bool = False
    unknown: str | None = None


NO_SHADOWS: tuple[Shadow, ...] = ()
FROM_PROCESS = Origin(layer=LayerKind.PROCESS)


def value(chain: Chain, result: Result, exported: str | None, references: tuple[str, ...] = ()) -> Value:
    """The value of one name from its definitions, the strongest first, and what the program made of it.

    Args:
        chain: all definitions in files.
        result: the outcome.
        exported: the process environment's text, or None.
        references: names that the effective text refers to.
    """
    if result.process:
        shadows = tuple([_shadow(path, definition) for path, definition in chain])
        return Value(
            text=result.text,
            origin=FROM_PROCESS,
            shadows=shadows,
            references=references,
            unknown=result.unknown,
        )
    path, first = chain[0]
    losers = NO_SHADOWS
    if len(chain) > 1 or exported is not None:
        listed = [_shadow(other, definition) for other, definition in chain[1:]]
        if exported is not None:
            listed.insert(0, Shadow(text=exported, origin=FROM_PROCESS))
        losers = tuple(listed)
    return Value(
        text=result.text,
        origin=Origin(layer=LayerKind.FILE, path=path, line=first.line),
        raw=first.raw,
        shadows=losers,
        references=references,
        unknown=result.unknown,
    )


def _shadow(path: Path, definition: Definition) -> Shadow:
    return Shadow(text=definition.text, origin=Origin(layer=LayerKind.FILE, path=path, line=definition.line))


def values(
    found: Mapping[str, Chain],
    results: Mapping[str, Result],
    process: Mapping[str, str],
    referenced: Callable[[str], tuple[str, ...]],
) -> dict[str, Value]:
    """Values for every name in `results`; `referenced` gives the names a text refers to."""
    made: dict[str, Value] = {}
    for name, result in results.items():
        chain = found[name]
        exported = process.get(name)
        source = exported if result.process else chain[0][1].text
        names = referenced(source) if source is not None and "$" in source else ()
        made[name] = value(chain, result, exported, names)
    return made
