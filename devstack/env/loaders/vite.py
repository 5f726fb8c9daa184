"""Vite's `loadEnv`, 5-8: four files merged, the later ones winning, then one expansion over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devstack.env.loaders import bun_text, dotenv_text, ecmascript, expand_callback, expand_loop, node
from devstack.env.loaders.definitions import Parsed, ParsedFile
from devstack.env.loaders.expansion import Endless, Overflow, fatal
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading, broken_bytes
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.records import dataclass

PREFIXES = ("VITE_",)
# Copied into the process environment as parsed, before anything is expanded.
_COPIED = ("BROWSER", "BROWSER_ARGS")


def file_names(mode: str) -> list[str]:
    """The files of one mode, in reading order; the last definition of a name wins."""
    return [".env", ".env.local", f".env.{mode}", f".env.{mode}.local"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vite:
    """The loader of `vite`, `vite build` and `vite preview`.

    Attributes:
        runtime: `node@22`, `bun@1.4`: whose `util.parseEnv` is the parser of Vite 8.
    """

    version: int = 8
    runtime: str = "node@24"

    @property
    def pin(self) -> str:
        """Kind and version, and from Vite 8 on the runtime that parses."""
        return f"vite@{self.version}" + (f"+{self.runtime}" if self.version >= 8 else "")

    def load(self, request: LoadRequest) -> Loaded:
        """Apply Vite's rules; an exported value wins, also an empty one."""
        reading = Reading(request)
        prefixes = PREFIXES if request.prefixes is None else request.prefixes
        if request.mode == "local":
            message = '"local" cannot be a mode name: Vite stops, because `.env.local` is for all modes'
            where = request.folder / ".env.local"
            issue = LoadIssue(path=where, line=None, kind="error", message=message, fatal=True)
            return Loaded(variables={}, layers=(), issues=(issue,), prefixes=prefixes)
        paths = request.files
        if paths is None:
            paths = [request.folder / name for name in file_names(request.mode)]
        parser = dotenv_text.parse if self.version < 8 else _parser_of(self.runtime)
        files = [
            file
            for path in paths
            if (file := reading.parse(path, ecmascript.decode, parser, broken_bytes)) is not None
        ]
        found = Found(reversed(files))
        results: Mapping[str, Result] = {}
        try:
            results = self._expand(found, files, request)
        except (Overflow, Endless) as problem:
            where = files[-1].path if files else request.folder / ".env"
            reading.issues.append(fatal(problem, where, "Vite"))
        referenced = expand_callback.references if self.version < 6 else expand_loop.references
        return reading.finish(Values(found, results, request.process, referenced), prefixes)

    def _expand(self, found: Found, files: list[ParsedFile], request: LoadRequest) -> Mapping[str, Result]:
        written: dict[str, str] = {}
        for file in files:
            # Node's `util.parseEnv` sorts names by their bytes, which decides what is expanded first.
            texts = file.definitions.last_said()
            is_sorted = self.version >= 8 and self.runtime.startswith("node")
            if is_sorted and any("$" in text for text in texts.values()):
                texts = {name: texts[name] for name in sorted(texts)}
            written.update(texts)
        process = dict(request.process)
        for name in _COPIED:
            if written.get(name) and name not in process:
                process[name] = written[name]
        if self.version < 6:
            undecided = expand_callback.expand_all(written, process, keeps_self=True)
        else:
            undecided = expand_loop.expand_all(written, process, sees_later=True)
        return Results(found, lambda name: _result(name, written, process, undecided))


def _parser_of(runtime: str) -> Callable[[str], Parsed]:
    if runtime.startswith("node"):
        return node.parser(runtime.removeprefix("node@"))
    grammar = bun_text.parse14 if runtime == "bun@1.4" else bun_text.parse13
    return lambda text: grammar(text.encode().decode("latin-1"))


def _result(name: str, parsed: dict[str, str], process: dict[str, str], undecided: dict[str, str]) -> Result:
    if name in process:
        return Result(process[name], True)
    reason = undecided.get(name)
    return Result(None, False, reason) if reason else Result(parsed[name])
