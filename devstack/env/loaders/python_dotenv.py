"""python-dotenv: `load_dotenv()`, and `dotenv_values()` as pydantic-settings uses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from devstack.env.loaders import python_text
from devstack.env.loaders.definitions import ParsedFile
from devstack.env.loaders.outcome import Found, Result, Values
from devstack.env.loaders.reading import Reading
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex
from devstack.records import dataclass

_REFERENCE = regex(r"\$\{([^}:]*)(?::-([^}]*))?\}")
_TRUE = frozenset({"1", "true", "t", "yes", "y"})
LONGEST = 1_200_000  # characters of one value that are worked out
_HARD = 20_000_000  # characters the pattern of references may look at


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonDotenv:
    """`load_dotenv()`: the nearest `.env` upward from the calling file."""

    version: str = "1.2"

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"python-dotenv@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply python-dotenv's rules; of several calls the first wins, unless they override."""
        reading = Reading(request)
        disabled = request.process.get("PYTHON_DOTENV_DISABLED", "").casefold() in _TRUE
        run = _Run(request.process, request.override)
        grammar = python_text.Grammar(current=self.version != "1.1")
        for path in [] if disabled else _paths(request):
            file = reading.parse(path, python_text.decode, grammar.parse)
            if file is not None:
                run.apply(file)
                reading.issues.extend(_unusable(file))
        results = run.results()
        if any(issue.fatal for issue in reading.issues):
            results = {}
        found = Found(reversed(run.files) if request.override else run.files)
        return reading.finish(Values(found, results, request.process, references))


class _Run:
    """What `os.environ` becomes while calls of `load_dotenv` are made one after the other."""

    def __init__(self, process: Mapping[str, str], override: bool) -> None:
        self._initial = process
        self._current = dict(process)
        self._override = override
        self._undecided: dict[str, str] = {}
        self._declared: dict[str, None] = {}
        self.files: list[ParsedFile] = []

    def apply(self, file: ParsedFile) -> None:
        """One call for one file."""
        self.files.append(file)
        made = interpolate(file, self._current, process_wins=not self._override)
        for name, (text, unknown) in made.items():
            self._declared.setdefault(name)
            if (text is None and not unknown) or (name in self._current and not self._override):
                continue
            self._current[name] = text or ""
            if unknown:
                self._undecided[name] = unknown

    def results(self) -> dict[str, Result]:
        """The text of each declared name; names that only a bare `KEY` declares are not set."""
        made: dict[str, Result] = {}
        for name in self._declared:
            if name in self._initial and not self._override:
                made[name] = Result(self._initial[name], True)
            elif name in self._undecided:
                made[name] = Result(None, False, self._undecided[name])
            elif name in self._current:
                made[name] = Result(self._current[name])
        return made


def interpolate(
    file: ParsedFile, process: Mapping[str, str], *, process_wins: bool
) -> dict[str, tuple[str | None, str | None]]:
    """Each name's text after `${…}`, or why it is unknown. References see only what stands before them.

    Args:
        process_wins: in references the exported value beats the file's (`load_dotenv`), else the reverse.
    """
    made: dict[str, tuple[str | None, str | None]] = {}

    def replacement(found: re.Match[str]) -> str:
        name, default = found.groups()
        if name in process and (process_wins or name not in made):
            return process[name]
        text, unknown = made.get(name, (default, None))
        if unknown:
            raise _UnknownError(f"it refers to {name}, which is unknown: {unknown}")
        return text or ""

    for name, text, _, _ in file.definitions:
        unknown = None
        if text is not None and "${" in text:
            try:
                text = _substitute(replacement, text)
            except _UnknownError as problem:
                text, unknown = None, str(problem)
        if text is not None and len(text) > LONGEST:
            text, unknown = None, "its references multiply it beyond a megabyte"
        made[name] = (text, unknown)
    return made


class _UnknownError(Exception):
    """The text cannot be known."""


def _substitute(replacement: object, text: str) -> str:
    if text.count("${") * len(text) > _HARD:
        raise _UnknownError("so many references that working them out takes too long")
    return _REFERENCE.sub(replacement, text)  # type: ignore[call-overload, no-any-return]


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    if text.count("${") * len(text) > _HARD:
        return ()
    return tuple(dict.fromkeys(found.group(1) for found in _REFERENCE.finditer(text)))


def _paths(request: LoadRequest) -> list[Path]:
    """The declared files, or the way up from the folder to the first `.env`."""
    if request.files is not None:
        return list(request.files)
    tried: list[Path] = []
    for folder in (request.folder, *request.folder.parents):
        tried.append(folder / ".env")
        try:
            if request.reader.read(tried[-1]) is not None:
                return tried
        except OSError:
            return tried
    return tried[:1]


def _unusable(file: ParsedFile) -> list[LoadIssue]:
    """Definitions that `os.environ` refuses, at which the program stops."""
    found: list[LoadIssue] = []
    for definition in file.definitions:
        reason = None
        if definition.text is not None and ("\0" in definition.text or "\0" in definition.name):
            reason = "embedded null byte"
        elif definition.text is not None and "=" in definition.name:
            reason = "illegal environment variable name"
        if reason is not None:
            message = f"the program stops with ValueError: {reason}"
            found.append(
                LoadIssue(path=file.path, line=definition.line, kind="error", message=message, fatal=True)
            )
    return found
