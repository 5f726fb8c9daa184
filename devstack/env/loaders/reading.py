"""Reads the files of one request: layers and issues in reading order, and the parsed content."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.env.loaders.definitions import Definition, Parsed, ParsedFile
from devstack.env.loaders.outcome import Result, value
from devstack.env.model import FileLayer, Loaded, LoadIssue, LoadRequest, Value
from devstack.garbage import collected_later

LARGEST = 4_000_000  # bytes; what is larger holds data, not settings, and would cost minutes


class Reading:
    """Reads and parses a list of files for one request, and keeps layers and issues in reading order."""

    def __init__(self, request: LoadRequest) -> None:
        self._request = request
        self.layers: list[FileLayer] = []
        self.issues: list[LoadIssue] = []
        self._bare: list[tuple[Path, Definition]] = []

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
        with collected_later():
            parsed = parser(text)
        self.issues.extend(LoadIssue(path=path, **note._asdict()) for note in parsed.notes)
        self._bare.extend((path, definition) for definition in parsed.bare)
        return ParsedFile(path=path, definitions=parsed.definitions)

    def finish(self, variables: Mapping[str, Value], prefixes: tuple[str, ...] = ()) -> Loaded:
        """What the loader hands over; a name alone on a line shows what the process has under it."""
        survives = not any(issue.fatal and issue.kind != "file-dropped" for issue in self.issues)
        bare: dict[str, Value] = {}
        for path, definition in self._bare if survives else ():
            exported = self._request.process.get(definition.name)
            if exported is not None and definition.name not in variables:
                bare[definition.name] = value([(path, definition)], Result(exported, True), exported)
        if bare:
            variables = {**variables, **bare}
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
            kind, message = "unreadable", f"cannot be read: {reason}"
            if problem.errno == errno.EINVAL:
                kind, message = "unread", "is no regular file, so only the program itself may read it"
            self.issues.append(LoadIssue(path=path, line=None, kind=kind, message=message))
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
