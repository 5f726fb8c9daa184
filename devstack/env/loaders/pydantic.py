"""pydantic-settings: `dotenv_values()` of its env files, with exported values over them per field."""

from __future__ import annotations

from devstack.env.loaders import python_text
from devstack.env.loaders.outcome import Found, Result, Values
from devstack.env.loaders.python_dotenv import interpolate, references
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
        texts: dict[str, Result] = {}
        for file in files:
            for name, (text, unknown) in interpolate(file, request.process, process_wins=False).items():
                texts[name] = Result(text, False, unknown)
        folded = {name.lower(): text for name, text in request.process.items()}
        for name in texts:
            exported = folded.get(name.lower())
            if exported is not None and not request.override:
                texts[name] = Result(exported, True)
        if any(issue.fatal for issue in reading.issues):
            texts = {}
        found = Found(reversed(files))
        return reading.finish(Values(found, texts, request.process, references))
