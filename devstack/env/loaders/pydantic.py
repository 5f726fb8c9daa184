"""pydantic-settings: `dotenv_values()` of its env files, with exported values over them per field."""

from __future__ import annotations

from devstack.env.loaders import python_text
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.python_values import interpolate, references
from devstack.env.loaders.reading import Reading
from devstack.env.model import Loaded, LoadRequest
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pydantic:
    """`SettingsConfigDict(env_file=…)`: relative to the current folder; of several files the last wins."""

    @property
    def pin(self) -> str:
        """The kind."""
        return "pydantic"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply the rules; names match whatever their case, and an exported value wins, also an empty one."""
        reading = Reading(request)
        paths = list(request.files) if request.files is not None else [request.folder / ".env"]
        grammar = python_text.Grammar(current=True)
        files = [
            file
            for path in paths
            if (file := reading.parse(path, python_text.decode, grammar.parse)) is not None
        ]
        texts: dict[str, str | None] = {}
        unknown: dict[str, str] = {}
        for file in files:
            made, undecided = interpolate(file, request.process, process_wins=False)
            texts |= made
            unknown = {name: why for name, why in unknown.items() if name not in made} | undecided
        folded = {name.lower(): text for name, text in request.process.items()}

        def decide(name: str) -> Result:
            exported = None if request.override else folded.get(name.lower())
            if exported is not None:
                return Result(exported, True)
            return Result(texts[name], False, unknown.get(name))

        found = Found(() if any(issue.fatal for issue in reading.issues) else reversed(files))
        return reading.finish(Values(found, Results(found, decide), request.process, references))
