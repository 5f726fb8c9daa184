"""What python-dotenv makes of files: for `load_dotenv()`, and for `dotenv_values()` as pydantic-settings uses it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import cast

from devstack.env.loaders import python_text
from devstack.env.loaders.definitions import ParsedFile
from devstack.env.loaders.expansion import MOST_GROWN, because_of
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.patterns import regex

_REFERENCE = regex(r"\$\{([^}:]*)(?::-([^}]*))?\}")
LONGEST = 1_200_000  # characters of one value that are worked out
_HARD = 20_000_000  # characters the pattern of references may look at


def loaded(request: LoadRequest, paths: Iterable[Path], *, current: bool) -> Loaded:
    """What `load_dotenv()` with each of `paths` leads to; of several calls the first wins, unless they override.

    Args:
        current: by the grammar of the newest version.
    """
    reading = Reading(request)
    run = _Run(request.process, request.override)
    grammar = python_text.Grammar(current=current)
    for path in paths:
        file = reading.parse(path, python_text.decode, grammar.parse)
        if file is not None:
            run.apply(file)
            reading.issues.extend(_unusable(file))
    found = Found(reversed(run.files) if request.override else run.files)
    results = run.results(found)
    if any(issue.fatal for issue in reading.issues):
        results = {}
    return reading.finish(Values(found, results, request.process, references))


class _Run:
    """What `os.environ` becomes while calls of `load_dotenv` are made one after the other."""

    def __init__(self, process: Mapping[str, str], override: bool) -> None:
        self._initial = process
        self._set: dict[str, str] = {}
        self._current = ChainMap(self._set, cast("dict[str, str]", process))
        self._override = override
        self._undecided: dict[str, str] = {}
        self.files: list[ParsedFile] = []

    def apply(self, file: ParsedFile) -> None:
        """One call for one file."""
        self.files.append(file)
        made, undecided = interpolate(file, self._current, process_wins=not self._override)
        if not self._override and not all(one.keys().isdisjoint(made) for one in self._current.maps):
            made = {name: text for name, text in made.items() if name not in self._current}
        for name in (self._undecided.keys() & made.keys()) - undecided.keys():
            del self._undecided[name]
        self._undecided.update({name: why for name, why in undecided.items() if name in made})
        if None in made.values():
            made = {name: text or "" for name, text in made.items() if text is not None or name in undecided}
        self._set.update(cast("dict[str, str]", made))

    def results(self, found: Found) -> Mapping[str, Result]:
        """The text of each declared name; names that only a bare `KEY` declares are not set."""
        known: Mapping[str, str] = self._set
        if not found.keys() <= known.keys():
            known = {**self._initial, **known}  # what is exported stays as it is
        names: Collection[str] = found
        if not found.keys() <= known.keys():
            names = dict.fromkeys(name for name in found if name in known)
        return Results(names, self._result, partial(self._texts, known))

    def _texts(self, known: Mapping[str, str], names: Iterable[str]) -> list[str | None]:
        if self._undecided:
            return [None if name in self._undecided else known[name] for name in names]
        return list(map(known.get, names))

    def _result(self, name: str) -> Result:
        if name in self._initial and not self._override:
            return Result(self._initial[name], True)
        unknown = self._undecided.get(name)
        return Result(None if unknown else self._current.get(name), False, unknown)


def interpolate(
    file: ParsedFile, process: Mapping[str, str], *, process_wins: bool
) -> tuple[dict[str, str | None], dict[str, str]]:
    """Each name's text after `${…}`, and why some are unknown. References see only what stands before them.

    Args:
        process_wins: in references the exported value beats the file's (`load_dotenv`), else the reverse.
    """
    made = file.definitions.last_texts()
    undecided: dict[str, str] = {}
    if "${" not in "".join(filter(None, file.definitions.texts)):
        return made, undecided
    made.clear()
    exported, room = dict(process), MOST_GROWN

    def looked_up(name: str, default: str | None) -> str:
        if name in exported and (process_wins or name not in made):
            return exported[name]
        if name in undecided:
            raise _UnknownError(because_of(name, undecided[name]))
        return made.get(name, default) or ""

    for name, text in zip(file.definitions.names, file.definitions.texts, strict=True):
        if undecided:
            undecided.pop(name, None)
        if text is not None and "${" in text:
            try:
                text = _substitute(looked_up, text)
                room -= len(text)
                if room < 0:
                    raise _UnknownError("references make the values of this file too long")
            except _UnknownError as problem:
                text, undecided[name] = None, str(problem)
        made[name] = text
    return made, undecided


class _UnknownError(Exception):
    """The text cannot be known."""


def _substitute(looked_up: Callable[[str, str | None], str], text: str) -> str:
    """`text` with its references replaced. Raises _UnknownError."""
    made, *pieces = text.split("${")
    for piece in pieces:
        inner, closing, rest = piece.partition("}")
        name, operator, default = inner.partition(":-")
        if not closing or ":" in name:
            made = _substitute_unusual(looked_up, text)
            break
        made += looked_up(name, default if operator else None) + rest
    if len(made) > LONGEST:
        raise _UnknownError("its references multiply it beyond a megabyte")
    return made


def _substitute_unusual(looked_up: Callable[[str, str | None], str], text: str) -> str:
    """As `_substitute`, where something is no reference, or its name holds the beginning of another."""
    if text.count("${") * len(text) > _HARD:
        raise _UnknownError("so many references that working them out takes too long")
    return _REFERENCE.sub(lambda found: looked_up(found[1], found[2]), text)


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    if text.count("${") * len(text) > _HARD:
        return ()
    return tuple(dict.fromkeys(found.group(1) for found in _REFERENCE.finditer(text)))


def _unusable(file: ParsedFile) -> list[LoadIssue]:
    """Definitions that `os.environ` refuses, at which the program stops."""
    found: list[LoadIssue] = []
    names = "".join(file.definitions.names)
    if "=" not in names and "\0" not in names + "".join(filter(None, file.definitions.texts)):
        return found
    for name, text, _, line in file.definitions:
        if text is None or not ("\0" in text or "\0" in name or "=" in name):
            continue
        reason = "embedded null byte" if "\0" in text + name else "illegal environment variable name"
        message = f"the program stops with ValueError: {reason}"
        found.append(LoadIssue(path=file.path, line=line, kind="error", message=message, fatal=True))
    return found
