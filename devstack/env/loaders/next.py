"""`@next/env` 14-16: four files, the strongest first, each parsed and expanded on its own."""

from __future__ import annotations

from pathlib import Path

from devstack.env.loaders import dotenv_text, ecmascript, expand_recursive
from devstack.env.loaders.definitions import ParsedFile
from devstack.env.loaders.expansion import Overflow, Undecided, Work
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading, broken_bytes
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.records import dataclass

PREFIXES = ("NEXT_PUBLIC_",)


def mode_of(request: LoadRequest) -> str:
    """The mode Next is in: it knows three, and `NODE_ENV=test` decides over the command."""
    if request.mode == "test" or request.process.get("NODE_ENV") == "test":
        return "test"
    return "production" if request.mode == "production" else "development"


def file_names(mode: str) -> list[str]:
    """The files of one mode, in reading order; the first definition of a name wins."""
    local = [] if mode == "test" else [".env.local"]
    return [f".env.{mode}.local", *local, f".env.{mode}", ".env"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The loader of `next dev`, `next build` and `next start`."""

    version: str = "16"

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"next@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply Next's rules; exported names that a file declares are expanded and written back."""
        paths = request.files
        if paths is None:
            paths = [request.folder / name for name in file_names(mode_of(request))]
        reading = Reading(request)
        files = [file for path in paths if (file := _parsed(reading, path)) is not None]
        run = _Run(request, reading)
        for file in files:
            run.apply(file)
        found = Found(run.taken)
        made = Values(found, run.results(found), request.process, expand_recursive.references)
        return reading.finish(made, PREFIXES if request.prefixes is None else request.prefixes)


def _parsed(reading: Reading, path: Path) -> ParsedFile | None:
    return reading.parse(path, ecmascript.decode, dotenv_text.parse, broken_bytes)


class _Run:
    """What `process.env` becomes while the files are applied one after the other."""

    def __init__(self, request: LoadRequest, reading: Reading) -> None:
        self._initial = request.process
        self._current = dict(request.process)
        self._defined: dict[str, str] = {}
        self._undecided: dict[str, str] = {}
        self._issues = reading.issues
        self.taken: list[ParsedFile] = []

    def apply(self, file: ParsedFile) -> None:
        """Expand one file against the environment so far; a file that overflows the stack is lost whole."""
        parsed = file.definitions.last_said()
        undecided, current = dict(self._undecided), self._current
        try:
            self._expand(parsed)
        except Overflow:
            self._undecided.clear()
            self._undecided.update(undecided)
            message = (
                "a value refers to itself, so Next prints `Failed to load env` and ignores the whole file"
            )
            self._issues.append(
                LoadIssue(path=file.path, line=None, kind="file-dropped", message=message, fatal=True)
            )
            return
        self.taken.append(file)
        parsed.update({name: ecmascript.as_exported(text) for name, text in parsed.items() if "\0" in text})
        current.update(parsed)
        self._defined = {**parsed, **self._defined}

    def _expand(self, parsed: dict[str, str]) -> None:
        """Expand what a file says, in place; what is exported takes the place of what it says."""
        current, work = self._current, Work(self._undecided)
        sources = parsed
        if not current.keys().isdisjoint(parsed.keys()):
            sources = {name: current.get(name, text) for name, text in parsed.items()}
        texts = {name: text for name, text in sources.items() if "$" in text}
        simple = expand_recursive.simple(texts, current, parsed, self._undecided) if texts else {}
        if len(simple) == len(texts):
            parsed.update({**sources, **simple} if sources is not parsed else simple)
            return
        for name in ecmascript.in_property_order(parsed):
            parsed[name] = simple.get(name, sources[name])
            if name in texts and name not in simple:
                try:
                    parsed[name] = expand_recursive.expand(texts[name], current, parsed, work)
                except Undecided as reason:
                    self._undecided[name] = str(reason)

    def results(self, found: Found) -> Results:
        """The text of each declared name once all files are applied."""
        return Results(found, self._result)

    def _result(self, name: str) -> Result:
        is_exported = name in self._initial
        unknown = self._undecided.get(name)
        if unknown is not None:
            return Result(None, is_exported, unknown)
        return Result(self._current[name] if is_exported else self._defined[name], is_exported)
