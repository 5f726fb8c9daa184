"""dotenv 16-18, alone or followed by dotenv-expand."""

from __future__ import annotations

from pathlib import Path

from devstack.env.loaders import dotenv_text, ecmascript, expand_callback, expand_loop, expand_primitives
from devstack.env.loaders.expansion import Endless, Overflow, fatal
from devstack.env.loaders.outcome import Chain, Found, Result, Results, Values, kept
from devstack.env.loaders.reading import Reading, broken_bytes
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dotenv:
    """`dotenv.config()`: `.env` of the current folder; what is exported stays, unless `override`."""

    version: int = 18

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"dotenv@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply dotenv's rules; of several files the first wins, with `override` the last."""
        reading = Reading(request)
        found = _read(reading, request)
        results = kept(found, {} if request.override else request.process)
        return reading.finish(Values(found, results, request.process, lambda _: ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class DotenvExpand:
    """`dotenvExpand.expand(dotenv.config())`: then references are resolved, also in kept exported values."""

    version: int = 13

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"dotenv-expand@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply dotenv's rules and then those of this dotenv-expand."""
        reading = Reading(request)
        found = _read(reading, request)
        parsed = found.texts()
        process = dict(parsed)
        process.update((name, ecmascript.as_exported(text)) for name, text in parsed.items() if "\0" in text)
        process = {**request.process, **process} if request.override else {**process, **request.process}
        try:
            if self.version >= 1000:
                outcome = expand_primitives.expand_all(parsed, process)
                undecided = dict(outcome.reasons)
                reading.issues.extend(_executes(name, found.chain(name)) for name in outcome.executes)
            elif self.version < 12:
                undecided = expand_callback.expand_all(parsed, process, keeps_self=False)
            else:
                undecided = expand_loop.expand_all(parsed, process, sees_later=False)
        except (Overflow, Endless) as problem:
            where = found.chain(next(iter(found)))[0][0]
            reading.issues.append(fatal(problem, where, "dotenv-expand"))
            found = Found()

        def decide(name: str) -> Result:
            unknown = undecided.get(name)
            stays = self._stays(name, found[name].text, request)
            return Result(None if unknown else parsed[name], stays, unknown)

        referenced = expand_callback.references if self.version < 12 else expand_loop.references
        return reading.finish(Values(found, Results(found, decide), request.process, referenced))

    def _stays(self, name: str, written: str | None, request: LoadRequest) -> bool:
        """Whether the program keeps what is exported."""
        exported = request.process.get(name)
        if request.override or exported is None or exported == written:
            return False
        return exported != "" or self.version < 12  # from 12 on, an empty one is taken for none


def _executes(name: str, chain: Chain) -> LoadIssue:
    path, definition = chain[0]
    message = f"{name}: dotenv-expand 1000 runs the command in `$(…)`; its value is unknown here"
    return LoadIssue(path=path, line=definition.line, kind="executes", message=message)


def _read(reading: Reading, request: LoadRequest) -> Found:
    paths: list[Path] = list(request.files) if request.files is not None else [request.folder / ".env"]
    files = [
        file
        for path in paths
        if (file := reading.parse(path, ecmascript.decode, dotenv_text.parse, broken_bytes)) is not None
    ]
    return Found(reversed(files) if request.override else files)
