"""Values with provenance: what a process will see, and which line of which file says so.

`repr` of anything here never shows a value's text: a value reaches output only through `env.secrets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from devstack.records import dataclass, field


class LayerKind(StrEnum):
    """Where a value comes from."""

    FILE = "file"
    SET = "set"
    PROCESS = "process"
    COMMAND = "command"  # `VAR=x cmd` in a Procfile entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a definition stands: `path` absolute (None outside files), `line` 1-based."""

    layer: LayerKind
    path: Path | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Value:
    """What a program gets for one name.

    Attributes:
        text: the effective text; None = set to nothing (python-dotenv's `KEY` alone) or unknown.
        raw: the text as written after the separator, quotes included; None where there is none.
        shadows: definitions of the same name that lose against this one, nearest loser first.
        references: names that the raw text refers to.
        unknown: why the text cannot be decided; None when it is decided.
    """

    text: str | None
    origin: Origin
    raw: str | None = None
    shadows: tuple[Shadow, ...] = ()
    references: tuple[str, ...] = ()
    unknown: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether the program finds a value at all, even an empty one."""
        return self.text is not None or self.unknown is not None

    @property
    def is_empty(self) -> bool:
        """Whether the program finds the empty text."""
        return self.text == ""

    def __repr__(self) -> str:
        shown = "unknown" if self.unknown else "None" if self.text is None else f"{len(self.text)} characters"
        return f"Value(<{shown}>, {self.origin!r})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Shadow:
    """A definition that lost; `text` is what it would have given."""

    text: str | None
    origin: Origin

    def __repr__(self) -> str:
        return f"Shadow({self.origin!r})"


class Variables(Mapping[str, Value]):
    """Values by name that tell what all of them have in common without being put together one by one."""

    def texts(self) -> Iterable[str | None]:
        """The text of each value, in the order of the names."""
        return [value.text for value in self.values()]

    def altered(self) -> set[str]:
        """Names with a value that is not just the text that the only line with that name in a file says."""
        return {name for name, value in self.items() if not _is_as_written(value)}


def _is_as_written(value: Value) -> bool:
    is_alone = value.origin.layer is LayerKind.FILE and not value.shadows
    return is_alone and value.unknown is None and value.text is not None and value.raw == value.text


class Overlaid(Variables):
    """Some variables with others over them, as `{**below, **above}`."""

    def __init__(self, below: Mapping[str, Value], above: Mapping[str, Value]) -> None:
        self._below = below
        self._above = above

    def __getitem__(self, name: str) -> Value:
        found = self._above.get(name)
        return self._below[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        yield from self._below
        for name in self._above:
            if name not in self._below:
                yield name

    def __len__(self) -> int:
        return len(self._below) + sum(name not in self._below for name in self._above)

    def __contains__(self, name: object) -> bool:
        return name in self._above or name in self._below

    def texts(self) -> list[str | None]:
        """See `Variables`."""
        if not isinstance(self._below, Variables):
            return [value.text for value in self.values()]
        known = dict(zip(self._below, self._below.texts(), strict=True))
        known.update((name, value.text) for name, value in self._above.items())
        return list(known.values())

    def altered(self) -> set[str]:
        """See `Variables`; what lies above counts whatever it is."""
        if isinstance(self._below, Variables):
            return self._below.altered().union(self._above)
        return super().altered()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLayer:
    """A file that the loader reads or would read if it existed; in reading order."""

    path: Path
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadIssue:
    """What a program does with a text it cannot take: whole-file loss, dropped line, error, hang.

    Attributes:
        kind: stable word: `file-dropped`, `line-dropped`, `error`, `hang`, `encoding`, `missing`,
            `unreadable`, `executes`, `next-key-lost`, `too-large`, `unread` (a pipe or device), `dynamic` (not
            known which files are read).
        fatal: the program does not start, or loads nothing from this file.
    """

    path: Path
    line: int | None
    kind: str
    message: str
    fatal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The environment of one service.

    Attributes:
        loader: kind and version whose rules were applied, `vite@8+node@22`.
        variables: what files and `set` define, with the process environment's value where it wins.
        process: the ambient environment the service inherits; consulted for names no file defines.
        prefixes: names with these prefixes reach the browser.
        layers: every file in reading order, also those that do not exist.
    """

    service: str
    loader: str
    mode: str
    variables: Mapping[str, Value]
    layers: tuple[FileLayer, ...] = ()
    issues: tuple[LoadIssue, ...] = ()
    prefixes: tuple[str, ...] = ()
    process: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def get(self, name: str) -> Value | None:
        """The value the program finds under `name`, from files, `set` or the ambient environment."""
        found = self.variables.get(name)
        if found is not None:
            return found
        ambient = self.process.get(name)
        if ambient is None:
            return self._in_any_case(name) if "pydantic" in self.loader else None
        return Value(text=ambient, origin=Origin(layer=LayerKind.PROCESS))

    def _in_any_case(self, name: str) -> Value | None:
        """What a settings class takes for `name`: it asks for names whatever their case."""
        wanted = name.upper()
        spelt = next((each for each in self.variables if each.upper() == wanted), None)
        return None if spelt is None else self.variables[spelt]

    def is_public(self, name: str) -> bool:
        """Whether the bundler puts `name` into what the browser gets."""
        return any(prefix and name.startswith(prefix) for prefix in self.prefixes)


class FileReader(Protocol):
    """Reads each file at most once per run; shared by loaders, rules and the source index."""

    def read(self, path: Path) -> bytes | None:
        """The content; None when there is no such file. Raises OSError when it exists but cannot be read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LoadRequest:
    """What a loader needs: nothing is taken from the real process or folder.

    Attributes:
        folder: where the program runs, absolute.
        mode: `development` unless declared.
        process: the environment the program is started with.
        files: replaces the loader's own list; absolute.
        override: a later layer that wins over what is already set (`load_dotenv(override=True)`).
        prefixes: public prefixes as configured; None = the loader's default.
    """

    folder: Path
    mode: str
    process: Mapping[str, str]
    reader: FileReader
    files: Sequence[Path] | None = None
    override: bool = False
    prefixes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a loader found: variables, the layers in reading order, and what it could not take."""

    variables: Mapping[str, Value]
    layers: tuple[FileLayer, ...]
    issues: tuple[LoadIssue, ...] = ()
    prefixes: tuple[str, ...] = ()


class Loader(Protocol):
    """A program that reads env files. Modules of `env.loaders` provide instances."""

    @property
    def pin(self) -> str:
        """Kind and version as in `loader = "…"`: `next@16`, `vite@8+node@22`."""
        ...

    def load(self, request: LoadRequest) -> Loaded:
        """Apply the program's rules. Never executes anything, never hangs, never raises for bad content."""
        ...
