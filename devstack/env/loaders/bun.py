"""What `bun` itself loads before the program runs: four files, the strongest first, each expanded on its own."""

from __future__ import annotations

from devstack.env.loaders import bun_text, expand_bun, next
from devstack.env.loaders.definitions import ParsedFile
from devstack.env.loaders.expansion import Undecided, Work
from devstack.env.loaders.outcome import Found, Result, Results, Values
from devstack.env.loaders.reading import Reading, broken_bytes
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.records import dataclass


def mode_of(request: LoadRequest) -> str:
    """The mode Bun is in: `BUN_ENV` decides, then `NODE_ENV`; what is neither production nor test is development."""
    process = request.process
    mode = process.get("BUN_ENV", process.get("NODE_ENV", request.mode))
    return mode if mode in ("production", "test") else "development"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bun:
    """The loader of `bun server.ts` and of `bun --env-file=…`.

    Attributes:
        version: `1.2`, `1.3` or `1.4`.
    """

    version: str = "1.4"

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"bun@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply Bun's rules; an exported value stays as it is, and of files that are named the last wins."""
        reading = Reading(request)
        if request.files is not None:
            paths = list(reversed(request.files))
        else:
            paths = [request.folder / name for name in next.file_names(mode_of(request))]
            _note_options(request, reading)
        parser = bun_text.parse14 if self.version == "1.4" else bun_text.parse13
        run = _Run(request, is_new=self.version == "1.4")
        for path in paths:
            file = reading.parse(path, lambda content: content.decode("latin-1"), parser, broken_bytes)
            if file is None:
                continue
            try:
                run.apply(file)
            except expand_bun.Stops:
                reading.issues.append(_crash(file, run.expanding, self.version))
                return reading.finish({})
        found = Found(run.taken)
        results = Results(found, run.result)
        return reading.finish(Values(found, results, request.process, expand_bun.references))


def _note_options(request: LoadRequest, reading: Reading) -> None:
    if "env-file" in request.process.get("BUN_OPTIONS", ""):
        message = "BUN_OPTIONS tells Bun which files to load; declare `files`"
        where = request.folder / ".env"
        reading.issues.append(LoadIssue(path=where, line=None, kind="dynamic", message=message))


def _crash(file: ParsedFile, name: str, version: str) -> LoadIssue:
    message = (
        f"Bun {version} crashes: a default holds another reference, as `${{A:-$B}}` does; Bun 1.4 takes it"
    )
    line = file.definitions[file.definitions.last()[name]].line
    return LoadIssue(path=file.path, line=line, kind="error", message=message, fatal=True)


class _Run:
    """What Bun's environment becomes while the files are applied one after the other.

    Attributes:
        expanding: the name whose references are being resolved.
    """

    def __init__(self, request: LoadRequest, *, is_new: bool) -> None:
        self._initial = request.process
        self._current = dict(request.process)
        self._undecided: dict[str, str] = {}
        self._expand = expand_bun.expand14 if is_new else expand_bun.expand13
        self.taken: list[ParsedFile] = []
        self.expanding = ""

    def apply(self, file: ParsedFile) -> None:
        """Add what is not there yet, then expand that, in the order of the text.

        Raises:
            Stops: the program does not survive.
        """
        self.taken.append(file)
        fresh = file.definitions.last_said()
        for name in self._current.keys() & fresh.keys():
            del fresh[name]
        self._current.update(fresh)
        work = Work(self._undecided)
        for name in [name for name, text in fresh.items() if "$" in text]:
            self.expanding = name
            try:
                self._current[name] = self._expand(fresh[name], self._current, work)
            except Undecided as reason:
                self._undecided[name] = str(reason)

    def result(self, name: str) -> Result:
        """The text of one declared name once all files are applied."""
        unknown = self._undecided.get(name)
        return Result(None if unknown else self._current[name], name in self._initial, unknown)
