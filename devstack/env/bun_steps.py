"""What Bun loads on the way from a command to the program that it runs.

Bun loads env files where it runs a module itself. `bun run dev` with a script `next dev` only starts Node, and loads
nothing; a Bun before 1.4 that takes Node's place (`--bun`) loads as well. Measured with 1.2.23, 1.3.14 and 1.4.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from devstack import foreign
from devstack.env import versions
from devstack.env.bun import NOTHING, Found
from devstack.env.files import Files, normal
from devstack.patterns import regex
from devstack.records import dataclass, replace
from devstack.stack import bun_call, package, scripts, shell_words
from devstack.stack.bun_call import Target
from devstack.stack.package import Package

_CONFIGURATION = "bunfig.toml"
_DEEPEST = 4  # scripts that run scripts
_MENTION = regex(r"(?:^|[\s\"'`(&|;/])(bunx?\s[^\"'`)&|;]+)")
_GOES_AWAY = regex(r"(?:^|[;&|(]\s*)cd\s")
_SIDE_BY_SIDE = regex(r"(?<![&>])&(?![&>])|\|\|")
_OF_SHELL = regex(r"\$\{[^{}]*\}|\$\w+")
_REDIRECTION = regex(r"\s\d?(?:>>?|<)\s*(?:&\d|[^\s;&|]+)")
_SETTING = regex(r"[A-Za-z_][A-Za-z0-9_]*=")
_ALONE = [(name,) for name in bun_call.PROGRAMS]
_SETTERS = ("cross-env", "cross-env-shell", "env")


class Kind(StrEnum):
    """One thing that Bun does on its way."""

    NAMED = "named"  # loads a file that the command names
    RUNS = "runs"  # runs the program, and loads what was named and nothing else
    USUAL = "usual"  # runs the program, and loads the files of its mode
    SILENT = "silent"  # runs the program, and is told to load nothing
    AS_NODE = "as-node"  # runs the program in Node's place
    UNSURE = "unsure"  # runs something, perhaps this program


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of them.

    Attributes:
        by: the words that show it.
        file: relative to the folder where the command runs; for NAMED.
    """

    kind: Kind
    by: str
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command runs.

    Attributes:
        is_file: whether there is a file with this path, relative to the folder.
        instead_of_node: `bun run` takes Node's place without being told.
        without_node: there is no Node, so Bun always does.
    """

    package: Package | None
    is_file: Callable[[str], bool]
    instead_of_node: bool = False
    without_node: bool = False


def followed(command: str, folder: Path, files: Files, installed: versions.Installed) -> Found:
    """What Bun loads before the program of `command`, which is run in `folder`."""
    own = package.read(folder) if files.may_hold(folder, "package.json") else None
    place = Place(package=own, is_file=lambda name: files.is_file(folder / name))
    if not steps(command, replace(place, instead_of_node=True, without_node=True)):
        return NOTHING  # no program is asked for its version in vain
    version = versions.bun(folder, files, installed)
    told = _configuration(folder, files) if version != "1.2" else {}
    place = replace(
        place,
        instead_of_node=_setting(told, "run", "bun") is True,
        without_node=version != "1.4" and installed("node") is None,
    )
    is_silent = told.get("env") is False or _setting(told, "env", "file") is False
    return _loaded(steps(command, place), folder, version, is_silent=is_silent)


def _loaded(made: tuple[Step, ...], folder: Path, version: str, *, is_silent: bool) -> Found:
    """What this version of Bun loads in these steps; `is_silent`: its configuration tells it not to."""
    loads: list[tuple[Path, ...] | None] = []
    for step in made:
        if step.kind is Kind.NAMED and "$" not in step.file:
            loads.append((normal(folder / step.file),))
        elif (step.kind is Kind.AS_NODE and version != "1.4") or step.kind in (Kind.USUAL, Kind.SILENT):
            loads.append(() if is_silent or (step.kind is Kind.SILENT and version != "1.2") else None)
    kinds = {step.kind for step in made}
    runs = not kinds.isdisjoint((Kind.RUNS, Kind.USUAL, Kind.SILENT))
    return Found(
        loads=tuple(loads),
        runs=runs,
        runtime=f"bun@{version}" if runs or Kind.AS_NODE in kinds else "",
        unsure=next((step.by for step in made if step.kind is Kind.UNSURE or "$" in step.file), ""),
    )


def _configuration(folder: Path, files: Files) -> dict[str, object]:
    """What bunfig.toml says; nothing where it cannot be read, for then Bun does not start."""
    try:
        return foreign.from_toml((files.read(folder / _CONFIGURATION) or b"").decode("utf-8"))
    except (OSError, ValueError):
        return {}


def _setting(told: Mapping[str, object], table: str, name: str) -> object:
    found = told.get(table)
    return found.get(name) if isinstance(found, dict) else None


def steps(text: str, place: Place) -> tuple[Step, ...]:
    """What Bun does before the program of the command `text`, in order; nothing where Bun has no part in it."""
    way = _Way(place)
    way.follow(text, as_node=False, left=_DEEPEST)
    return tuple(way.steps)


class _Way:
    """Follows one command through scripts and runners."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: Mapping[str, str] = {} if place.package is None else place.package.scripts
        self.steps: list[Step] = []

    def follow(self, text: str, *, as_node: bool, left: int) -> None:
        """Take the steps of the command that `text` ends with."""
        words = _words(text) if left else None
        if not words:
            self._look(text, left)
            return
        name = words[0].rpartition("/")[2]
        script = scripts.behind(words, self._place.package) if name not in bun_call.PROGRAMS else None
        if name in bun_call.PROGRAMS:
            self._bun((name, *words[1:]), as_node=as_node, left=left)
        elif script is not None:
            self.follow(script.text, as_node=as_node, left=left - 1)
        else:
            if as_node:
                self._as_node(words)
            self._look(" ".join(words), left)

    def _as_node(self, words: tuple[str, ...]) -> None:
        """A program that asks for Node; `node --env-file` is Bun's own flag then."""
        named: tuple[str, ...] = ()
        if words[0].rpartition("/")[2] == "node":
            named = bun_call.read(("bun", *words[1:]), {}, self._place.is_file).env_files
        self._named(named, words)
        self._add(Kind.RUNS if named else Kind.AS_NODE, words)

    def _bun(self, words: tuple[str, ...], *, as_node: bool, left: int) -> None:
        call = bun_call.read(words, self._known, self._place.is_file)
        named = call.env_files
        if call.target is Target.ELSEWHERE or "$" in "".join(call.words[:1]) or (named and call.is_x):
            self._add(Kind.UNSURE, words)
            return
        self._named(named, words)
        as_node = as_node or call.takes_nodes_place or self._place.without_node
        as_node = as_node or (self._place.instead_of_node and not call.is_x)
        if call.target is Target.MODULE:
            self._add(Kind.RUNS if named else Kind.SILENT if call.silent else Kind.USUAL, words)
        elif call.target is Target.SCRIPT:
            self.follow(self._known[call.words[0]], as_node=as_node, left=left - 1)
        elif call.target is Target.PROGRAM:
            if as_node:
                self._as_node(call.words)
            self._look(" ".join(call.words), left)

    def _look(self, text: str, left: int) -> None:
        """Whether a Bun that loads something is started somewhere in `text`, whose structure is not understood."""
        for mention in _MENTION.findall(text) if left else ():
            inner = _Way(self._place)
            inner.follow(mention, as_node=False, left=left - 1)
            if inner.steps:
                self.steps.append(Step(kind=Kind.UNSURE, by=inner.steps[-1].by))
                return

    def _add(self, kind: Kind, words: tuple[str, ...]) -> None:
        self.steps.append(Step(kind=kind, by=" ".join(words[:3])))

    def _named(self, files: tuple[str, ...], words: tuple[str, ...]) -> None:
        """Of several files the last one wins, so it is read first."""
        by = " ".join(words[:3])
        self.steps += [Step(kind=Kind.NAMED, by=by, file=file) for file in reversed(files)]


def _words(text: str) -> tuple[str, ...] | None:
    """The words of the last command, or of the first one of a pipe; None where its place in the text is unclear.

    What only the shell can tell is a `$` in them.
    """
    last = re.split(r"&&|;", text)[-1]
    if _GOES_AWAY.search(text) or _SIDE_BY_SIDE.search(last):
        return None
    plain = _REDIRECTION.sub("", _OF_SHELL.sub(r"\\$", last.partition("|")[0]))
    words = shell_words.read(plain).words
    while words and (words[0] in _SETTERS or _SETTING.match(words[0])):
        words = words[1:]
    if words and "--" in words and (inner := words[words.index("--") + 1 :])[:1] in _ALONE:
        return inner  # `dotenv -e .env -- bun server.ts`
    return words
